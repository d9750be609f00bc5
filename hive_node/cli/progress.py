"""Watching an experiment that the node runs: the node's events wake us, its own overview says how things stand."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import typer

from hive_node.cli.client import Client, Unreachable
from hive_node.cli.context import at
from hive_node.cli.output import NO, harmless, number, warn

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.text import Text

_ENDS: Final = frozenset({"finalized", "stopped", "failed"})
_OPEN: Final = frozenset({"proposed", "tried", "judged"})


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A sign of life, with what is being done, while the block runs; nothing where no terminal draws."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield


def follow(client: Client, tree: Any, *, is_silent: bool) -> Any:
    """The experiment as it ended. Raises Unreachable where the daemon goes away meanwhile."""
    with _display(tree, is_silent) as display, _interruptions() as interrupted:
        try:
            for now in _changes(client, tree["id"]):
                if interrupted.is_set():
                    raise KeyboardInterrupt
                display.update(now)
                if now["state"] in _ENDS:
                    return now
        except KeyboardInterrupt:
            warn(f"No longer watching. The experiment goes on: `hive-node experiment show {tree['id']}`, or `stop`.")
            raise typer.Exit(NO) from None
    raise Unreachable(
        "the daemon stopped; the experiment goes on from where it is when `hive-node run` is started again"
    )


@contextmanager
def _interruptions() -> Iterator[Event]:
    """Set once somebody pressed Ctrl-C: a KeyboardInterrupt alone, raised where an object is being finalized, is lost."""
    interrupted, before = Event(), signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _changes(client: Client, identity: str) -> Iterator[Any]:
    # The stream opens with a comment and beats while nothing happens: whatever comes, the overview is looked at after it,
    # so that nothing between starting and listening is missed.
    for _ in client.stream(at("events")):
        yield client.get(at("experiments", identity))


class _Quiet:
    def update(self, tree: Any) -> None:
        """Say nothing."""


class _Bar:
    def __init__(self, progress: "Progress", words: "Text", total: int) -> None:
        self._progress = progress
        self._words = words
        self._task = progress.add_task("", total=total)

    def update(self, tree: Any) -> None:
        """Draw how the experiment stands."""
        self._progress.update(self._task, completed=tree["iteration"] - (tree["state"] in _OPEN))
        self._words.plain = _line(tree)


class _Lines:
    """Where no terminal draws: one line for each idea's end."""

    def __init__(self) -> None:
        self._last = ""

    def update(self, tree: Any) -> None:
        """Say how the experiment stands, if it is news."""
        line = f"{tree['iteration']}/{tree['budget']['iterations']} {_line(tree)}"
        if line != self._last and tree["state"] not in _OPEN:
            warn(line)
            self._last = line


@contextmanager
def _display(tree: Any, is_silent: bool) -> Iterator[_Quiet | _Bar | _Lines]:
    if is_silent:
        yield _Quiet()
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    progress, words = Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console), Text()
    with Live(Group(progress, words), console=console, transient=True):
        yield _Bar(progress, words, tree["budget"]["iterations"])


def _line(tree: Any) -> str:
    parts = [f"{tree['id']} {tree['state']}", f"{tree['metric']} {number(tree['baseline'])} → {number(tree['best'])}"]
    parts.append(f"{tree['promotions']} promoted")
    if tree["waiting"]:
        parts.append(f"waits: {tree['waiting']}")
    if tree["last_rejection"]:
        parts.append(f"last rejection: {tree['last_rejection']}")
    return harmless(", ".join(parts)).replace("\n", " ")
