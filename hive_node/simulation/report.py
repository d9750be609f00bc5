"""Measures in words, for people."""

from collections.abc import Iterator

from hive_node.simulation.measures import Measured, Spread
from hive_node.simulation.plan import ROUND_S
from hive_node.simulation.words import HONEST


def report(found: Measured) -> Iterator[str]:
    """Line by line."""
    yield _title(found)
    yield f"{found.everywhere} of {found.said} honest entries are with every honest node; {_agreement(found)}"
    yield ""
    yield f"{'':26}{'p50':>9}{'p99':>9}{'max':>9}"
    yield _line("all have an entry, s", found.all_have_s, 2)
    yield _line(f"in rounds of {ROUND_S} s", found.all_have_rounds, 2)
    yield _line("one node has it, s", found.one_has_s, 2)
    yield _line("times it was carried", found.hops, 0)
    yield ""
    yield f"traffic of one node over {found.minutes:.1f} minutes   mean      max"
    for label, kind in (("out", "messages_out"), ("in", "messages_in")):
        yield f"  messages {label:<20}{_mean(found.per_node(kind), 1)}"
    for label, kind in (("out", "bytes_out"), ("in", "bytes_in")):
        yield f"  KiB {label:<25}{_mean(found.per_node(kind), 1024)}"
    neighbours = Spread.of(found.neighbours)
    if neighbours:
        yield f"  neighbours{'':19}{_mean(neighbours, 1)}"
    yield ""
    yield "refused: " + (", ".join(f"{count} {code}" for code, count in found.refused.items()) or "nothing")
    if found.gains:
        low, high = found.gains
        yield f"gain held to be typical: {low:.3f} to {high:.3f}; honest nodes said {HONEST[0]} to {HONEST[1]}"


def _title(found: Measured) -> str:
    plan = found.plan
    said = [f"{plan['nodes']} nodes", f"{plan['loss']:.0%} of messages lost", f"seed {plan['seed']}"]
    said += [f"{plan['liars']} liars"] if plan["liars"] else []
    said += [f"halves apart for {plan['partition']:g} minutes"] if plan["partition"] else []
    said += [f"{plan['sleepers']} asleep from the first quarter to the last"] if plan["sleepers"] else []
    said += [f"clocks off by up to {plan['skew']:g} s"] if plan["skew"] else []
    return ", ".join(said)


def _agreement(found: Measured) -> str:
    return "all are in step" if found.is_in_step else "not all are in step"


def _line(label: str, spread: Spread | None, digits: int) -> str:
    if spread is None:
        return f"{label:<26}{'–':>9}{'–':>9}{'–':>9}"
    return f"{label:<26}" + "".join(f"{value:>9.{digits}f}" for value in (spread.p50, spread.p99, spread.max))


def _mean(spread: Spread, unit: int) -> str:
    return f"{spread.mean / unit:>10.1f}{spread.max / unit:>9.1f}"
