"""The outer shell: what is looked at before anybody's signature is."""

import base64
import json
from typing import Any

import pytest

from protocol.envelope import CHARTER_TYPE, DELTA_TYPE, Envelope, Signature, pae, parse_envelope
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import public_key, sha256_hex
from protocol.limits import ENVELOPE_BYTES
from protocol.signing import seal
from tests.fakes.hive import FakeNode

ADA, BO = FakeNode("ada"), FakeNode("bo")
HONEST = ADA.seal(b'{"hello":"world"}')


def parse(raw: bytes, *, max_bytes: int = ENVELOPE_BYTES, payload_type: str = DELTA_TYPE) -> Envelope:
    return parse_envelope(raw, max_bytes=max_bytes, payload_type=payload_type)


def refusal(raw: bytes, *, payload_type: str = DELTA_TYPE) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        parse(raw, payload_type=payload_type)
    return caught.value.code


def altered(**members: Any) -> bytes:
    return json.dumps(json.loads(HONEST.to_bytes()) | members).encode()


def test_envelope_travels_and_arrives_as_it_was() -> None:
    assert parse(HONEST.to_bytes()) == HONEST
    assert b"\n" not in HONEST.to_bytes()
    assert HONEST.id == sha256_hex(HONEST.payload)


def test_one_byte_over_the_limit_is_refused_before_anything_is_read() -> None:
    honest = HONEST.to_bytes()

    assert parse(honest.ljust(ENVELOPE_BYTES)) == HONEST
    assert refusal(honest.ljust(ENVELOPE_BYTES + 1)) is Code.TOO_LARGE
    assert refusal(b"[" * (ENVELOPE_BYTES + 1)) is Code.TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        altered(extra=1),
        altered(payloadtype=DELTA_TYPE),
        b'{"payloadType":"%b","payload":""}' % DELTA_TYPE.encode(),
        altered(signatures=[]),
        altered(signatures={}),
        altered(signatures=None),
        altered(signatures="x"),
        altered(signatures=[1]),
        altered(signatures=[[]]),
        altered(signatures=[{}]),
        altered(signatures=[{"keyid": ADA.id}]),
        altered(signatures=[{"sig": "QQ=="}]),
        altered(signatures=[{"keyid": 1, "sig": "QQ=="}]),
        altered(signatures=[{"keyid": None, "sig": base64.b64encode(bytes(64)).decode()}]),
        altered(signatures=[{"keyid": ADA.id, "sig": base64.b64encode(bytes(64)).decode(), "note": "psst"}]),
    ],
)
def test_envelope_with_a_member_too_many_too_few_or_of_another_kind_is_refused(raw: bytes) -> None:
    assert refusal(raw) is Code.BAD_ENVELOPE


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_signature_of_another_length_is_refused(length: int) -> None:
    sig = base64.b64encode(bytes(length)).decode()

    assert refusal(altered(signatures=[{"keyid": ADA.id, "sig": sig}])) is Code.BAD_ENVELOPE


BAD_BASE64 = {
    "a number": 1,
    "null": None,
    "a list": ["QUJD"],
    "no padding": "QQ",
    "half the padding": "QQ=",
    "too much padding": "QUJD====",
    "spare bits": "QR==",
    "more spare bits": "QUJ=",
    "a space": "QU JD",
    "a space behind": "QUJD ",
    "a newline": "QUJD\n",
    "a line break inside": "QU\r\nJD",
    "a tab": "\tQUJD",
    "URL letters": "-_-_",
    "padding first": "=QUJD",
    "padding inside": "QQ==QQ==",
    "an umlaut": "QUJä",
    "full-width letters": "ＱＵＪＤ",
    "a lone byte": "Q",
    "NUL": "QUJD\0",
}


@pytest.mark.parametrize("text", BAD_BASE64.values(), ids=list(BAD_BASE64))
def test_base64_in_any_but_the_one_spelling_is_refused_in_payload_and_signature(text: object) -> None:
    assert refusal(altered(payload=text)) is Code.BAD_BASE64
    assert refusal(altered(signatures=[{"keyid": ADA.id, "sig": text}])) is Code.BAD_BASE64


@pytest.mark.parametrize(
    "found",
    [
        CHARTER_TYPE,
        "application/json",
        "",
        DELTA_TYPE.upper(),
        " " + DELTA_TYPE,
        "application/vnd.hive-node.charter.v2+json",
        "application/vnd.hive-node.deltas.v1+json",
        1,
        None,
        [DELTA_TYPE],
        {"v": DELTA_TYPE},
        True,
    ],
)
def test_type_that_was_not_asked_for_is_refused(found: object) -> None:
    assert refusal(altered(payloadType=found)) is Code.WRONG_TYPE


@pytest.mark.parametrize("version", ["v2", "v0", "v11", "v", "v1 ", "vNaN"])
def test_another_major_version_of_the_right_family_is_told_apart(version: str) -> None:
    assert refusal(altered(payloadType=DELTA_TYPE.replace("v1", version))) is Code.UNSUPPORTED_VERSION
    charter = altered(payloadType=CHARTER_TYPE.replace("v1", version))
    assert refusal(charter, payload_type=CHARTER_TYPE) is Code.UNSUPPORTED_VERSION


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\xff", Code.BAD_JSON),
        (b"[]", Code.BAD_JSON),
        (b'{"payload":"","payload":""}', Code.DUPLICATE_KEY),
        (b'{"payload":NaN}', Code.NOT_FINITE),
        (b'{"payload":' + b"[" * 17 + b"]" * 17 + b"}", Code.TOO_DEEP),
        (HONEST.to_bytes().replace(b'"sig"', b'"keyid":"x","sig"'), Code.DUPLICATE_KEY),
        (altered(payload="\ud800"), Code.BAD_JSON),
    ],
)
def test_shell_is_read_as_strictly_as_what_is_inside(raw: bytes, code: Code) -> None:
    assert refusal(raw) is code


def test_pae_counts_bytes_not_characters() -> None:
    """The first line is the example of the DSSE specification."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("ü", "ü".encode()) == b"DSSEv1 2 \xc3\xbc 2 \xc3\xbc"
    assert pae("", b"") == b"DSSEv1 0  0 "


def test_no_two_pairs_of_type_and_body_share_an_encoding() -> None:
    pieces = ["", " ", "1", "a", "1 a", "a 1 b", "DSSEv1 1 a 1 b"]
    pairs = [(kind, body) for kind in pieces for body in pieces]

    assert len({pae(kind, body.encode()) for kind, body in pairs}) == len(pairs)


def test_sealed_bytes_carry_each_signer_in_order() -> None:
    envelope = seal(CHARTER_TYPE, b"{}", [ADA.signer, BO.signer])

    assert [one.keyid for one in envelope.signatures] == [ADA.id, BO.id]
    for one in envelope.signatures:
        public_key(one.keyid).verify(one.sig, pae(CHARTER_TYPE, b"{}"))
    assert parse(envelope.to_bytes(), payload_type=CHARTER_TYPE) == envelope


def test_keyid_is_kept_as_written_and_trusted_by_nobody_yet() -> None:
    envelope = Envelope(DELTA_TYPE, b"{}", (Signature("not a key at all", bytes(64)),))

    assert parse(envelope.to_bytes()) == envelope
