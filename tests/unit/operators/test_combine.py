"""`combine`: what was found apart, together, or without a part of it; and nothing that was tried already."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hive_node.domain import Experiment, Files, Idea, IdeaRecord
from hive_node.operators.combine import Combine
from hive_node.ports import Draft
from tests.fakes.ledgers import KNOBS, record, situation

PATH = "src/knobs.py"


@dataclass(frozen=True)
class Promoted:
    """What other experiments promoted."""

    found: list[Idea] = field(default_factory=list)

    async def promoted_elsewhere(self, _experiment: Experiment) -> Sequence[Idea]:
        return self.found


def knobs(size: object = 8, rate: object = 2, base: Files = KNOBS) -> dict[str, str]:
    return {PATH: base[PATH].replace("SIZE = 8", f"SIZE = {size}").replace("RATE = 2", f"RATE = {rate}")}


async def combine(ledger: list[IdeaRecord], champion: Files, *elsewhere: Idea) -> Draft | None:
    return await Combine(Promoted(list(elsewhere))).draft(situation(ledger, champion))


def tried(draft: Draft, champion: Files, ledger: list[IdeaRecord]) -> list[IdeaRecord]:
    return [*ledger, record(len(ledger) + 1, "combine", champion=champion, files=draft.files, gain=-0.1)]


NEAR_MISS = record(1, files=knobs(rate=3), gain=0.02)
PROMOTED = record(2, files=knobs(size=16), gain=0.1, rule=None)
CHAMPION = knobs(size=16)


async def test_before_a_promotion_there_is_nothing_to_combine() -> None:
    assert await combine([NEAR_MISS], KNOBS) is None
    assert await combine([], KNOBS, PROMOTED.idea) is None


async def test_an_idea_that_was_better_and_failed_is_laid_over_the_champion_that_came_after_it() -> None:
    draft = await combine([NEAR_MISS, PROMOTED], CHAMPION)
    assert draft is not None
    assert draft.files == knobs(size=16, rate=3)
    assert (draft.operator, draft.words) == ("combine", "With idea 1: idea 1")


async def test_the_one_that_was_better_by_more_comes_first_and_one_that_was_worse_never() -> None:
    small, large, worse = (
        record(n, files=knobs(rate=2 + n), gain=gain) for n, gain in ((1, 0.01), (2, 0.05), (3, -0.2))
    )
    ledger = [small, large, worse, record(4, files=knobs(size=16), gain=0.1, rule=None)]
    rates = []
    while draft := await combine(ledger, CHAMPION):
        rates.append(draft.files[PATH].splitlines()[1])
        ledger = tried(draft, CHAMPION, ledger)
    assert rates == ["RATE = 4", "RATE = 3"]


async def test_an_idea_of_the_present_champion_is_that_very_variant_and_is_not_tried_again() -> None:
    late = record(3, champion=CHAMPION, files=knobs(size=16, rate=3), gain=0.02)
    assert await combine([record(1, files=knobs(rate=9), gain=-1.0), PROMOTED, late], CHAMPION) is None


async def test_where_both_changed_a_line_the_champions_stays() -> None:
    both = record(1, files=knobs(size=12, rate=3), gain=0.02, rule="baseline.regression")
    draft = await combine([both, PROMOTED], CHAMPION)
    assert draft is not None
    assert draft.files == knobs(size=16, rate=3)
    clash = record(1, files=knobs(size=12), gain=0.02)
    assert await combine([clash, PROMOTED], CHAMPION) is None


async def test_what_another_experiment_promoted_is_laid_over_this_ones_champion() -> None:
    other = record(7, files=knobs(rate=5), gain=0.3, rule=None).idea
    draft = await combine([record(1, files=knobs(size=16), gain=0.1, rule=None)], CHAMPION, other)
    assert draft is not None
    assert draft.files == knobs(size=16, rate=5)


async def test_an_earlier_promotion_is_taken_back_where_the_later_ones_left_it_alone_and_the_last_never() -> None:
    first = record(1, files=knobs(size=16), gain=0.1, rule=None)
    second = record(2, champion=CHAMPION, files=knobs(size=16, rate=3), gain=0.1, rule=None)
    champion = knobs(size=16, rate=3)
    draft = await combine([first, second], champion)
    assert draft is not None
    assert draft.files == knobs(rate=3)
    assert draft.words == "Without idea 1: idea 1"
    assert await combine(tried(draft, champion, [first, second]), champion) is None


async def test_a_promotion_that_was_built_upon_is_not_taken_back_by_half() -> None:
    first = record(1, files=knobs(size=16, rate=3), gain=0.1, rule=None)
    second = record(2, champion=knobs(size=16, rate=3), files=knobs(size=32, rate=3), gain=0.1, rule=None)
    assert await combine([first, second], knobs(size=32, rate=3)) is None


async def test_the_same_in_another_spelling_is_no_combination() -> None:
    spelled = {PATH: KNOBS[PATH].replace("RATE = 2", "RATE = 2  # two")}
    assert await combine([record(1, files=spelled, gain=0.02), PROMOTED], CHAMPION) is None
