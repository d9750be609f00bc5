"""What a node that was killed left running. A sandbox ends with its node, but for one moment: bubblewrap's process that was cloned and
not yet told to go on waits for its maker, who is dead, for ever (bubblewrap has no answer to that; nothing of the trial runs in it)."""

import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

_PROGRAM: Final = b"bwrap"


def end_orphans(trees: Path) -> int:
    """Kill every bubblewrap of this user's that was to run something below `trees`, and how many they were.

    Only for whoever holds the home: nobody else runs trials there.
    """
    ended, real = 0, os.fsencode(trees.resolve())  # the sandbox names trees by their real path
    for pid in _pids():
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            opened = os.pidfd_open(pid)
            try:
                if _is_ours(Path(f"/proc/{pid}"), real):
                    signal.pidfd_send_signal(opened, signal.SIGKILL)
                    ended += 1
            finally:
                os.close(opened)
    if ended:
        logger.info("sandboxes of an earlier life ended", extra={"count": ended})
    return ended


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _is_ours(entry: Path, trees: bytes) -> bool:
    if entry.stat().st_uid != os.geteuid():
        return False
    program, *words = (entry / "cmdline").read_bytes().split(b"\0")
    return os.path.basename(program) == _PROGRAM and any(word.startswith(trees + b"/") for word in words)
