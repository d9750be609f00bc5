"""A member without a guard sends what must not be known: one node keeps it back, from its own user and from everybody."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guardrails.scope import Fact, LocalFacts
from hive_node.cli.client import Client, Refusal
from hive_node.learn.rejudging import Rejudging
from protocol.deltas import Measured, Replication
from protocol.ids import EntryId
from tests.fakes.hive import TASK, recipe
from tests.integration.hives import LiveNode, hive_of, node_of, until
from tests.integration.processes import hive_node
from tests.integration.raw_peer import Member, member_of

TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
LEAK = recipe(idea=f"push with {TOKEN}")
OURS = LocalFacts.of([Fact("host", "thinkpad-anna", "host name")], bytes(32))
LISTS = (
    "/v1/deltas",
    "/v1/deltas?standing=quarantined",
    "/v1/export/deltas",
    "/v1/receipts",
    "/v1/status",
    "/v1/views",
    "/metrics",
)


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with node_of(tmp_path) as node:
        await node.members.create("test hive")
        await until(lambda: node.port)
        yield node


def rejudging(node: LiveNode, digest: str) -> Rejudging:
    ground, memory = node.ground, node.parts.memory
    return Rejudging(ground.feed, ground.guard, ground.hive, memory, ground.journal, digest)


def look(client: Client, path: str) -> str:
    """What the API says, whatever it says."""
    try:
        return client.text("GET", path)
    except Refusal as refusal:
        return str(refusal)


async def test_what_is_kept_back_is_in_no_list_and_goes_to_nobody() -> None:
    # Not pytest's own folder: the path of a Unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="hive-") as folder:
        async with hive_of(Path(folder), 2) as (ada, far):
            mallory = await member_of(ada, "mallory")
            await until(lambda: far.version == ada.version)
            leak, after = mallory.next(LEAK), mallory.next()
            async with mallory.dial(ada) as raw:
                assert await raw.post(leak) == [("refused", "scope-refused")]
                assert await raw.post(after) == [("accepted", None)]

            await until(lambda: far.seq(mallory.id) == 2)
            assert await far.ground.feed.get(leak.id) is None
            assert await far.shown() == [after.id]
            async with ada.answering() as client:
                said = [await asyncio.to_thread(look, client, path) for path in (*LISTS, f"/v1/deltas/{leak.id}")]
                for command in (
                    ("delta", "list"),
                    ("delta", "list", "--quarantined"),
                    ("delta", "receipts"),
                    ("status",),
                ):
                    home = ("--home", str(ada.home.root))
                    told = await asyncio.to_thread(hive_node, *home, *command)
                    assert told.returncode == 0, told.stderr
                    said.append(told.stdout)
            assert not [one for one in said if TOKEN in one or TOKEN[4:20] in one]
            page = json.loads(said[1])["items"]
            assert [(one["id"], one["rule"]) for one in page] == [(leak.id, "scope.incoming-secret")]
            assert "body" not in page[0]
            assert [one["id"] for one in json.loads(said[0])["items"]] == [after.id]
            assert "there is no such entry" in said[len(LISTS)]


async def test_what_a_replication_of_it_says_counts_for_nothing(ada: LiveNode) -> None:
    mallory, bo = await member_of(ada, "mallory"), await member_of(ada, "bo")
    leak = mallory.next(LEAK)
    measured = Measured(pairs=12, gain=0.1, lower=0.05, e_value=40.0)
    praise = Replication(recipe=leak.id, task=TASK, outcome="confirmed", evidence=measured, environment="linux")
    async with mallory.dial() as raw:
        await raw.post(leak)
    async with bo.dial() as raw:
        assert await raw.post(bo.next(praise)) == [("accepted", None)]
    belief = ada.parts.beliefs.belief(TASK)
    assert belief is None or belief.recipes == ()


async def test_our_own_names_in_what_a_colleague_writes_are_kept_back(ada: LiveNode) -> None:
    ada.ground.guard.know(OURS)
    mallory = await member_of(ada, "mallory")
    async with mallory.dial() as raw:
        assert await raw.post(mallory.next(recipe(idea="as on ThinkPad_Anna"))) == [("refused", "scope-refused")]
    assert await ada.shown() == []


async def told(ada: LiveNode, mallory: Member) -> EntryId:
    entry = mallory.next(recipe(idea="as on thinkpad-anna"))
    async with mallory.dial() as raw:
        assert await raw.post(entry) == [("accepted", None)]
    return entry.id


async def test_after_an_update_what_was_let_in_is_judged_again_and_may_come_out(ada: LiveNode) -> None:
    mallory = await member_of(ada, "mallory")
    await rejudging(ada, "first").serve()
    entry, digest = await told(ada, mallory), ada.hive.digest()

    ada.ground.guard.know(OURS)
    await rejudging(ada, "first").serve()
    assert await ada.shown() == [entry], "the same guard is not asked twice"
    await rejudging(ada, "second").serve()

    assert await ada.shown() == []
    assert ada.parts.beliefs.belief(TASK) is None
    assert ada.hive.shown_ends == {mallory.id: None}
    assert (await ada.ground.journal.receipts_of([entry]))[entry]["rule"] == "scope.incoming-personal"
    ada.ground.guard.know(LocalFacts.of([], bytes(32)))
    await rejudging(ada, "third").serve()
    assert await ada.shown() == [entry]
    assert ada.parts.beliefs.belief(TASK) is not None
    assert ada.hive.digest() == digest


async def test_our_own_entries_are_not_hidden_from_us_by_an_update(ada: LiveNode) -> None:
    entry = await ada.say(recipe(idea="as on thinkpad-anna"))
    ada.ground.guard.know(OURS)
    await rejudging(ada, "second").serve()
    assert await ada.shown() == [entry]
