"""What a hostile member can do over a real socket, and what it gets: each refusal with its code, and nothing stored."""

import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hive_node.adapters.tls import certificate_of, client_context
from hive_node.ports import StoreError
from hive_node.share.charters import CharterOffice
from protocol.charter import stamp
from protocol.deltas import Recipe
from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, Envelope
from protocol.ids import HiveId
from protocol.limits import ENTRIES_PER_ANSWER, ENVELOPE_BYTES, HELD_PER_AUTHOR, MEMBERS
from tests.fakes.hive import FakeNode, recipe, summary
from tests.integration.hives import LiveNode, node_of, until
from tests.integration.raw_peer import Member, dialled, member_of

OTHER_HIVE = HiveId("b" * 52)
SPOILT_PAYLOAD = b'{"hive": 1}'


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[LiveNode]:
    """A running node that is its hive's admin and only daemon."""
    async with node_of(tmp_path) as node:
        await node.members.create("test hive")
        await until(lambda: node.port)
        yield node


@pytest.fixture
async def mallory(ada: LiveNode) -> Member:
    return await member_of(ada, "mallory")


@pytest.fixture
async def bo(ada: LiveNode) -> Member:
    """An honest member."""
    return await member_of(ada, "bo")


def outer(envelope: Envelope, **changes: object) -> bytes:
    """The envelope's JSON with members replaced; None leaves one out."""
    tree = json.loads(envelope.to_bytes()) | changes
    return json.dumps({name: value for name, value in tree.items() if value is not None}).encode()


def inner(member: Member, *replaced: tuple[bytes, bytes]) -> Envelope:
    """An entry whose payload was changed before it was signed."""
    payload = member.entry().payload
    for old, new in replaced:
        assert old in payload
        payload = payload.replace(old, new, 1)
    return member.who.seal(payload)


HOSTILE: dict[str, tuple[str, Callable[[Member], Envelope | bytes]]] = {
    "no JSON": ("bad-json", lambda _m: b"hello"),
    "a list": ("bad-json", lambda _m: b"[]"),
    "not UTF-8": ("bad-json", lambda _m: b'{"payload":"\xff"}'),
    "depth 10 000": ("too-deep", lambda _m: b"[" * 10_000),
    "a member too many": ("bad-envelope", lambda m: outer(m.entry(), note="x")),
    "no signature": ("bad-envelope", lambda m: outer(m.entry(), signatures=[])),
    "signed twice": ("bad-envelope", lambda m: outer(m.entry(), signatures=2 * json.loads(m.entry().to_bytes())["signatures"])),
    "a short signature": ("bad-envelope", lambda m: outer(m.entry(), signatures=[{"keyid": m.id, "sig": "QUJD"}])),
    "spare bits in base64": ("bad-base64", lambda m: outer(m.entry(), payload="QUJDRB==")),
    "a charter": ("wrong-type", lambda m: m.who.seal(m.entry().payload, CHARTER_TYPE)),
    "another type": ("wrong-type", lambda m: outer(m.entry(), payloadType="text/plain")),
    "version 2": ("unsupported-version", lambda m: outer(m.entry(), payloadType=DELTA_TYPE.replace(".v1+", ".v2+"))),
    "a stranger's": ("not-a-member", lambda m: Member(FakeNode("eve"), m.node).entry()),
    "keyed by no key": ("not-a-member", lambda m: outer(m.entry(), signatures=[{"keyid": "x", "sig": b64encode(bytes(64)).decode()}])),
    "forged": ("bad-signature", lambda m: outer(m.entry(), signatures=[{"keyid": m.node.id, "sig": b64encode(bytes(64)).decode()}])),
    "swapped payload": ("bad-signature", lambda m: outer(m.entry(), payload=b64encode(m.entry(summary(0.9)).payload).decode())),
    "duplicate keys": ("duplicate-key", lambda m: inner(m, (b'"epoch":1', b'"epoch":1,"epoch":1'))),
    "NaN": ("not-finite", lambda m: inner(m, (b'"gain":0.1', b'"gain":NaN'))),
    "1e400": ("not-finite", lambda m: inner(m, (b'"gain":0.1', b'"gain":1e400'))),
    "a deep payload": ("too-deep", lambda m: inner(m, (b'"gain":0.1', b'"gain":' + b"[" * 17 + b"]" * 17))),
    "a payload of no delta": ("bad-schema", lambda m: m.who.seal(SPOILT_PAYLOAD)),
    "a text for a number": ("bad-schema", lambda m: inner(m, (b'"gain":0.1', b'"gain":"0.1"'))),
    "a number over its range": ("bad-schema", lambda m: inner(m, (b'"gain":0.1', b'"gain":1e300'))),
    "another hive's": ("wrong-hive", lambda m: m.entry(hive=OTHER_HIVE)),
    "in another's name": ("author-mismatch", lambda m: m.entry(author=m.node.id)),
    "a future epoch": ("future-epoch", lambda m: m.entry(epoch=2)),
    "a first with a past": ("broken-chain", lambda m: m.entry(None, 1, "0" * 64)),
    "rules never pinned": ("wrong-constitution", lambda m: m.entry(constitution="0" * 64)),
}  # fmt: skip


async def test_each_hostile_entry_is_refused_with_its_code_and_nothing_is_stored(
    ada: LiveNode, mallory: Member, bo: Member
) -> None:
    async with mallory.dial() as raw:
        for name, (code, make) in HOSTILE.items():
            assert await raw.post(make(mallory)) == [("refused", code)], name
        everything = [make(mallory) for _, make in HOSTILE.values()]
        assert await raw.post(*everything) == [("refused", code) for code, _ in HOSTILE.values()]

    assert await ada.shown() == []
    assert ada.hive.heads == {}
    async with bo.dial() as honest:
        assert await honest.post(bo.next()) == [("accepted", None)]


async def test_no_altered_byte_of_an_entry_is_ever_taken(ada: LiveNode, bo: Member, mallory: Member) -> None:
    raw_entry = bo.entry().to_bytes()
    altered = [raw_entry[:at] + bytes([raw_entry[at] ^ 1]) + raw_entry[at + 1 :] for at in range(len(raw_entry))]

    async with mallory.dial() as raw:
        statuses = set()
        # A line end in the middle makes two lines of one: each of them must be refused.
        at_once = ENTRIES_PER_ANSWER - 5
        for start in range(0, len(altered), at_once):
            statuses |= {status for status, _ in await raw.post(*altered[start : start + at_once])}

    assert statuses == {"refused"}
    assert await ada.shown() == []


async def test_one_bad_entry_in_a_batch_costs_its_neighbours_nothing(
    ada: LiveNode, bo: Member, mallory: Member
) -> None:
    first, second, third = bo.feed(3)

    async with mallory.dial() as raw:
        results = await raw.post(first, b"nonsense", second, outer(third, note="x"), third)

    assert [status for status, _ in results] == ["accepted", "refused", "accepted", "refused", "accepted"]
    assert await ada.shown() == [first.id, second.id, third.id]


async def test_replay_is_a_duplicate_for_ever(ada: LiveNode, bo: Member) -> None:
    feed = bo.feed(3)
    async with bo.dial() as raw:
        await raw.post(*feed)

        assert await raw.post(*feed, *reversed(feed)) == [("duplicate", None)] * 6
    await ada.stop()
    await ada.start()
    ada.hive.peers_were_asked()  # there is nobody else whose charters it could wait for
    async with bo.dial() as raw:
        assert await raw.post(*feed) == [("duplicate", None)] * 3
    assert await ada.shown() == [one.id for one in feed]


async def test_entries_ahead_of_their_place_wait_and_are_taken_in_order(ada: LiveNode, bo: Member) -> None:
    first, second, third, fourth = bo.feed(4)

    async with bo.dial() as raw:
        assert await raw.post(fourth, third, second) == [("gap", None)] * 3
        assert await ada.shown() == []
        assert await raw.post(first) == [("accepted", None)]

    assert await ada.shown() == [one.id for one in (first, second, third, fourth)]
    assert ada.seq(bo.id) == 4


async def test_room_for_entries_ahead_of_their_place_is_bounded_by_author(
    ada: LiveNode, mallory: Member, bo: Member
) -> None:
    ahead = [mallory.entry(None, seq, "0" * 64) for seq in range(10, 10 + HELD_PER_AUTHOR + 1)]

    async with mallory.dial() as raw:
        statuses = []
        for start in range(0, len(ahead), ENTRIES_PER_ANSWER):
            statuses += await raw.post(*ahead[start : start + ENTRIES_PER_ANSWER])
        assert statuses == [("gap", None)] * HELD_PER_AUTHOR + [("refused", "gap-full")]

        assert await raw.post(bo.next(), bo.next()) == [("accepted", None)] * 2


async def test_an_entry_that_breaks_its_chain_is_refused(ada: LiveNode, mallory: Member) -> None:
    mallory.next()
    async with mallory.dial() as raw:
        assert mallory.last is not None
        await raw.post(mallory.last)

        assert await raw.post(mallory.entry(None, 2, "0" * 64)) == [("refused", "broken-chain")]


async def test_a_secret_that_arrives_is_kept_from_everyone(ada: LiveNode, mallory: Member, bo: Member) -> None:
    secret = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
    leak = mallory.next(recipe(idea=f"push with {secret}"))
    after = mallory.next()

    async with mallory.dial() as raw:
        assert await raw.post(leak) == [("refused", "scope-refused")]
        assert await raw.post(after) == [("accepted", None)]

    assert await ada.shown() == [after.id]
    stored = await ada.ground.feed.get(leak.id)
    assert stored is not None
    assert stored.standing == "quarantined"
    async with bo.dial() as raw:
        reply = await raw.ask("POST", "/hive/v1/sync", b'{"have":{}}')
        *entries, tail = reply.body.split(b"\n")
        assert entries == [after.to_bytes()]
        assert json.loads(tail)["withheld"] == [[mallory.id, 1, 1, 1]]
        wanted = json.dumps({"have": {mallory.id: [1, 2, after.id]}, "wanted": [[mallory.id, 1, 1, 1]]})
        reply = await raw.ask("POST", "/hive/v1/sync", wanted.encode())
        assert b"\n" not in reply.body
    belief = ada.parts.beliefs.belief(recipe().task)
    assert belief is None or leak.id not in {one.id for one in belief.recipes}


async def test_paths_and_code_of_a_strange_recipe_touch_nothing(ada: LiveNode, mallory: Member, tmp_path: Path) -> None:
    target = tmp_path / "victim"
    edits = [{"path": str(target), "search": "", "replace": "owned"}]
    body = Recipe.model_validate(recipe().model_dump() | {"edits": edits, "files": {str(target): "0" * 64}})

    async with mallory.dial() as raw:
        await raw.post(mallory.next(body))

    assert not target.exists()


async def test_an_expired_charter_lets_nothing_in_or_out_but_charters(
    ada: LiveNode, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(_office: CharterOffice) -> None:
        """What its admin's node would do about it, whenever it looks."""

    monkeypatch.setattr(CharterOffice, "renew_if_due", forget)
    before = bo.next()
    async with bo.dial() as raw:
        await raw.post(before)
        ada.clock.shift = timedelta(days=91)

        assert await raw.post(bo.next()) == [("refused", "charter-expired")]
        assert (await raw.ask("POST", "/hive/v1/sync", b'{"have":{}}')).code == "charter-expired"
        chain = await raw.ask("GET", "/hive/v1/charter?from=1")
        assert len(chain.body.split(b"\n")) == ada.version
    assert await ada.shown() == [before.id]
    assert await ada.say() is None


async def test_a_halted_node_takes_and_gives_no_entry_but_charters(ada: LiveNode, bo: Member) -> None:
    await ada.members.halt("looks wrong", 60, is_local=False)
    async with bo.dial() as raw:
        assert await raw.post(bo.next()) == [("refused", "halted")]
        assert (await raw.ask("POST", "/hive/v1/sync", b'{"have":{}}')).code == "halted"
        assert len((await raw.ask("GET", "/hive/v1/charter")).body.split(b"\n")) == ada.version

        await ada.members.resume(is_local=False)
        assert await raw.post(bo.last or b"") == [("accepted", None)]


async def test_a_full_disk_is_said_so_and_nothing_is_believed(
    ada: LiveNode, bo: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = bo.next()

    async def full(*_arguments: object, **_named: object) -> None:
        raise StoreError("store.disk-full", "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(ada.ground.feed), "add", full)
        async with bo.dial() as raw:
            reply = await raw.ask("POST", "/hive/v1/entries", entry.to_bytes())
    assert (reply.status, reply.code) == (503, "unavailable")
    assert ada.seq(bo.id) == 0

    async with bo.dial() as raw:
        assert await raw.post(entry) == [("accepted", None)]


# --- requests that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad-json"),
        (b"{}", "bad-schema"),
        (b'{"have":[]}', "bad-schema"),
        (b'{"have":{"x":[1,1,"' + b"0" * 64 + b'"]}}', "bad-key"),
        (b'{"have":{"' + b"a" * 52 + b'":[1,0,"' + b"0" * 64 + b'"]}}', "bad-schema"),
        (b'{"have":' + b"[" * 10_000, "too-deep"),
    ],
)
async def test_a_sync_request_out_of_shape_is_refused(ada: LiveNode, mallory: Member, body: bytes, code: str) -> None:
    async with mallory.dial() as raw:
        assert (await raw.ask("POST", "/hive/v1/sync", body)).code == code


async def test_a_have_vector_of_a_thousand_and_one_authors_is_refused(ada: LiveNode, mallory: Member) -> None:
    letters = str.maketrans("0189", "bcde")
    have = {f"{number:051d}".translate(letters) + "a": [1, 1, "0" * 64] for number in range(MEMBERS + 1)}
    async with mallory.dial() as raw:
        assert (await raw.ask("POST", "/hive/v1/sync", json.dumps({"have": have}).encode())).code == "too-many"


@pytest.mark.parametrize("first", ["0x1", "-1", "1e3", "9999999", "%D9%A3", ""])
async def test_a_charter_version_that_is_no_number_is_refused(ada: LiveNode, mallory: Member, first: str) -> None:
    async with mallory.dial() as raw:
        assert (await raw.ask("GET", f"/hive/v1/charter?from={first}")).code == "bad-schema"


# --- who is let in -----------------------------------------------------------------------------------------------------


async def test_strangers_are_refused_before_they_say_a_word(ada: LiveNode, tmp_path: Path) -> None:
    eve = FakeNode("eve")
    of_ada = [certificate_of(ada.key)]
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    async with node_of(tmp_path, "elsewhere") as other:
        await other.members.create("another hive")
        member_elsewhere = client_context(other.key, of_ada)
        for context in (client_context(eve.signer, of_ada), nobody, member_elsewhere):
            with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
                async with dialled(ada.port, context) as raw:
                    await raw.ask("GET", "/hive/v1/node")


async def test_a_member_revoked_while_connected_gets_its_next_request_refused(ada: LiveNode, bo: Member) -> None:
    first, second, third = bo.feed(3)
    async with bo.dial() as raw:
        assert await raw.post(first, second) == [("accepted", None)] * 2

        await ada.members.revoke(bo.id, "left the company")

        reply = await raw.ask("POST", "/hive/v1/entries", third.to_bytes())
        assert (reply.status, reply.code) == (403, "not-a-member")
    carrier = await member_of(ada, "carrier")
    async with carrier.dial() as raw:
        assert await raw.post(third, second) == [("refused", "revoked"), ("duplicate", None)]


async def test_an_author_that_came_back_is_heard_in_its_new_epoch_alone(ada: LiveNode, bo: Member) -> None:
    old = bo.next()
    again = await member_of(ada, "bo")

    async with again.dial() as raw:
        assert await raw.post(old) == [("refused", "old-epoch")]
        assert await raw.post(again.next(epoch=2)) == [("accepted", None)]


async def test_a_line_over_the_limit_refuses_the_request(ada: LiveNode, mallory: Member) -> None:
    padded = mallory.entry().to_bytes()
    async with mallory.dial() as raw:
        assert await raw.post(padded.ljust(ENVELOPE_BYTES)) == [("accepted", None)]
    async with mallory.dial() as raw:
        reply = await raw.ask("POST", "/hive/v1/entries", padded.ljust(ENVELOPE_BYTES + 1))
        assert (reply.status, reply.code) == (413, "too-large")
        assert reply.headers["retry-after"]


async def test_the_stamp_of_an_entry_is_compared_with_no_clock(ada: LiveNode, bo: Member) -> None:
    async with bo.dial() as raw:
        for year in (1, 9999):
            entry = bo.next(issued_at=stamp(datetime(year, 1, 1, tzinfo=UTC)).zfill(20))
            assert await raw.post(entry) == [("accepted", None)]
