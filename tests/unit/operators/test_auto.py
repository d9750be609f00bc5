"""`auto`: who is asked for the next idea, and what happens when there is none, or no model."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from hive_node.domain import Experiment
from hive_node.operators.auto import Auto
from hive_node.ports import Fault, Tally
from tests.fakes.ledgers import Maker, ledger_of, situation


@dataclass(frozen=True)
class Heard:
    """What others say."""

    found: Mapping[str, Tally]

    async def tallies(self, _experiment: Experiment) -> Mapping[str, Tally]:
        return self.found


TUNE, RECIPE, COMBINE = (Maker(name) for name in ("tune", "recipe", "combine"))


async def drawn(auto: Auto, ledger: Mapping[str, tuple[int, int]], draws: int = 200) -> Counter[str]:
    """Who has the idea, over that many seeds."""
    lines = ledger_of(ledger)
    drafts = [await auto.draft(situation(lines, seed=seed)) for seed in range(draws)]
    return Counter(draft.operator for draft in drafts if draft)


async def test_the_seed_and_the_ledgers_length_decide_so_that_a_restart_draws_the_same() -> None:
    async def run(seed: int) -> list[str]:
        drafts = [
            await Auto((TUNE, RECIPE, COMBINE)).draft(situation(ledger_of({"x": (0, n)}), seed=seed)) for n in range(30)
        ]
        return [draft.operator for draft in drafts if draft]

    assert await run(1) == await run(1)
    assert await run(1) != await run(2)
    assert set(await run(1)) == {"tune", "recipe", "combine"}


async def test_who_was_promoted_more_often_is_asked_more_often_and_the_other_not_never() -> None:
    found = await drawn(Auto((TUNE, COMBINE)), {"tune": (6, 6), "combine": (1, 11)})
    assert found["tune"] > 4 * found["combine"] > 0


async def test_a_recipe_that_was_never_tried_comes_before_what_failed_a_few_times() -> None:
    assert (await drawn(Auto((TUNE, RECIPE)), {}))["recipe"] > 120
    assert (await drawn(Auto((TUNE, RECIPE)), {"tune": (1, 9)}))["recipe"] > 180
    assert (await drawn(Auto((TUNE, RECIPE)), {"tune": (5, 5), "recipe": (0, 30)}))["recipe"] < 10


async def test_what_others_say_moves_the_first_draws_and_is_outweighed_by_what_is_seen_here() -> None:
    heard = Heard({"tune": Tally(10_000, 0), "combine": Tally(10_000, 9_000)})
    auto = Auto((TUNE, COMBINE), (heard,))
    assert (await drawn(auto, {}))["combine"] > 190
    assert (await drawn(auto, {"combine": (0, 40), "tune": (20, 20)}))["tune"] > 100


async def test_a_liar_keeps_an_operator_from_its_turn_for_a_few_ideas_and_not_for_ever() -> None:
    lies = Heard({"tune": Tally(1e15, 0), "recipe": Tally(1e15, 1e15)})
    auto = Auto((TUNE, RECIPE), (lies,))
    assert (await drawn(auto, {}))["recipe"] > 190
    tried = await drawn(auto, {"recipe": (0, 20)})
    assert tried["tune"] > 150, "as if nothing had been said"


@pytest.mark.parametrize("lie", [Tally(5, 1e300), Tally(-5, 3), Tally(0, 7), Tally(1e300, 1e300)])
async def test_a_count_that_contradicts_itself_breaks_nothing(lie: Tally) -> None:
    assert sum((await drawn(Auto((TUNE, COMBINE), (Heard({"tune": lie}),)), {}, draws=20)).values()) == 20


async def test_an_operator_without_an_idea_leaves_its_turn_to_another() -> None:
    empty = Maker("combine", has_ideas=False)
    assert await drawn(Auto((TUNE, empty)), {}, draws=40) == {"tune": 40}
    assert empty.seen
    assert await Auto((empty,)).draft(situation()) is None


@pytest.mark.parametrize(("extra", "low", "high"), [("", 60, 140), ("[auto]\nexplore = 0.0", 0, 0), ("[auto]\nexplore = 1", 1000, 1000)])  # fmt: skip
async def test_now_and_then_a_radical_change_is_asked_for(extra: str, low: int, high: int) -> None:
    maker = Maker("tune")
    for seed in range(1000):
        await Auto((maker,)).draft(situation(extra=extra, seed=seed))
    assert low <= sum(one.is_exploring for one in maker.seen) <= high


async def test_without_its_model_an_operator_is_left_out_with_one_warning_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = Maker("llm", fault=Fault("model.unreachable", "start it"))
    auto = Auto((model, TUNE))
    with caplog.at_level(logging.WARNING):
        found = await drawn(auto, {}, draws=40)
    assert found == {"tune": 40}
    assert len(model.seen) == 1
    assert [(one.operator, one.code) for one in caplog.records] == [("llm", "model.unreachable")]  # type: ignore[attr-defined]


async def test_any_other_fault_is_not_passed_over() -> None:
    with pytest.raises(Fault) as error:
        await Auto((Maker("tune", fault=Fault("store.disk-full", "make room")),)).draft(situation())
    assert error.value.code == "store.disk-full"
