"""No number twice, and what happens to those who use one twice: restored backups, cut-off writes, equivocation, proofs."""

import asyncio
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import hive_node.hive
from hive_node.adapters import contacts, network
from hive_node.ports import News, StoredEntry, StoreError
from protocol.deltas import Equivocation, Recipe, ShareLevel
from protocol.envelope import Envelope
from protocol.limits import PROOF_CHARS
from tests.fakes.hive import recipe, summary
from tests.integration.hives import LiveNode, hive_of, in_turn, introduce, is_in_step, until
from tests.integration.raw_peer import Member, member_of


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.2)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)


async def feed_of(node: LiveNode, author: str) -> list[StoredEntry]:
    """An author's feed as a node holds it, epoch by epoch in order."""
    return [entry async for entry in node.ground.feed.all() if entry.delta.author == author]


def is_whole(feed: list[StoredEntry]) -> bool:
    """1, 2, 3 … each chained to the one before."""
    numbers = [entry.delta.header.seq for entry in feed]
    links = all(after.delta.header.prev == before.id for before, after in pairwise(feed))
    return numbers == list(range(1, len(feed) + 1)) and links


def back_up(node: LiveNode) -> Path:
    """A copy of a stopped node's database, that knows no addresses: the node will wake up on another network."""
    assert not node.home.database.with_name("hive.db-wal").exists()
    copy = node.home.database.with_suffix(".backup")
    shutil.copy(node.home.database, copy)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("DELETE FROM peers")
        connection.commit()
    return copy


# --- a node restored from a backup -------------------------------------------------------------------------------------


async def test_a_restored_node_takes_its_feed_back_before_it_writes(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await in_turn([bo], 2)
        await until(lambda: ada.seq(bo) == 2)
        await bo.stop()
        backup = back_up(bo)
        await bo.start()
        introduce(ada, bo)
        await in_turn([bo], 3)
        await until(lambda: ada.seq(bo) == 5)
        await bo.stop()
        shutil.copy(backup, bo.home.database)

        await bo.start()
        assert bo.seq(bo) == 2
        speaking = asyncio.get_running_loop().create_task(bo.say(summary(0.5)))
        await asyncio.sleep(0.2)
        assert not speaking.done()  # nobody was asked yet
        introduce(ada, bo)
        entry = await speaking

        feed = await feed_of(bo, bo.id)
        assert (len(feed), feed[-1].id) == (6, entry)
        assert is_whole(feed)
        await until(lambda: ada.seq(bo) == 6)
        assert [one.id for one in await feed_of(ada, bo.id)] == [one.id for one in feed]
        assert ada.hive.quarantined == bo.hive.quarantined == set()


async def test_a_node_whose_peers_are_all_away_waits_a_moment_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hive_node.hive, "FIRST_WORD_S", 0.3)
    async with hive_of(tmp_path, 2) as (ada, bo):
        await ada.stop()
        await bo.stop()
        await bo.start()
        async with asyncio.timeout(5):
            assert await bo.say()
        await ada.open()


async def test_a_node_alone_in_its_hive_waits_for_nobody(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        await ada.stop()
        await ada.start()
        async with asyncio.timeout(2):
            assert await ada.say()


async def test_a_restored_node_that_wrote_before_it_met_anybody_is_found_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hive_node.hive, "FIRST_WORD_S", 0.1)
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        await in_turn([bo], 1)
        await until(lambda: ada.seq(bo) == 1)
        await bo.stop()
        backup = back_up(bo)
        await bo.start()
        introduce(ada, bo, cy)
        await in_turn([bo], 2)
        await until(lambda: ada.seq(bo) == cy.seq(bo) == 3)
        await bo.stop()
        shutil.copy(backup, bo.home.database)
        await bo.start()
        assert await bo.say(summary(0.5))

        introduce(ada, bo, cy)

        await until(lambda: all(bo.id in one.hive.quarantined for one in (ada, bo, cy)))
        assert (ada.state["n2"], cy.state["n2"]) == ("quarantined", "quarantined")
        assert "join by a new invite" in (bo.hive.why_silent(bo.clock.now()) or "")
        assert await bo.say() is None
        await until(lambda: is_in_step_but_for(bo, ada, cy))

        await bo.members.leave()  # the remedy that it was told
        await until(lambda: not bo.port)
        await bo.members.join(await ada.members.invite())
        await until(lambda: bo.port)
        introduce(ada, bo, cy)
        assert await bo.say()
        await until(lambda: is_in_step(ada, bo, cy))
        assert ada.hive.quarantined == cy.hive.quarantined == set()
        assert is_whole([one for one in await feed_of(ada, bo.id) if one.delta.header.epoch == 2])


def is_in_step_but_for(quarantined: LiveNode, *nodes: LiveNode) -> bool:
    states = [state for one in nodes for name, state in one.state.items() if name != quarantined.name]
    return set(states) == {"in step"}


# --- writes that are cut off -------------------------------------------------------------------------------------------


async def test_a_failed_write_leaves_its_number_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await in_turn([ada], 1)

        async def full(*_arguments: Any, **_named: Any) -> None:
            raise StoreError("store.disk-full", "full")

        with monkeypatch.context() as patch:
            patch.setattr(type(ada.ground.feed), "add", full)
            with pytest.raises(StoreError):
                await ada.say()
            assert ada.seq(ada) == 1
        assert await ada.say()
        assert is_whole(await feed_of(ada, ada.id))
        await until(lambda: bo.seq(ada) == 2)


async def test_a_write_cut_off_after_it_reached_the_disk_uses_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        add: Callable[..., Awaitable[None]] = type(ada.ground.feed).add

        async def cut_off(*arguments: Any, **named: Any) -> None:
            await add(*arguments, **named)
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(type(ada.ground.feed), "add", cut_off)
            with pytest.raises(asyncio.CancelledError):
                await ada.say(summary(0.3), "first")
        assert await ada.say(summary(0.4), "second")

        feed = await feed_of(ada, ada.id)
        assert len(feed) == 2
        assert is_whole(feed)
        assert await ada.say(summary(0.3), "first") == feed[0].id  # it was told, after all
        await until(lambda: bo.seq(ada) == 2)  # reconciliation carries what was never pushed


async def test_an_arrival_cut_off_after_it_reached_the_disk_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        first, second = eve.feed(2)
        add: Callable[..., Awaitable[None]] = type(ada.ground.feed).add

        async def cut_off(*arguments: Any, **named: Any) -> None:
            await add(*arguments, **named)
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(type(ada.ground.feed), "add", cut_off)
            with pytest.raises(asyncio.CancelledError):
                await ada.parts.learn.learn([first.to_bytes()], eve.id)
        outcomes = await ada.parts.learn.learn([first.to_bytes(), second.to_bytes()], eve.id)

        assert [one.status for one in outcomes] == ["duplicate", "accepted"]
        belief = ada.parts.beliefs.belief(summary().task)
        assert belief is not None


async def test_numbers_are_given_out_one_by_one_whatever_happens_at_once(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        entries = [one.to_bytes() for one in eve.feed(40)]
        saying = [ada.say() for _ in range(20)] + [ada.say(summary(0.9), "one and the same") for _ in range(5)]
        learning = [ada.parts.learn.learn([one], eve.id) for one in entries]

        said = await asyncio.gather(*saying)
        await asyncio.gather(*learning)

        feed = await feed_of(ada, ada.id)
        assert len(feed) == 21
        assert is_whole(feed)
        assert len(set(said[20:])) == 1
        await until(lambda: bo.seq(ada) == 21 and bo.seq(eve.id) == 40)


# --- two entries at one number -----------------------------------------------------------------------------------------


def fork(member: Member, seq: int, before: Envelope | None) -> tuple[Envelope, Envelope]:
    """Two entries at one number."""
    prev = before.id if before else None
    return member.entry(recipe(idea="one"), seq, prev), member.entry(recipe(idea="other"), seq, prev)


async def test_an_equivocator_is_refused_quarantined_and_told_of(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        one, other = fork(eve, 1, None)
        async with eve.dial() as raw:
            assert await raw.post(one) == [("accepted", None)]
            assert await ada.parts.suggest.suggestions(recipe().task)
            assert await raw.post(other) == [("refused", "equivocation")]
            assert await raw.post(eve.entry(None, 2, one.id)) == [("refused", "quarantined")]

        assert ada.state["eve"] == "quarantined"
        assert await ada.parts.suggest.suggestions(recipe().task) == []
        await until(lambda: bo.state.get("eve") == "quarantined")
        assert await bo.parts.suggest.suggestions(recipe().task) == []
        await until(lambda: is_in_step_of(ada, "n2") and is_in_step_of(bo, "n1"))
        assert len(await ada.shown("equivocation")) == len(await bo.shown("equivocation")) == 1
        for node in (ada, bo):
            await node.stop()
            await node.start()
            assert node.state["eve"] == "quarantined"
            assert await node.parts.suggest.suggestions(recipe().task) == []


def is_in_step_of(node: LiveNode, name: str) -> bool:
    return node.state.get(name) == "in step"


async def test_two_entries_at_one_number_in_one_batch_are_a_proof(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        eve = await member_of(ada, "eve")
        one, other = fork(eve, 1, None)
        async with eve.dial() as raw:
            assert await raw.post(one, other, eve.entry(None, 2, one.id)) == [
                ("accepted", None),
                ("refused", "equivocation"),
                ("refused", "quarantined"),
            ]


@pytest.mark.parametrize(("here", "there"), [(1, 1), (3, 1), (1, 3), (2, 2)])
async def test_a_feed_that_was_told_differently_to_two_nodes_is_found_when_they_meet(
    tmp_path: Path, here: int, there: int
) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        await until(lambda: bo.version == ada.version)
        for node in (ada, bo):
            await node.members.halt("kept apart", 5, is_local=True)
        for node, length, idea in ((ada, here, "one"), (bo, there, "other")):
            forked = Member(eve.who, node)
            entries = [forked.next(recipe(idea=f"{idea} {number}")) for number in range(length)]
            node.hive.local_halt = None
            await node.parts.learn.learn([one.to_bytes() for one in entries], eve.id)
            node.hive.local_halt = "kept apart"
            assert node.seq(eve.id) == length
        for node in (ada, bo):
            await node.members.resume(is_local=True)

        await until(lambda: ada.state["eve"] == bo.state["eve"] == "quarantined")
        await until(lambda: is_in_step_of(ada, "n2") and is_in_step_of(bo, "n1"))


def proofs_that_prove_nothing(eve: Member, victim: Member) -> list[Equivocation]:
    one, other = (entry.to_bytes() for entry in fork(victim, 1, None))
    later = victim.entry(None, 2, "0" * 64).to_bytes()
    forged = other.replace(other[-60:-50], b"AAAAAAAAAA")
    stranger = Member(eve.who.__class__("nobody"), eve.node)
    strangers = [entry.to_bytes() for entry in fork(stranger, 1, None)]
    pairs = [(one, one), (one, later), (one, forged), (one, b"x"), (b"", b""), (strangers[0], strangers[1])]
    told = [Equivocation(first=b64encode(a).decode(), second=b64encode(b).decode()) for a, b in pairs]
    return [*told, Equivocation(first="not base64", second="é"), Equivocation(first="", second="")]


async def test_an_accusation_that_proves_nothing_harms_nobody(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve, victim = await member_of(ada, "eve"), await member_of(ada, "victim")
        async with eve.dial() as raw:
            for body in proofs_that_prove_nothing(eve, victim):
                assert await raw.post(eve.next(body)) == [("accepted", None)]

        await until(lambda: bo.seq(eve.id) == eve.seq)
        assert ada.hive.quarantined == bo.hive.quarantined == set()
        async with victim.dial() as raw:
            assert await raw.post(victim.next()) == [("accepted", None)]


async def test_a_proof_told_of_twice_is_acted_on_once(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve, di = await member_of(ada, "eve"), await member_of(ada, "di")
        one, other = (entry.to_bytes() for entry in fork(eve, 1, None))
        body = Equivocation(first=b64encode(one).decode(), second=b64encode(other).decode())
        async with di.dial() as raw:
            assert await raw.post(di.next(body), di.next(body)) == [("accepted", None)] * 2

        await until(lambda: bo.state.get("eve") == ada.state.get("eve") == "quarantined")
        assert ada.seq(ada) == bo.seq(bo) == 0  # who is told needs not tell again


async def test_a_proof_too_large_for_an_entry_is_handed_over_where_nodes_reconcile(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        eve = await member_of(ada, "eve")
        edits = [{"path": "a.py", "search": "x", "replace": "word " * 3_000}]
        large = [
            eve.entry(Recipe.model_validate(recipe().model_dump() | {"edits": edits, "idea": idea})) for idea in "ab"
        ]
        assert 4 / 3 * len(large[0].to_bytes()) > PROOF_CHARS
        async with eve.dial() as raw:
            await raw.post(large[0])
            assert await raw.post(large[1]) == [("refused", "equivocation")]

        assert ada.state["eve"] == "quarantined"
        await until(lambda: bo.state.get("eve") == "quarantined")
        assert await ada.shown("equivocation") == []


async def test_a_node_that_is_asked_for_its_word_says_it_once(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 1) as (ada,):
        news = News("the same thing", summary(), ShareLevel.SUMMARIES)
        first = await ada.parts.share.publish(news)
        await ada.stop()
        await ada.start()

        assert await ada.parts.share.publish(news) == first
        assert len(await ada.shown()) == 1
