"""`hive-node simulate`: how a hive of that size would do on such a network, without starting one."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer

from hive_node.cli.context import JsonFlag
from hive_node.cli.output import USAGE, end, say, show, warn

# Where no terminal draws, a line so often.
_LINE_S: Final = 10.0

Progress = Callable[[float, float], None]


def simulate(
    nodes: Annotated[int, typer.Option(help="How many, 2 to 1000.")] = 10,
    loss: Annotated[float, typer.Option(help="Share of messages that get lost, 0 to 0.9.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same output.")] = 0,
    minutes: Annotated[float, typer.Option(min=1, max=10_080, help="How long, in the hive's own time.")] = 10.0,
    entries: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many honest nodes publish, in the first half.")
    ] = 10,
    liars: Annotated[
        int, typer.Option(min=0, help="Nodes that equivocate, forge, flood or exaggerate, in this order.")
    ] = 0,
    partition: Annotated[float, typer.Option(min=0, help="Minutes for which two halves do not hear each other.")] = 0.0,
    sleepers: Annotated[int, typer.Option(min=0, help="Nodes that are asleep from the first quarter to the last.")] = 0,
    skew: Annotated[float, typer.Option(min=0, help="Seconds by which clocks are off at most.")] = 0.0,
    as_json: JsonFlag = False,
) -> None:
    """Play a hive with the real protocol in one process: convergence, traffic, what is refused. Opens no port.

    \b
    hive-node simulate --nodes 100 --loss 0.1
    hive-node simulate --nodes 30 --partition 5 --sleepers 10 --skew 3600
    hive-node simulate --nodes 12 --liars 4 --json
    """  # fmt: skip
    from hive_node.simulation.plan import Plan, play
    from hive_node.simulation.report import report

    plan = Plan(nodes, loss, seed, minutes, entries, liars, partition, sleepers, skew)
    if fault := plan.fault():
        end(f"this cannot be simulated: {fault}", USAGE)
    # What a simulated node would log of its peers is no news of this machine.
    logging.getLogger("hive_node").setLevel(logging.CRITICAL)
    with _progress(plan.minutes) as progress:
        found = play(plan, progress)
    show(found.tree(), as_json, lambda _tree: say("\n".join(report(found))))


@contextmanager
def _progress(minutes: float) -> Iterator[Progress]:
    """How far the story is: drawn on a terminal, else a line every few seconds. On standard error, where output is not."""

    def words(minute: float, share: float) -> str:
        return f"minute {minute:.1f} of {minutes:g}, {share:.0%} of all entries delivered"

    if not sys.stderr.isatty():
        yield _lines(words)
        return
    from rich.console import Console

    with Console(stderr=True).status("nodes meet …") as status:
        yield lambda minute, share: status.update(words(minute, share))


def _lines(words: Callable[[float, float], str]) -> Progress:
    from hive_node.adapters.clock import SystemClock

    clock = SystemClock()
    last = clock.monotonic()

    def tell(minute: float, share: float) -> None:
        nonlocal last
        if clock.monotonic() - last >= _LINE_S:
            last = clock.monotonic()
            warn(words(minute, share))

    return tell
