"""What a worker's process does on its own side: answer lines, keep stray output off them, and end with the node."""

import ctypes
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

# Whoever waits for an answer of the node comes before what is done with an event.
_NICE: Final = 10
# prctl(2): the kernel kills this process when the thread that started it is gone, whatever somebody's code is doing.
_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Line:
    """The node's end of the line."""

    given: BinaryIO
    taken: BinaryIO

    def ask(self, question: dict[str, Any]) -> Any:
        """What the node answers to a question in the middle of a request."""
        self._say({"ask": question})
        return json.loads(self.given.readline())

    def serve(self, handle: Callable[[dict[str, Any]], Any]) -> None:
        """Answer every request until the node hangs up."""
        for line in iter(self.given.readline, b""):
            try:
                self._say({"result": handle(json.loads(line))})
            except Exception as error:  # noqa: BLE001  the boundary: whatever it is, the node hears of it
                self._say({"error": f"{type(error).__name__}: {error}"})

    def _say(self, tree: dict[str, Any]) -> None:
        said = json.dumps(tree, allow_nan=False).encode()
        self.taken.write(said + b"\n")
        self.taken.flush()


def _has_hung_up() -> bool:
    """Whether nobody is at the other end of standard input, though something may be left to read."""
    poll = select.poll()
    poll.register(0, select.POLLHUP)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def take_line() -> Line:
    """Standard input and output become the line; what the code prints goes to standard error."""
    os.nice(_NICE)
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if _has_hung_up():
        sys.exit("the node ended before its worker had begun")  # what the kernel was asked for came too late
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return Line(given, taken)
