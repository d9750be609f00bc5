"""What this process knows of its machine stays in its memory: no core file, no other process of its user gets at it."""

import ctypes
import logging
import resource
from typing import Final

logger = logging.getLogger(__name__)

# As prctl(2) numbers it.
_PR_SET_DUMPABLE: Final = 4


def keep_memory_private() -> None:
    """Have the kernel write no core of this process, to a file or a program, and let nobody but root read or trace it.

    For the rest of the process's life; programs that it starts are as they would be, but for core files. Call it before any
    secret is read. Where a kernel cannot do it, the log says so.
    """
    # A pipe in core_pattern is fed whatever this limit says: that is what the other is for.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None or prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        logger.warning("this kernel does not keep a process's memory private: other programs of this user can read it")
