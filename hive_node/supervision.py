"""The one owner of tasks. A service runs in a restart loop of its own: a faulty one never stops its siblings."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from hive_node.ports import Chance, Clock, FatalError

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.5
_LAST_PAUSE_S: Final = 60.0
# A service that ran this long was well: its next failure begins with the first pause again.
_WELL_AFTER_S: Final = 60.0


class Service(Protocol):
    """A part of the daemon that runs until it is cancelled."""

    async def serve(self) -> None: ...


@dataclass(slots=True)
class Supervisor:
    """Runs services side by side. FatalError of any of them stops all."""

    clock: Clock
    chance: Chance
    restarts: dict[str, int] = field(default_factory=dict)

    async def run(self, services: Mapping[str, Service], stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until `stop` is set; then cancel every service and wait for their `finally`. Raises FatalError."""
        fatal: FatalError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for name, service in services.items():
                    group.create_task(self._keep(name, service), name=name)
                group.create_task(self._heartbeat(), name="heartbeat")
                ready()
                notify("READY=1")
                group.create_task(_until(stop), name="stop")
        except* _Stop:
            notify("STOPPING=1")
        except* FatalError as failed:
            fatal = _first(failed)
        # Not raised in there: CPython's versions differ in whether they wrap what an `except*` raises.
        if fatal is not None:
            raise fatal

    async def _keep(self, name: str, service: Service) -> None:
        failures = 0
        while True:
            began = self.clock.monotonic()
            try:
                await service.serve()
                return  # a service that has nothing to do here says so by returning
            except FatalError:
                raise
            except Exception as error:
                failures = 0 if self.clock.monotonic() - began > _WELL_AFTER_S else failures
                failures += 1
                self.restarts[name] = self.restarts.get(name, 0) + 1
                pause = min(_LAST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(failures - 1, 10)) * self.chance.uniform(0.5, 1.0)
                # The first failure with its traceback; the same again is one quiet line.
                logger.log(
                    logging.ERROR if failures == 1 else logging.DEBUG,
                    "service failed",
                    extra={"service": name, "error": type(error).__name__, "pause_s": round(pause, 1)},
                    exc_info=error if failures == 1 else None,
                )
                await self.clock.sleep(pause)

    async def _heartbeat(self) -> None:
        """Feeds systemd's watchdog from the loop itself: a stuck loop stops feeding it."""
        interval_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        while interval_us:
            notify("WATCHDOG=1")
            await self.clock.sleep(interval_us / 3_000_000)


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


class _Stop(Exception):
    pass


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stop


def _first(group: BaseExceptionGroup[FatalError]) -> FatalError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
