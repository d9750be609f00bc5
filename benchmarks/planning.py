"""Simulated hives of 10 to 1 000 nodes that lose a tenth of all messages: rounds until all have an entry, and traffic a node."""

import math
import time

from benchmarks.row import Effort, Figure, Row
from hive_node.simulation.measures import Measured
from hive_node.simulation.plan import Plan, play

_SIZES = (10, 30, 100, 300, 1000)
_ROUNDS = 20


def measure(effort: Effort) -> Row:
    """Quick: up to 100 nodes."""
    sizes = _SIZES[: effort.choose(5, 3)]
    began = time.process_time()
    found = [play(Plan(nodes=nodes, loss=0.1, seed=1, minutes=3, entries=10)) for nodes in sizes]
    spent = time.process_time() - began
    largest = found[-1]
    return Row(
        "simulate",
        tuple(_figures(sizes, found)),
        (*_notes(sizes, found), f"{spent:.0f} s of processor time, {largest.plan['nodes']} nodes in one process"),
    )


def _figures(sizes: tuple[int, ...], found: list[Measured]) -> list[Figure]:
    figures = []
    for nodes, one in zip(sizes, found, strict=True):
        rounds = one.all_have_rounds.max if one.all_have_rounds and one.everywhere == one.said else math.nan
        hops = one.hops.max if one.hops else math.nan
        figures.append(Figure(f"{nodes} nodes, all have each entry", rounds, "rounds of 22.5 s", _ROUNDS))
        figures.append(Figure(f"{nodes} nodes, longest way", hops, "hops", _ROUNDS))
    by_log = [one.per_node("bytes_out").mean / math.log(nodes) for nodes, one in zip(sizes, found, strict=True)]
    # A budget of 1: bytes a node, over the logarithm of the hive, never grow.
    figures.append(Figure("bytes a node ÷ ln n, largest hive to smallest", by_log[-1] / by_log[0], "", 1.0))
    return figures


def _notes(sizes: tuple[int, ...], found: list[Measured]) -> list[str]:
    return [
        f"{nodes} nodes: {one.per_node('messages_out').mean:.0f} messages and {one.per_node('bytes_out').mean / 1024:.0f} KiB out of each over "
        f"{one.minutes:.1f} minutes (most {one.per_node('bytes_out').max / 1024:.0f} KiB), {max(one.neighbours)} neighbours at most"
        for nodes, one in zip(sizes, found, strict=True)
    ]
