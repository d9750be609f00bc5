"""A node that got an old copy of its disk back, and peers that lie about what it wrote since (docs/protocol.md §5.7)."""

from collections.abc import Awaitable, Callable

import pytest

from hive_node.simulation.hive import HiveSimulator, simulate
from hive_node.simulation.node import SimNode
from protocol.envelope import DELTA_TYPE
from protocol.feed import Head
from protocol.ids import EntryId
from protocol.messages import SyncTail
from protocol.signing import seal
from protocol.sync import Missing
from tests.fakes.hive import recipe, summary
from tests.simulation.feeds import entry

Answer = Callable[[bytes, object], Awaitable[list[bytes]]]


async def restored(sim: HiveSimulator) -> tuple[SimNode, SimNode, SimNode]:
    """One that lost its second and third entry and is about to wake; one that is honest; one that will not be."""
    bo, ada, eve = await sim.hive(3)
    for number in range(3):
        await bo.say(summary(0.1 * (number + 1)))
    await sim.until(sim.is_in_step)
    await bo.sleep()
    for seq in (2, 3):
        del bo.store.entries[bo.id, 1, seq]
    bo.store.purposes.clear()
    return bo, ada, eve


def silent(bo: SimNode, _eve: SimNode) -> Answer:
    async def answer(_body: bytes, _peer: object) -> list[bytes]:
        return [SyncTail({bo.id: Head(1, 1, EntryId(bo.store.entries[bo.id, 1, 1].id))}).to_json()]

    return answer


def forging(bo: SimNode, eve: SimNode) -> Answer:
    """Entries in bo's name, by another key and altered; and a long feed that it may not show."""
    first = bo.store.entries[bo.id, 1, 1].id
    honest = entry(bo, recipe(), 2, first)
    lies = [
        seal(DELTA_TYPE, honest.payload, [eve.key]).to_bytes(),
        honest.to_bytes().replace(b"A", b"B", 1),
    ]
    tail = SyncTail({bo.id: Head(1, 99, EntryId("9" * 64))}, withheld=(Missing(bo.id, 1, 2, 99),))

    async def answer(_body: bytes, _peer: object) -> list[bytes]:
        return [*lies, tail.to_json()]

    return answer


@pytest.mark.parametrize("lie", [silent, forging])
def test_a_peer_that_keeps_back_or_forges_our_feed_does_no_harm_beside_an_honest_one(
    lie: Callable[[SimNode, SimNode], Answer],
) -> None:
    async def story(sim: HiveSimulator) -> None:
        bo, ada, eve = await restored(sim)
        truth = [ada.store.entries[bo.id, 1, seq].id for seq in (1, 2, 3)]
        eve.answers = Answering(eve, lie(bo, eve))  # type: ignore[assignment]
        await bo.wake()

        fourth = await bo.say(summary(0.9))

        assert [bo.store.entries[bo.id, 1, seq].id for seq in (1, 2, 3, 4)] == [*truth, fourth]
        await sim.until(lambda: ada.hive.heads[bo.id].seq == 4)
        assert {node.hive.quarantined == set() for node in sim.nodes} == {True}

    simulate(story)


class Answering:
    """A node's answers, but for what it answers to the question what it holds."""

    def __init__(self, node: SimNode, sync: Answer) -> None:
        self._honest = node.answers
        self.sync = sync

    def __getattr__(self, name: str) -> object:
        return getattr(self._honest, name)


def test_a_peer_that_stalls_holds_up_the_first_word_for_a_bounded_time() -> None:
    async def story(sim: HiveSimulator) -> None:
        bo, _ada, eve = await restored(sim)

        async def stalling(_body: bytes, _peer: object) -> list[bytes]:
            await sim.pass_time(3600)
            return []

        eve.answers = Answering(eve, stalling)  # type: ignore[assignment]
        await bo.wake()
        began = bo.clock.monotonic()

        assert await bo.say(summary(0.9))

        assert bo.clock.monotonic() - began <= 10.5
        assert bo.hive.heads[bo.id].seq == 4

    simulate(story)
