"""A trial gives way to everything else on the machine: nice 19, the idle I/O class, and its sessions' autogroups at nice 19."""

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

LOWEST: Final = 19

_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_ONE_PROCESS: Final = 1  # IOPRIO_WHO_PROCESS
_IDLE: Final = 3 << 13  # IOPRIO_CLASS_IDLE


def lower(pid: int) -> None:
    """Put a process that waits to be let go behind all others; what it starts inherits that. Raises OSError."""
    os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
    if (number := _IOPRIO_SET.get(os.uname().machine)) is not None:
        _system_call()(number, _ONE_PROCESS, pid, _IDLE)


class Autogroups:
    """The scheduler weighs sessions before it weighs processes (sched(7)), so that nice alone would count inside one only.

    A run may open new sessions, each at nice 0 again: they are lowered as they are seen.
    """

    def __init__(self) -> None:
        self._lowered: set[int] = set()
        self.are_lowered = False

    def lower(self, sessions: Mapping[int, int]) -> None:
        """sessions: to each, one of its processes. Unprivileged, the kernel takes one a tenth of a second: then later."""
        for session, pid in sessions.items():
            if session not in self._lowered:
                with contextlib.suppress(OSError):
                    Path(f"/proc/{pid}/autogroup").write_text(str(LOWEST))
                    self._lowered.add(session)
                    self.are_lowered = True


def in_words(*, is_raced: bool, has_group: bool, autogroups: bool) -> str:
    """For the receipt. is_raced: the first process stayed at nice 0. has_group: a control group weighs the run as a whole."""
    idle = "I/O class idle" if os.uname().machine in _IOPRIO_SET else "I/O class as the node's"
    nice = f"nice {LOWEST}" + (", but for its first process" if is_raced else "")
    if has_group:
        return f"{nice}, {idle}, control group at the weight of nice 19"
    return f"{nice}, {idle}, " + ("autogroups at nice 19" if autogroups else "autogroups not lowered")


@functools.cache
def _system_call() -> "Callable[..., int]":
    import ctypes

    call: Callable[..., int] = ctypes.CDLL(None, use_errno=True).syscall
    return call
