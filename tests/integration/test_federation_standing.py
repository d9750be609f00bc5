"""A member that hands over forgeries is left alone by its name, over restarts; who only carries what others wrote is not."""

import json
from pathlib import Path

from protocol.envelope import Envelope
from tests.integration.hives import node_of, until
from tests.integration.raw_peer import member_of


def swapped(one: Envelope, other: Envelope) -> bytes:
    """An entry under another one's signature."""
    tree = json.loads(one.to_bytes())
    return json.dumps(tree | {"signatures": json.loads(other.to_bytes())["signatures"]}).encode()


async def test_forgeries_shut_their_bearer_out_from_entries_and_not_from_charters_and_nobody_else(
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
            for method, path in (("POST", "/hive/v1/entries"), ("POST", "/hive/v1/sync")):
                reply = await peer.ask(method, path, b"{}")
                assert (reply.status, reply.code) == (403, "shunned")
            assert (await peer.ask("GET", "/hive/v1/charter")).status == 200
            assert (await peer.ask("GET", "/hive/v1/node")).status == 200

        async with bo.dial() as peer:  # in whose name it was
            assert await peer.post(honest) == [("accepted", None)]

        await ada.stop()
        await ada.start()
        async with mallory.dial() as peer:
            assert (await peer.ask("POST", "/hive/v1/entries", later.to_bytes())).code == "shunned"
        async with bo.dial() as peer:
            assert await peer.post(later) == [("accepted", None)]
