"""An author that signed two entries at one number is found, told of and shunned, whoever was away (docs/protocol.md §5.5)."""

from typing import Any

import pytest

from hive_node.adapters.tls import certificate_of
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.deltas import Recipe
from protocol.envelope import Envelope
from protocol.limits import ENTRIES_PER_ANSWER, ENVELOPE_BYTES, PROOF_CHARS
from tests.fakes.hive import TASK, recipe
from tests.simulation.feeds import entry, feed


def large(idea: str) -> Recipe:
    """A recipe whose envelope nearly fills its limit: two of them fit into no entry."""
    edits = [{"path": "a.py", "search": str(number), "replace": "word " * 3_000} for number in range(3)]
    return Recipe.model_validate(recipe().model_dump() | {"edits": edits, "idea": idea})


def fork(eve: SimNode, body: Any = recipe) -> tuple[Envelope, Envelope]:
    return entry(eve, body(idea="one")), entry(eve, body(idea="other"))


async def without_eve(sim: HiveSimulator, count: int) -> tuple[SimNode, list[SimNode]]:
    """The equivocator, which runs no node, and the others."""
    *others, eve = await sim.hive(count + 1)
    await eve.sleep()
    return eve, others


def shunned_by(eve: SimNode, *nodes: SimNode) -> bool:
    return all(node.hive.quarantined == {eve.id} for node in nodes)


@pytest.mark.parametrize("body", [recipe, large], ids=["small", "large"])
def test_a_proof_reaches_everybody_a_sleeper_and_a_newcomer_whatever_its_size(body: Any) -> None:
    async def story(sim: HiveSimulator) -> None:
        eve, (ada, bo, cy, di) = await without_eve(sim, 4)
        await cy.sleep()
        await di.sleep()
        di.store.entries.clear()
        one, other = fork(eve, body)
        assert len(one.to_bytes()) <= ENVELOPE_BYTES
        outcomes = await ada.learn.learn([one.to_bytes(), other.to_bytes()], bo.id)
        assert [outcome.code for outcome in outcomes] == [None, "equivocation"]
        is_told = any(found.delta.kind == "equivocation" for found in ada.store.entries.values())
        assert is_told == (4 / 3 * len(one.to_bytes()) < PROOF_CHARS)

        await sim.until(lambda: shunned_by(eve, ada, bo), 60)
        await ada.sleep()  # who found it is away by now
        for node in (cy, di):
            await node.wake()

        await sim.until(lambda: shunned_by(eve, bo, cy, di), 120)
        await sim.until(sim.is_in_step)
        for node in (bo, cy, di):
            assert await node.suggestions(TASK) == []

    simulate(story)


def test_an_accusation_that_a_crash_cut_off_is_made_all_the_same() -> None:
    async def story(sim: HiveSimulator) -> None:
        eve, (ada, bo) = await without_eve(sim, 2)
        ada.learn.publisher = ada.learn.publisher.__class__.__new__(
            ada.learn.publisher.__class__
        )  # dies when it is asked
        one, other = fork(eve)
        with pytest.raises(AttributeError):
            await ada.learn.learn([one.to_bytes(), other.to_bytes()], bo.id)
        await ada.sleep()
        await ada.wake()

        await sim.until(lambda: shunned_by(eve, ada, bo), 120)

    simulate(story)


def test_an_equivocators_long_feed_keeps_no_newcomer_from_the_others() -> None:
    """Of one who is shunned nothing is sent: an answer full of entries that are refused would be the last."""

    async def story(sim: HiveSimulator) -> None:
        eve, (ada, bo) = await without_eve(sim, 2)
        await bo.sleep()
        entries = [one.to_bytes() for one in feed(eve, ENTRIES_PER_ANSWER + 1)]
        await ada.learn.learn([*entries, entry(eve, recipe()).to_bytes()], bo.id)
        await ada.say(recipe(idea="honest"))
        assert shunned_by(eve, ada)

        await bo.wake()
        await sim.until(sim.is_in_step)

        assert shunned_by(eve, bo)
        assert ada.id in bo.hive.heads
        assert eve.id not in bo.hive.heads

    simulate(story)


def test_proofs_that_prove_nothing_or_nothing_any_more_do_nothing() -> None:
    async def story(sim: HiveSimulator) -> None:
        eve, (ada, bo) = await without_eve(sim, 2)
        one, other = (found.to_bytes() for found in fork(eve))
        forged = other[:-60] + b"AAAAAA" + other[-54:]
        stranger = entry(bo, recipe()).to_bytes()
        elsewhere = entry(eve, None, 2, "0" * 64).to_bytes()
        pairs = [(one, one), (one, forged), (one, stranger), (one, elsewhere), (b"", b"{}"), (one, b"\xff")]
        assert await ada.learn.prove(pairs) == 0

        # One of an epoch that is over accuses nobody who is here now.
        await ada.office.admit(eve.id, certificate_of(eve.key), eve.owner, eve.name)
        assert await ada.learn.prove([(one, other)]) == 0
        assert ada.hive.quarantined == set()
        assert await ada.store.proofs([]) == []

    simulate(story)


def test_a_quarantine_ends_with_a_new_epoch_and_its_proof_is_sent_no_more() -> None:
    async def story(sim: HiveSimulator) -> None:
        eve, (ada, bo) = await without_eve(sim, 2)
        one, other = (found.to_bytes() for found in fork(eve, large))
        await ada.learn.learn([one, other], bo.id)
        await sim.until(lambda: shunned_by(eve, ada, bo), 60)

        await ada.office.admit(eve.id, certificate_of(eve.key), eve.owner, eve.name)
        await sim.until(lambda: bo.hive.epochs()[eve.id] == 2)
        again = entry(eve, recipe(idea="anew"), epoch=2)
        assert [found.status for found in await bo.learn.learn([again.to_bytes()], ada.id)] == ["accepted"]

        await sim.until(sim.is_in_step)
        for node in (ada, bo):
            assert node.hive.quarantined == set()
            assert [found.id for found in await node.suggestions(TASK)] == [again.id]
        tail = (await ada.answers.sync(b'{"have":{}}', bo.id))[-1]
        assert b"proofs" not in tail

    simulate(story)
