"""What one node's scope guard refuses is shown to nobody, and ends nobody's feed (docs/protocol.md §5.9)."""

import pytest

from guardrails.scope import LocalFacts, ScopeGuard, default_engine
from hive_node.adapters.contacts import ASK_AGAIN_S
from hive_node.adapters.network import RECONCILE_S
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.envelope import DELTA_TYPE
from protocol.ids import NodeId
from protocol.limits import ENTRIES_PER_ANSWER
from protocol.messages import SyncRequest
from protocol.signing import seal
from protocol.sync import Missing
from protocol.wire import dump_json
from tests.fakes.hive import TASK, recipe

SECRET = "sesame-opens-9437-the-gate"
SPOKEN = recipe(idea=f"as {SECRET} says")


def refusing(*nodes: SimNode) -> None:
    """From here on their guards know a secret of their machines, and refuse what tells it."""
    facts = LocalFacts.build([], [SECRET], bytes(32))
    for node in nodes:
        node.learn.guard = ScopeGuard(default_engine(), facts)


def numbers(node: SimNode, author: SimNode) -> list[int]:
    """What the node holds of an author, shown or not."""
    return sorted(seq for one, _, seq in node.store.entries if one == author.id)


def shown(node: SimNode, author: SimNode) -> list[int]:
    entries = sorted(node.store.entries.items())
    return [seq for (one, _, seq), entry in entries if one == author.id and entry.standing == "good"]


def ends_alike(*nodes: SimNode) -> bool:
    return len({node.hive.digest() for node in nodes}) == 1


def view(node: SimNode) -> bytes:
    belief = node.belief(TASK)
    return belief.to_json() if belief else b""


async def three(sim: HiveSimulator) -> list[SimNode]:
    """An author, one whose guard refuses, and one who hears of the author through that one alone."""
    author, guarded, far = await sim.hive(3)
    sim.part([author], [far])
    refusing(guarded)
    return [author, guarded, far]


def test_a_refused_entry_leaves_a_hole_and_the_feed_goes_on() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        for body in (recipe(), SPOKEN, recipe(idea="after it")):
            await author.say(body)

        await sim.until(lambda: ends_alike(author, guarded, far))

        assert shown(guarded, author) == numbers(far, author) == [1, 3]
        assert list(far.hive.holes) == [Missing(author.id, 1, 2, 2)]
        assert view(far) == view(guarded) != b""

    simulate(story)


def test_what_was_withheld_is_asked_of_everybody_else_and_takes_its_place() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        for body in (recipe(), SPOKEN, SPOKEN, recipe(idea="after it")):
            await author.say(body)
        await sim.until(lambda: ends_alike(author, guarded, far))
        assert numbers(far, author) == [1, 4]

        sim.wire.heal()

        await sim.until(lambda: numbers(far, author) == [1, 2, 3, 4], 3 * RECONCILE_S)
        assert not far.hive.holes
        assert view(far) == view(author)
        assert shown(guarded, author) == [1, 4]

    simulate(story)


def test_a_hole_is_known_again_after_a_restart() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        for body in (SPOKEN, recipe(), SPOKEN):
            await author.say(body)
        await sim.until(lambda: numbers(far, author) == [2])
        before = [(node.hive.digest(), list(node.hive.holes), node.hive.shown_ends) for node in (guarded, far)]

        for node in (guarded, far):
            await node.sleep()
            await node.wake()

        assert [(node.hive.digest(), list(node.hive.holes), node.hive.shown_ends) for node in (guarded, far)] == before

    simulate(story)


@pytest.mark.parametrize("bodies", [(recipe(), SPOKEN), (SPOKEN,), (SPOKEN, SPOKEN)])
def test_at_the_end_of_a_feed_a_refusal_keeps_nobody_out_of_step_and_makes_no_storm(bodies: list[object]) -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        for body in bodies:
            await author.say(body)  # type: ignore[arg-type]
        await sim.until(lambda: ends_alike(guarded, far) and bool(numbers(guarded, author)))
        await sim.pass_time(60)
        before = sum(one.messages_out for one in sim.wire.traffic.values())
        await sim.pass_time(20 * RECONCILE_S)

        # Two pairs that can speak; each round three questions at most, where equal nodes ask one.
        rounds = 20 * 3 / 0.75
        assert sum(one.messages_out for one in sim.wire.traffic.values()) - before <= rounds * 3 * 2
        assert guarded.refused.total() == sum(body is SPOKEN for body in bodies)

    simulate(story)


def test_more_refused_entries_in_a_row_than_an_answer_holds_end_no_feed() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        await far.sleep()
        for _ in range(ENTRIES_PER_ANSWER + 5):
            await author.say(SPOKEN)
        await author.say(recipe())
        await sim.until(lambda: ends_alike(author, guarded))
        await far.wake()

        await sim.until(lambda: ends_alike(author, guarded, far))

        assert numbers(far, author) == [ENTRIES_PER_ANSWER + 6]
        sim.wire.heal()
        await sim.until(lambda: len(numbers(far, author)) == ENTRIES_PER_ANSWER + 6)

    simulate(story)


def test_who_lacks_it_asks_again_after_an_hour() -> None:
    """Two who both lack it: one gets it later, and was asked before."""

    async def story(sim: HiveSimulator) -> None:
        author, guarded, far, other = await sim.hive(4)
        sim.part([author], [far, other])
        refusing(guarded)
        await author.say(SPOKEN)
        await author.say(recipe())
        await sim.until(lambda: ends_alike(author, guarded, far, other))
        await sim.pass_time(4 * RECONCILE_S)
        entry = author.store.entries[author.id, 1, 1].envelope.to_bytes()
        other.spread = lambda envelopes, *, source: None  # type: ignore[method-assign]
        await other.learn.learn([entry], author.id)

        await sim.until(lambda: numbers(far, author) == [1, 2], 2 * ASK_AGAIN_S)

    simulate(story)


def test_an_author_is_handed_its_own_entry_whatever_a_guard_said_of_it() -> None:
    """Or it would, restored from a backup, sign another entry at that number."""

    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        await author.say(recipe())
        await author.say(SPOKEN)
        await sim.until(lambda: numbers(guarded, author) == [1, 2])
        await author.sleep()
        del author.store.entries[author.id, 1, 2]
        author.store.purposes.clear()

        await author.wake()
        assert await author.say(recipe(idea="third"))

        assert numbers(author, author) == [1, 2, 3]
        await sim.until(lambda: ends_alike(author, guarded, far))
        assert all(node.hive.quarantined == set() for node in sim.nodes)
        # Nobody else is: the guard's no stands.
        asked = SyncRequest({}, (Missing(author.id, 1, 2, 2),))
        assert SECRET.encode() not in b"".join(await guarded.answers.sync(asked.to_json(), far.id))

    simulate(story)


def test_a_withheld_number_proves_nothing_without_a_signed_entry_after_it() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, liar, far = await sim.hive(3)
        sim.part([author], [far])
        await author.say(recipe())
        await sim.until(lambda: numbers(far, author) == [1])
        heads = dict(far.hive.heads)

        outcomes = await far.learn.learn([], liar.id, [Missing(author.id, 1, 2, 9), Missing(NodeId("a" * 52), 1, 1, 9)])

        assert outcomes == []
        assert far.hive.heads == heads
        assert not far.hive.holes

    simulate(story)


def test_only_the_entry_that_the_next_one_names_fills_a_hole() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, guarded, far = await three(sim)
        for body in (recipe(), SPOKEN, recipe(idea="after it")):
            await author.say(body)
        await sim.until(lambda: numbers(far, author) == [1, 3])
        true = author.store.entries[author.id, 1, 2]
        tree = true.delta.tree()
        assert isinstance(tree, dict)
        changed = [tree | {"body": recipe().model_dump(mode="json")}, tree | {"prev": "0" * 64}]
        others = [seal(DELTA_TYPE, dump_json(one), [author.key]) for one in changed]

        outcomes = await far.learn.learn([one.to_bytes() for one in others], guarded.id)

        assert [one.code for one in outcomes] == ["broken-chain", "broken-chain"]
        outcomes = await far.learn.learn([true.envelope.to_bytes()] * 2, guarded.id)
        assert [one.status for one in outcomes] == ["accepted", "duplicate"]
        assert not far.hive.holes

    simulate(story)
