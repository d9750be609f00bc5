"""The numeric search: what it learns from a ledger, where it looks next, and that nothing but the ledger decides."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hive_node.domain import Files, IdeaRecord
from hive_node.operators.axes import axes_of, point_of
from hive_node.operators.lessons import Memory
from hive_node.operators.space import search_space
from hive_node.operators.tune import Tune
from hive_node.ports import Draft, Situation
from tests.fakes.ledgers import experiment, record

KNOBS = {"a.py": "SIZE = 50\nRATE = 0.5\n"}
HINTS = '[tune]\n"a.py:SIZE" = { low = 1, high = 64 }\n"a.py:RATE" = { low = 1e-4, high = 1.0, log = true }'
Cost = Callable[[int, float], float | None]


def bowl(size: int, rate: float) -> float:
    return ((size - 20) / 10) ** 2 + (math.log10(rate) + 2.5) ** 2


async def run(
    cost: Cost, count: int, *, seed: int = 1, hints: str = HINTS, fresh: bool = False, is_exploring: bool = False
) -> list[IdeaRecord]:
    """So many ideas, each measured, the champion moving when it is better. fresh: a restart before each."""
    operator, ledger, champion, best = Tune(), list[IdeaRecord](), KNOBS, cost(50, 0.5) or 0.0
    for number in range(1, count + 1):
        operator = Tune() if fresh else operator
        now = Situation(experiment(hints, seed=seed), champion, KNOBS, ledger, is_exploring)
        draft = await operator.draft(now)
        if draft is None:
            break
        found = cost(*values(draft))
        gain = None if found is None else (best - found) / 10.0
        is_better = gain is not None and gain > 0.001
        rule = None if is_better else "baseline.not-better"
        ledger.append(record(number, champion=champion, files=draft.files, gain=gain, rule=rule, **draft.parameters))
        if is_better and found is not None:
            champion, best = {**champion, **draft.files}, found
    return ledger


def values(draft: Draft) -> tuple[Any, Any]:
    return draft.parameters["a.py:SIZE"], draft.parameters["a.py:RATE"]


def points(ledger: list[IdeaRecord]) -> list[tuple[Any, ...]]:
    return [(line.idea.parameters["a.py:SIZE"], line.idea.parameters["a.py:RATE"]) for line in ledger]


async def test_twenty_five_ideas_come_close_to_the_best_of_a_smooth_problem() -> None:
    for seed in (1, 2):
        found = [bowl(*point) for point in points(await run(bowl, 25, seed=seed))]
        assert min(found) < 0.01, "a random search of as many comes to about 0.2"


async def test_the_first_ideas_are_spread_over_every_range() -> None:
    ledger = await run(bowl, 7)
    sizes = sorted(int((size - 1) / 64 * 8) for size, _ in points(ledger))
    assert len(set(sizes)) >= 6


async def test_a_restart_before_every_idea_changes_none() -> None:
    assert points(await run(bowl, 16)) == points(await run(bowl, 16, fresh=True))
    assert points(await run(bowl, 9, seed=2)) != points(await run(bowl, 9))


async def test_it_keeps_away_from_where_candidates_crash() -> None:
    def cliff(size: int, rate: float) -> float | None:
        return None if size < 26 else bowl(size, rate)

    ledger = await run(cliff, 40)
    late = [size < 26 for size, _ in points(ledger)[20:]]
    assert sum(late) <= 10
    assert min(bowl(*point) for point in points(ledger) if point[0] >= 26) < 0.45, "0.36 is the best there is"


async def test_exploring_asks_for_a_point_far_from_the_champion() -> None:
    space = axes_of(search_space(KNOBS, experiment(HINTS).spec.tune))
    here = point_of(space, {"a.py:SIZE": 50, "a.py:RATE": 0.5})
    assert here is not None
    for seed in range(10):
        (line,) = await run(bowl, 1, seed=seed, is_exploring=True)
        there = point_of(space, line.idea.parameters)
        assert there is not None
        assert math.dist(here, there) > 0.5


async def test_a_small_space_is_searched_to_its_end() -> None:
    hints = '[tune]\n"a.py:SIZE" = { low = 48, high = 52, step = 2 }\n"a.py:RATE" = { choices = [0.5, 1, 2] }'
    found = points(await run(lambda _size, _rate: 1.0, 20, hints=hints))
    assert len(found) == len(set(found)) == 8, "3 by 3, but for where it began"
    assert all(isinstance(rate, float) for _, rate in found)


async def test_a_logarithmic_range_of_few_whole_numbers_is_searched_to_its_end() -> None:
    hints = '[tune]\n"a.py:SIZE" = { low = 1, high = 64, log = true }'
    found = []
    ledger: list[IdeaRecord] = []
    operator = Tune()
    while draft := await operator.draft(Situation(experiment(hints), KNOBS, KNOBS, ledger)):
        found.append(draft.parameters["a.py:SIZE"])
        ledger.append(record(len(ledger) + 1, files=draft.files, champion=KNOBS, gain=0.0, **draft.parameters))
    assert sorted(found) == [*range(1, 50), *range(51, 65)]


def lessons(*ledger: IdeaRecord) -> list[tuple[Any, float | None]]:
    read = Memory().read(Situation(experiment(HINTS), KNOBS, KNOBS, list(ledger)), experiment(HINTS).spec.tune)
    return [(lesson.values["a.py:SIZE"], lesson.gain) for lesson in read]


def at(size: int, base: Files = KNOBS) -> dict[str, str]:
    return {"a.py": base["a.py"].replace("SIZE = 50", f"SIZE = {size}")}


def test_gains_add_up_along_the_promotions() -> None:
    first = record(1, files=at(40), gain=0.25, rule=None, champion=KNOBS, **{"a.py:SIZE": 40})
    second = record(2, files=at(30), gain=-0.125, champion=at(40), **{"a.py:SIZE": 30})
    assert lessons(first, second) == [(50, 0.0), (40, 0.25), (30, 0.125)]


def test_another_operators_idea_is_a_lesson_too() -> None:
    assert lessons(record(1, "recipe", files=at(12), champion=KNOBS, gain=0.5, rule=None)) == [(50, 0.0), (12, 0.5)]


@pytest.mark.parametrize("rule", ["baseline.regression", "baseline.holdout", "baseline.missing-metric"])
def test_what_a_guard_or_the_holdout_refused_is_as_bad_as_a_crash(rule: str) -> None:
    ledger = record(1, files=at(12), champion=KNOBS, gain=0.5, rule=rule, **{"a.py:SIZE": 12})
    assert lessons(ledger) == [(50, 0.0), (12, None)]


def test_an_idea_is_a_lesson_once_it_is_decided() -> None:
    done = record(1, files=at(12), champion=KNOBS, gain=0.5, **{"a.py:SIZE": 12})
    memory, hints = Memory(), experiment(HINTS).spec.tune
    open_ = [replace(done, outcome=None, trial=None, verdict=None)]
    assert len(memory.read(Situation(experiment(HINTS), KNOBS, KNOBS, open_), hints)) == 1
    assert len(memory.read(Situation(experiment(HINTS), KNOBS, KNOBS, [done]), hints)) == 2
    assert len(memory.read(Situation(experiment(HINTS), KNOBS, KNOBS, [done]), hints)) == 2
    assert len(memory.read(Situation(experiment(HINTS), KNOBS, KNOBS, []), hints)) == 1, (
        "another ledger is another memory"
    )
