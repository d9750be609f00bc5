"""From what peers say to what a node does: which operator it asks, which recipe it tries first, and what it looks at again."""

from collections import Counter
from dataclasses import replace

from hive_node.operators.auto import Auto
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.deltas import Outcomes, Replication, Retract
from protocol.ids import EntryId
from tests.fakes.hive import TASK, measured, recipe, summary
from tests.fakes.ledgers import Maker, experiment, situation


def vote(of: EntryId, outcome: str) -> Replication:
    gain = 0.1 if outcome == "confirmed" else -0.1
    fields = {"recipe": of, "task": TASK, "outcome": outcome, "evidence": measured(gain), "environment": "linux"}
    return Replication.model_validate(fields)


async def said(node: SimNode, *bodies: object) -> list[EntryId]:
    entries = [await node.say(body) for body in bodies]  # type: ignore[arg-type]
    return [entry for entry in entries if entry]


def test_the_operator_that_works_elsewhere_is_asked_first_and_our_own_word_is_not_counted_twice() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, *others = await sim.hive(4)
        works = {"tune": Outcomes(proposed=20, not_better=20), "combine": Outcomes(proposed=20, promoted=16)}
        for node in others:
            await said(node, summary(operators=works))
        await said(ada, summary(operators={"tune": Outcomes(proposed=20, not_better=20)}))
        await sim.until(sim.is_in_step)

        tallies = await ada.suggest.tallies(replace(experiment(), task=TASK))
        assert (tallies["tune"].decided, tallies["tune"].promoted) == (60.0, 0.0), "three others', not our own"
        assert tallies["combine"].promoted == 48.0

        auto = Auto((Maker("tune"), Maker("combine")), (ada.suggest,))
        asked: Counter[str] = Counter()
        for seed in range(60):
            one = situation(seed=seed)
            draft = await auto.draft(replace(one, experiment=replace(one.experiment, task=TASK)))
            asked[draft.operator if draft else "none"] += 1
        assert asked["combine"] > 50

    simulate(story)


def test_what_fell_is_suggested_to_nobody_with_what_builds_on_it_and_calls_for_a_look() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, di = await sim.hive(4)
        [first, bad] = await said(bo, recipe(idea="first"), recipe(idea="bad"))
        [child] = await said(cy, recipe(idea="child", parents=[first]))
        await sim.until(sim.is_in_step)
        assert {one.id for one in await ada.suggest.suggestions(TASK)} == {first, bad, child}
        assert ada.beliefs.why_fallen(TASK, first) is None

        before = ada.beliefs.changes
        await said(bo, Retract(entry=first, reason="it degraded"))
        for node in (cy, di):
            await said(node, vote(bad, "refuted"))
        await sim.until(sim.is_in_step)
        assert ada.beliefs.changes > before
        assert [ada.beliefs.why_fallen(TASK, one) for one in (first, child, bad)] == [
            "retracted",
            "retracted",
            "refuted",
        ]
        assert await ada.suggest.suggestions(TASK) == []
        await ada.sleep()
        await ada.wake()  # and after a restart
        assert ada.beliefs.why_fallen(TASK, child) == "retracted"
        assert ada.store.entries, "the entries stay: chains need them"

    simulate(story)


def test_a_thousand_boasts_keep_nobodys_first_recipe_waiting_and_what_others_confirmed_comes_first() -> None:
    async def story(sim: HiveSimulator) -> None:
        ada, bo, cy, mallory = await sim.hive(4)
        boasts = await said(mallory, *(recipe(idea=f"boast {at}", evidence=measured(1e9)) for at in range(40)))
        [honest] = await said(bo, recipe(idea="honest", evidence=measured(0.01)))
        [confirmed] = await said(cy, recipe(idea="confirmed", evidence=measured(0.02)))
        for node in (bo, ada):
            await said(node, vote(confirmed, "confirmed"))
        await sim.until(sim.is_in_step)
        order = [(one.id, one.is_corroborated) for one in await ada.suggest.suggestions(TASK)]
        assert order[0] == (confirmed, True)
        assert [one in boasts for one, _ in order[1:3]] == [True, False]
        assert order[2][0] == honest
        rest = await ada.suggest.suggestions(TASK, besides={one for one, _ in order})
        assert {one.id for one in rest} <= set(boasts), "what was looked at makes room for others"

    simulate(story)
