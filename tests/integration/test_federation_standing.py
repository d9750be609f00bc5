"""A member that hands over forgeries is not sought out any more, over restarts; what it asks is answered as anybody's is."""

import json
from pathlib import Path

from hive_node.learn.outcomes import Outcome
from hive_node.learn.standing import blame
from protocol.envelope import Envelope
from protocol.errors import Code
from tests.integration.hives import hive_of, node_of, until
from tests.integration.raw_peer import member_of


def swapped(one: Envelope, other: Envelope) -> bytes:
    """An entry under another one's signature."""
    tree = json.loads(one.to_bytes())
    return json.dumps(tree | {"signatures": json.loads(other.to_bytes())["signatures"]}).encode()


async def test_forgeries_are_held_against_their_bearer_alone_over_restarts_and_each_entry_is_judged_by_what_it_is(
    tmp_path: Path,
) -> None:
    async with node_of(tmp_path) as ada:
        await ada.members.create("test hive")
        await until(lambda: ada.port)
        mallory, bo = await member_of(ada, "mallory"), await member_of(ada, "bo")
        honest, later = bo.next(), bo.next()
        forged = swapped(honest, later)

        async with mallory.dial() as peer:
            assert await peer.post(*[forged] * 5) == [("refused", "bad-signature")] * 5
            assert ada.hive.shunned_until(mallory.id, ada.clock.now())
            assert await peer.post(forged, mallory.next()) == [("refused", "bad-signature"), ("accepted", None)]
            assert len(await peer.lacking()) == 1

        await ada.stop()
        await ada.start()
        assert ada.hive.shunned_until(mallory.id, ada.clock.now())
        assert ada.hive.shunned_until(bo.id, ada.clock.now()) is None  # in whose name it was
        async with bo.dial() as peer:
            assert await peer.post(honest, later) == [("accepted", None)] * 2


async def test_who_is_left_alone_is_asked_for_charters_only_and_misses_nothing(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        forgeries = [Outcome(None, "refused", Code.BAD_SIGNATURE)] * 5
        await blame(bo.id, forgeries, ada.hive, ada.ground.journal, ada.clock.now())
        contact, network, federation = ada.contact(bo), ada.parts.network, ada.parts.federation
        assert contact and network and federation and federation.client  # noqa: PT018
        assert await network._exchange.push(contact, federation.client, [b"{}"]) == []

        assert await bo.say()
        assert await ada.say()
        await until(lambda: ada.seq(bo) == bo.seq(ada) == 1)  # by what bo hands over, and asks for, itself
