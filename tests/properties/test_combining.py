"""Two changes together: of every line it is known whose it is, and nothing that nobody wrote comes out."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from hive_node.domain import Experiment, Idea
from hive_node.operators.combine import Combine
from hive_node.ports import Situation
from tests.fakes.ledgers import experiment, record

LINES = 6
VALUES = st.integers(1, 5)
CHANGES = st.dictionaries(st.integers(0, LINES - 1), VALUES, min_size=1)
EXPERIMENT = experiment()


class Nothing:
    async def promoted_elsewhere(self, _experiment: Experiment) -> Sequence[Idea]:
        return ()


def text(values: Sequence[int]) -> dict[str, str]:
    return {"a.py": "".join(f"V{at} = {value}\n" for at, value in enumerate(values))}


def changed(values: Sequence[int], changes: dict[int, int]) -> list[int]:
    return [changes.get(at, value) for at, value in enumerate(values)]


def combined(situation: Situation) -> str | None:
    draft = asyncio.run(Combine(Nothing()).draft(situation))
    return draft.files["a.py"] if draft else None


@given(st.lists(VALUES, min_size=LINES, max_size=LINES), CHANGES, CHANGES)
def test_a_line_that_the_champion_changed_stays_and_any_other_is_the_near_miss_s(
    start: list[int], near: dict[int, int], won: dict[int, int]
) -> None:
    missed, champion = changed(start, near), changed(start, won)
    ledger = [
        record(1, champion=text(start), files=text(missed), gain=0.1),
        record(2, champion=text(start), files=text(champion), gain=0.2, rule=None),
    ]
    lines = zip(start, missed, champion, strict=True)
    both = [won_ if won_ != old or missed_ == old else missed_ for old, missed_, won_ in lines]
    found = combined(Situation(EXPERIMENT, text(champion), text(start), ledger))
    assert found == (None if both in (start, missed, champion) else text(both)["a.py"])


@given(st.lists(VALUES, min_size=LINES, max_size=LINES), CHANGES, CHANGES)
def test_what_is_left_without_the_first_promotion_is_the_second_alone(
    start: list[int], first: dict[int, int], second: dict[int, int]
) -> None:
    middle = changed(start, first)
    champion = changed(middle, second)
    ledger = [
        record(1, champion=text(start), files=text(middle), gain=0.1, rule=None),
        record(2, champion=text(middle), files=text(champion), gain=0.1, rule=None),
    ]
    found = combined(Situation(EXPERIMENT, text(champion), text(start), ledger))
    if found is not None:
        lines = enumerate(zip(start, middle, champion, strict=True))
        assert found == text([last if last != mid else old for _, (old, mid, last) in lines])["a.py"]
