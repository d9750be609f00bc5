"""What an author takes back falls everywhere, with all that builds on it, in whatever order the words arrive."""

from itertools import permutations

from hive_node.learn.aggregate import Regard
from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.deltas import Replication, Retract
from protocol.envelope import Envelope
from protocol.ids import EntryId
from tests.fakes.hive import TASK, measured, recipe
from tests.simulation.feeds import entry


def regard(node: SimNode, one: Envelope) -> Regard:
    stored = next(found for found in node.store.entries.values() if found.id == one.id)
    return node.beliefs.regard(stored.id, stored.delta)


def test_a_retracted_recipe_takes_its_descendants_along_whatever_came_first() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, child, grandchild, *readers = await sim.hive(3 + 6)
        for node in sim.nodes:
            await node.sleep()
        root = entry(author, recipe())
        retract = entry(author, Retract(entry=root.id, reason="measured wrongly"), 2, root.id)
        second = entry(child, recipe(idea="second", parents=[root.id]))
        third = entry(grandchild, recipe(idea="third", parents=[root.id, second.id]))
        # The retract waits as a gap where it comes before what it takes back; the others are of other feeds.
        for node, order in zip(readers, permutations([[retract, root], [second], [third]]), strict=True):
            raws = [one.to_bytes() for part in order for one in part]
            await node.learn.learn(raws, None)

            assert regard(node, root) == Regard("retracted")
            assert [regard(node, one) for one in (second, third)] == [Regard("retracted", EntryId(root.id))] * 2
            assert await node.suggestions(TASK) == []
        views = {node.belief(TASK).to_json() for node in readers}  # type: ignore[union-attr]
        assert len(views) == 1

    simulate(story)


def test_nobody_takes_back_anothers_word() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, other, reader = await sim.hive(3)
        for node in sim.nodes:
            await node.sleep()
        root = entry(author, recipe())
        retract = entry(other, Retract(entry=root.id, reason="I do not like it"))
        for entries in ([retract, root],):
            await reader.learn.learn([one.to_bytes() for one in entries], None)

        assert regard(reader, root) == Regard("open")
        assert regard(reader, retract) == Regard("counted")
        assert [one.id for one in await reader.suggestions(TASK)] == [root.id]

    simulate(story)


def test_a_replication_that_is_taken_back_confirms_nothing() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, other, third, reader = await sim.hive(4)
        for node in sim.nodes:
            await node.sleep()
        root = entry(author, recipe())
        words = [
            entry(
                node, Replication(recipe=root.id, task=TASK, outcome="confirmed", evidence=measured(), environment="x")
            )
            for node in (other, third)
        ]
        await reader.learn.learn([one.to_bytes() for one in (root, *words)], None)
        assert regard(reader, root) == Regard("corroborated")

        back = entry(other, Retract(entry=words[0].id, reason="a noisy machine"), 2, words[0].id)
        await reader.learn.learn([back.to_bytes()], None)

        assert (regard(reader, words[0]), regard(reader, root)) == (Regard("retracted"), Regard("open"))

    simulate(story)


def test_what_a_shunned_or_old_author_said_is_told_as_not_counted() -> None:
    async def story(sim: HiveSimulator) -> None:
        author, reader = await sim.hive(2)
        await author.sleep()
        one, other = entry(author, recipe()), entry(author, recipe(idea="other"))
        await reader.learn.learn([one.to_bytes()], None)
        assert regard(reader, one) == Regard("open")

        await reader.learn.learn([other.to_bytes()], None)

        assert regard(reader, one) == Regard("not counted")

    simulate(story)
