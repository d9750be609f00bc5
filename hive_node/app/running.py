"""The daemon's life: the home locked, the node opened, its services run until a signal."""

import asyncio
import logging
import os
import signal

from hive_node.adapters.care.placing import finish_restore
from hive_node.adapters.homefolder import hold_home
from hive_node.adapters.memory import settle
from hive_node.adapters.sandbox.orphans import end_orphans
from hive_node.app.node import open_node
from hive_node.config.home import Home
from hive_node.ports import FatalError

logger = logging.getLogger(__name__)


async def run_node(home: Home) -> None:
    """Run the node in `home` until SIGTERM or SIGINT. Raises FatalError, ConfigError."""
    lock = lock_home(home)
    try:
        await asyncio.to_thread(end_orphans, home.worktrees)
        node = await open_node(home)
        settle()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await node.supervisor.run(
                node.services, stop, lambda: logger.info("running", extra={"node": node.hive.node})
            )
        finally:
            await node.close()
    finally:
        os.close(lock)


def lock_home(home: Home) -> int:
    """Take the home for this process, and finish a restore that was cut off. Raises FatalError where there is no node in it, or another daemon runs it."""
    if not home.config.is_file() and not home.restoring.is_dir():
        raise FatalError("home.none", f"{home.root} holds no node: `hive-node init` makes one")
    descriptor = hold_home(home)
    try:
        if (aside := finish_restore(home)) is not None:
            logger.warning("a restore that was cut off is finished", extra={"replaced": aside})
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
