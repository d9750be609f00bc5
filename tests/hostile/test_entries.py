"""A hostile member hands entries over, by hand, to a real node: each is refused by its code, and none is kept."""

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, Envelope
from protocol.limits import BLANK_LINES, ENTRIES_PER_ANSWER, ENVELOPE_BYTES, HAVE_BYTES, REQUEST_BYTES
from protocol.wire import dump_json
from tests.fakes.hive import base64_text, summary
from tests.hostile.stage import BO, CAROL, DAN, EVE, MALLORY, OLGA, REX, STRANGER, Stage
from tests.hostile.wire import GONE, dialled

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
STATUS = {"too-many": 429, "too-large": 413}
Forgery = Callable[[Stage], bytes]


def signed(change: Callable[[bytes], bytes]) -> Forgery:
    """An entry whose payload was changed before it was signed: only what comes after the signature can refuse it."""
    return lambda stage: MALLORY.seal(change(stage.entry(MALLORY).payload)).to_bytes()


def saying(**fields: Any) -> Forgery:
    """The same, with members of the payload replaced."""
    return signed(lambda payload: dump_json(json.loads(payload) | fields))


def enveloped(**members: Any) -> Forgery:
    """An honest entry, in an envelope with members replaced, or taken out where they are None."""

    def forge(stage: Stage) -> bytes:
        tree = json.loads(stage.entry(MALLORY).to_bytes()) | members
        return json.dumps({name: value for name, value in tree.items() if value is not None}).encode()

    return forge


def with_signature(**members: Any) -> Forgery:
    def forge(stage: Stage) -> bytes:
        tree = json.loads(stage.entry(MALLORY).to_bytes())
        tree["signatures"][0] |= members
        return json.dumps(tree).encode()

    return forge


def by_another_hand(stage: Stage) -> bytes:
    """Bo's entry, under Bo's name, by Mallory's key."""
    payload = stage.entry(BO, seq=2, prev=stage.feeds[BO.id][0].id).payload
    (signature,) = MALLORY.seal(payload).signatures
    return Envelope(DELTA_TYPE, payload, (type(signature)(BO.id, signature.sig),)).to_bytes()


def nested(stage: Stage) -> bytes:
    return b'{"payloadType":' + b"[" * 10_000 + b"]" * 10_000 + b"}"


FORGERIES: dict[str, tuple[Forgery, str]] = {
    "forged author": (by_another_hand, "bad-signature"),
    "another author named": (lambda stage: MALLORY.seal(stage.entry(BO).payload).to_bytes(), "author-mismatch"),
    "a stranger": (lambda stage: stage.entry(STRANGER).to_bytes(), "not-a-member"),
    "type swapped for a charter's": (enveloped(payloadType=CHARTER_TYPE), "wrong-type"),
    "type of another version": (enveloped(payloadType=DELTA_TYPE.replace("v1", "v2")), "unsupported-version"),
    "a charter for an entry": (lambda stage: stage.hive.chain[0], "wrong-type"),
    "a charter's payload signed as an entry": (
        lambda stage: MALLORY.seal(stage.hive.membership.charter.payload()).to_bytes(),
        "bad-schema",
    ),
    "no signature": (enveloped(signatures=[]), "bad-envelope"),
    "a member missing": (enveloped(payload=None), "bad-envelope"),
    "a member too many": (enveloped(more=1), "bad-envelope"),
    "signature of 63 bytes": (with_signature(sig=base64_text(bytes(63))), "bad-envelope"),
    "signature of zeros": (with_signature(sig=base64_text(bytes(64))), "bad-signature"),
    "base64 of URLs": (with_signature(sig=base64.urlsafe_b64encode(b"\xff" * 64).decode()), "bad-base64"),
    "base64 with a line end": (enveloped(payload="e30=\n"), "bad-base64"),
    "signer in capitals": (with_signature(keyid=MALLORY.id.upper()), "not-a-member"),
    "a member named twice": (
        lambda stage: stage.entry(MALLORY).to_bytes().replace(b'{"payload"', b'{"payload":"","payload"', 1),
        "duplicate-key",
    ),
    "a field named twice": (signed(lambda payload: b'{"seq":1,' + payload[1:]), "duplicate-key"),
    "a field named twice, once escaped": (signed(lambda payload: b'{"\\u0073eq":1,' + payload[1:]), "duplicate-key"),
    "NaN": (signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":NaN')), "not-finite"),
    "1e400": (signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":1e400')), "not-finite"),
    "an integer of 400 digits": (
        signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":' + b"9" * 400)),
        "not-finite",
    ),
    "1e300": (signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":1e300')), "bad-schema"),
    "a number as text": (signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":"0.1"')), "bad-schema"),
    "true for a number": (signed(lambda payload: payload.replace(b'"gain":0.1', b'"gain":true')), "bad-schema"),
    "depth 10 000 in the envelope": (nested, "too-deep"),
    "depth 10 000 in the payload": (signed(lambda _: b'{"a":' * 3000 + b"1" + b"}" * 3000), "too-deep"),
    "depth 17": (signed(lambda _: b'{"a":' * 17 + b"1" + b"}" * 17), "too-deep"),
    "not UTF-8": (signed(lambda _: b'{"a":"\xff"}'), "bad-json"),
    "a byte order mark": (signed(lambda payload: b"\xef\xbb\xbf" + payload), "bad-json"),
    "half a surrogate pair": (signed(lambda _: b'{"a":"\\ud800"}'), "bad-json"),
    "a list": (signed(lambda _: b"[]"), "bad-json"),
    "nothing": (signed(lambda _: b""), "bad-json"),
    "no body": (saying(body=None), "bad-schema"),
    "29th of February 2027": (saying(issued_at="2027-02-29T00:00:00Z"), "bad-schema"),
    "wrong hive": (lambda stage: stage.entry(MALLORY, hive="a" * 52).to_bytes(), "wrong-hive"),
    "future epoch": (lambda stage: stage.entry(MALLORY, epoch=2).to_bytes(), "future-epoch"),
    "old epoch": (lambda stage: stage.entry(OLGA, epoch=1).to_bytes(), "old-epoch"),
    "a first entry with one before it": (lambda stage: stage.entry(MALLORY, prev="0" * 64).to_bytes(), "broken-chain"),
    "a fork of somebody's feed": (lambda stage: stage.entry(BO, seq=2, prev="0" * 64).to_bytes(), "broken-chain"),
    "said after it was revoked": (lambda stage: stage.entry(REX, seq=2, prev="0" * 64).to_bytes(), "revoked"),
    "rules that were never pinned": (
        lambda stage: stage.entry(MALLORY, constitution="0" * 64).to_bytes(),
        "wrong-constitution",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_entry_is_refused_by_its_code(stage: Stage, name: str) -> None:
    forge, code = FORGERIES[name]
    with dialled(stage.port, MALLORY) as wire:
        assert wire.post(forge(stage)) == [("refused", code)]


def test_no_altered_byte_passes_wherever_it_stands(stage: Stage) -> None:
    raw = stage.entry(MALLORY).to_bytes()
    for flip in (0x01, 0x80):
        altered = [raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :] for at in range(len(raw))]
        # Sent by several, for what brings nothing is counted, and a line feed would make two lines of one.
        lines = [one for one in altered if b"\n" not in one]
        assert len(lines) == len(raw)
        with dialled(stage.port, MALLORY if flip == 1 else OLGA) as wire:
            for start in range(0, len(lines), ENTRIES_PER_ANSWER):
                found = wire.post(*lines[start : start + ENTRIES_PER_ANSWER])
                assert {status for status, _ in found} == {"refused"}


def test_weak_keys_sign_nothing(stage: Stage) -> None:
    """Under OpenSSL's verification the identity point is a key for which this one signature holds for every message."""
    weak = json.loads((VECTORS / "node_ids.json").read_text())
    keys = [bytes.fromhex(one["public_key"]) for one in weak["refused_keys"] if len(one["public_key"]) == 64]
    assert len(keys) >= 8
    universal = base64_text(b"\x01" + bytes(63))
    spelt = [base64.b32encode(key).decode().rstrip("=").lower() for key in keys]
    with dialled(stage.port, MALLORY) as wire:
        forged = [with_signature(keyid=one, sig=universal)(stage) for one in spelt]
        assert set(wire.post(*forged)) == {("refused", "not-a-member")}


def test_a_used_number_with_other_content_convicts_its_author(stage: Stage) -> None:
    first, second = (stage.entry(EVE, summary(gain)) for gain in (0.1, 0.2))
    stage.wanted.add(first.id)
    with dialled(stage.port, EVE) as wire:
        assert wire.post(first.to_bytes()) == [("accepted", None)]
        assert wire.post(second.to_bytes()) == [("refused", "equivocation")]
        assert wire.post(stage.entry(EVE, seq=2, prev=first.id).to_bytes()) == [("refused", "quarantined")]


def test_a_replay_is_a_duplicate_for_ever(stage: Stage) -> None:
    with dialled(stage.port, MALLORY) as wire:
        assert wire.post(*[one.to_bytes() for one in stage.feeds[BO.id]] * 2) == [("duplicate", None)] * 2 * len(
            stage.feeds[BO.id]
        )


def test_an_entry_of_64_kib_passes_and_one_byte_more_does_not(stage: Stage) -> None:
    raw = stage.next(BO)
    blank = b" " * (ENVELOPE_BYTES - len(raw))
    with dialled(stage.port, MALLORY) as wire:
        reply = wire.ask("POST", "/hive/v1/entries", raw[:-1] + blank + b" }")
        assert reply.refusal == (413, "too-large")
        assert wire.post(raw[:-1] + blank + b"}") == [("accepted", None)]


@pytest.mark.parametrize(
    ("path", "most"), [("/hive/v1/entries", REQUEST_BYTES), ("/hive/v1/sync", HAVE_BYTES)], ids=["entries", "sync"]
)
def test_a_body_one_byte_too_large_is_refused_announced_or_not(stage: Stage, path: str, most: int) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: peer\r\n".encode()
    with dialled(stage.port, MALLORY) as wire:
        wire.send(head, b"Content-Length: %d\r\n\r\n" % (most + 1))
        assert wire.reply().refusal == (413, "too-large")
    with dialled(stage.port, MALLORY) as wire:
        line = b" " * 60_000 + b"\n"
        wire.send(head, b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(most // len(line) + 1):
                wire.send(b"%x\r\n" % len(line), line, b"\r\n")
        except GONE:
            pass  # it has heard enough
        assert wire.reply().refusal == (413, "too-large")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"x\n" * (ENTRIES_PER_ANSWER + 1), (429, "too-many")),
        (b"\n" * (BLANK_LINES + 1), (429, "too-many")),
    ],
    ids=["entries", "blank lines"],
)
def test_too_many_lines_are_refused_together(stage: Stage, body: bytes, refusal: tuple[int, str]) -> None:
    with dialled(stage.port, MALLORY) as wire:
        assert wire.ask("POST", "/hive/v1/entries", body).refusal == refusal


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad-json"),
        (b"[]", "bad-json"),
        (b"{}", "bad-schema"),
        (b'{"have":[]}', "bad-schema"),
        (b'{"have":{"a":[1,1,"x"]}}', "bad-key"),
        (b'{"have":{"%b":[1,true,"%b"]}}' % (b"a" * 52, b"0" * 64), "bad-schema"),
        (b'{"have":{"%b":[1,0,"%b"]}}' % (b"a" * 52, b"0" * 64), "bad-schema"),
        (b'{"have":{},"have":{}}', "duplicate-key"),
        (b'{"have":NaN}', "not-finite"),
        (b'{"have":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too-deep"),
        (b'{"have":' + b"[" * 100_000, "too-large"),
        (b'{"have":[' + b"{}," * 80_000 + b"{}]}", "too-large"),
        (dump_json({"have": {f"a{number}": [] for number in range(1001)}}), "too-many"),
    ],
    ids=range(13),
)
def test_a_question_out_of_shape_is_refused(stage: Stage, body: bytes, code: str) -> None:
    with dialled(stage.port, MALLORY) as wire:
        assert wire.ask("POST", "/hive/v1/sync", body).refusal == (STATUS.get(code, 400), code)


def test_charters_are_not_taken_from_whoever_pushes_them(stage: Stage) -> None:
    """There is no way to hand one over: a node fetches what its peers tell of."""
    after = stage.hive.amend(CAROL, DAN, name="pushed").chain[-1]
    with dialled(stage.port, MALLORY) as wire:
        ask = partial(wire.ask, body=after)
        assert ask("POST", "/hive/v1/charter").refusal == (405, "bad-request")
        assert ask("PUT", "/hive/v1/charter").refusal == (405, "bad-request")
        assert wire.ask("GET", "/hive/v1/charter?from=3").body == stage.hive.chain[2]
        for version in ("0x1", "-1", "1234567", "%D9%A3", ""):
            assert wire.ask("GET", f"/hive/v1/charter?from={version}").refusal == (400, "bad-schema")
