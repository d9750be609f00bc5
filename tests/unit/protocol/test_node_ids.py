"""Who may be a node: keys that a stranger chose to be weak, ids in a second spelling, certificates of somebody else."""

import base64
import secrets
from hashlib import sha512
from typing import TypeAlias

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol import ids
from protocol.errors import Code, RemoteProtocolError
from protocol.ids import entry_id, hive_id, node_id, node_id_of_certificate, parse_node_id, public_key, sha256_hex
from tests.fakes.hive import NOW, FakeNode

ADA, BO = FakeNode("ada"), FakeNode("bo")

# --- edwards25519, written from RFC 8032 §5.1 alone, so that it shares nothing with the code under test ---------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point: TypeAlias = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    twist = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + twist, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - twist, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    total = IDENTITY
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def point_with_y(y: int) -> Point | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    for candidate in (root, root * pow(2, (P - 1) // 4, P) % P):
        if candidate * candidate % P == square:
            return candidate, y
    return None


def torsion() -> list[Point]:
    """The eight points whose order divides 8: the curve has 8·L, so L times any point is one of them."""
    for y in range(2, 200):
        point = point_with_y(y)
        if point is None:
            continue
        generator = times(L, point)
        multiples = [times(n, generator) for n in range(8)]
        if len(set(multiples)) == 8:
            return multiples
    raise AssertionError("no point of order 8 under y = 200")


def encodings(point: Point) -> list[bytes]:
    """Every 32 bytes that some decoder takes for `point`: y or y + p, and the sign bit of x free where x is 0."""
    x, y = point
    signs = {x & 1} if x else {0, 1}
    ys = [value for value in (y, y + P) if value < 2**255]
    return [(value | sign << 255).to_bytes(32, "little") for value in ys for sign in signs]


SMALL_ORDER = sorted({raw for point in torsion() for raw in encodings(point)})


def spelt(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def refusal(identity: str) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_node_id(identity)
    return caught.value.code


# --- keys --------------------------------------------------------------------------------------------------------------


def test_list_of_small_order_points_is_complete() -> None:
    points = torsion()

    assert len(set(points)) == 8
    assert all(times(8, point) == IDENTITY for point in points)
    assert {y for _, y in points} == ids._SMALL_ORDER_Y


def test_library_alone_would_take_the_identity_point_for_a_key_that_signed_everything() -> None:
    """Why the list exists. Should a later `cryptography` refuse it, the list stays: other nodes may run an older one."""
    identity = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    one_signature_for_all = (1).to_bytes(32, "little") + bytes(32)

    for _ in range(100):
        identity.verify(one_signature_for_all, secrets.token_bytes(40))

    with pytest.raises(RemoteProtocolError):
        node_id((1).to_bytes(32, "little"))


def test_signature_that_only_a_verifier_with_the_cofactor_takes_is_refused() -> None:
    """docs/protocol.md §1.3: else two implementations would disagree about one entry, and so about a feed."""
    digest = sha512(ADA.private_key.private_bytes_raw()).digest()
    secret = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    message, nonce = b"hello", 12345
    base = point_with_y(4 * pow(5, -1, P) % P)
    assert base is not None
    base = base if base[0] % 2 == 0 else (P - base[0], base[1])
    twisted = add(times(nonce, base), torsion()[1])
    r = encodings(twisted)[0]
    a = ADA.private_key.public_key().public_bytes_raw()
    k = int.from_bytes(sha512(r + a + message).digest(), "little")
    s = (nonce + k * secret) % L

    eight_times_both_sides_agree = times(8 * s, base) == add(times(8, twisted), times(8 * k, times(secret, base)))

    assert eight_times_both_sides_agree
    with pytest.raises(InvalidSignature):
        public_key(ADA.id).verify(r + s.to_bytes(32, "little"), message)


@pytest.mark.parametrize("raw", SMALL_ORDER, ids=bytes.hex)
def test_small_order_key_is_refused_in_every_encoding(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        node_id(raw)

    assert caught.value.code is Code.BAD_KEY
    assert refusal(spelt(raw)) is Code.BAD_KEY


@pytest.mark.parametrize("above", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_key_with_y_at_or_above_p_is_refused(above: int, sign: int) -> None:
    raw = (P + above | sign << 255).to_bytes(32, "little")

    with pytest.raises(RemoteProtocolError) as caught:
        node_id(raw)

    assert caught.value.code is Code.BAD_KEY


def test_key_off_the_curve_is_refused_and_on_the_curve_taken_exactly_as_the_arithmetic_says() -> None:
    taken, refused = 0, 0
    for y in range(2, 80):
        raw = y.to_bytes(32, "little")
        if point_with_y(y) is None:
            refused += 1
            with pytest.raises(RemoteProtocolError):
                node_id(raw)
        else:
            taken += 1
            assert node_id(raw) == spelt(raw)

    assert taken > 20
    assert refused > 20


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_key_of_another_length_is_refused_though_it_reads_as_a_point(length: int) -> None:
    y = next(y for y in range(2, 200) if point_with_y(y))

    with pytest.raises(RemoteProtocolError) as caught:
        node_id(y.to_bytes(64, "little")[:length])

    assert caught.value.code is Code.BAD_KEY


def test_node_id_is_the_key_in_52_characters_and_back() -> None:
    raw = ADA.private_key.public_key().public_bytes_raw()

    assert node_id(raw) == ADA.id
    assert len(ADA.id) == 52
    assert public_key(ADA.id).public_bytes_raw() == raw
    assert parse_node_id(ADA.id) == ADA.id


# --- one spelling ------------------------------------------------------------------------------------------------------


def test_node_id_in_a_second_spelling_is_refused() -> None:
    last = "abcdefghijklmnopqrstuvwxyz234567"
    spare_bits = [ADA.id[:-1] + last[last.index(ADA.id[-1]) + bit] for bit in range(1, 16)]

    for other in [ADA.id.upper(), ADA.id.title(), ADA.id + "====", " " + ADA.id[1:], ADA.id[:-1] + "\n", *spare_bits]:
        assert refusal(other) is Code.BAD_KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 51,
        "a" * 53,
        "1" * 52,
        "ß" * 52,  # upper-cased it is twice as long
        "ſ" + "a" * 51,  # upper-cased it is an ASCII S
        "ı" + "a" * 51,  # upper-cased it is an ASCII I
        "\ud800" * 52,
        "\0" * 52,
        "a" * 50 + "==",
        "a" * 49 + "===",
        "=" * 52,
        "a" * 64_000,
    ],
    ids=lambda text: f"{text[:3]!a}x{len(text)}",
)
def test_text_that_is_no_node_id_is_refused(text: str) -> None:
    assert refusal(text) is Code.BAD_KEY


# --- certificates ------------------------------------------------------------------------------------------------------


def certificate_refusal(der: bytes) -> Code:
    with pytest.raises(RemoteProtocolError) as caught:
        node_id_of_certificate(der)
    return caught.value.code


def test_certificate_speaks_for_the_node_whose_key_and_name_it_has() -> None:
    assert node_id_of_certificate(ADA.certificate()) == ADA.id


@pytest.mark.parametrize("name", [BO.id, "node", ADA.id.upper(), ADA.id + " "])
def test_certificate_in_another_name_than_its_key_is_refused(name: str) -> None:
    assert certificate_refusal(ADA.certificate(name)) is Code.BAD_KEY


def built(names: list[str], key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in names])
    builder = x509.CertificateBuilder(name, name, None, 1, NOW, NOW)
    if key is None:
        signed = builder.public_key(ADA.private_key.public_key()).sign(ADA.private_key, None)
    else:
        from cryptography.hazmat.primitives.hashes import SHA256

        signed = builder.public_key(key.public_key()).sign(key, SHA256())
    return signed.public_bytes(Encoding.DER)


def test_certificate_with_two_names_or_none_is_refused() -> None:
    assert certificate_refusal(built([ADA.id, BO.id])) is Code.BAD_KEY
    assert certificate_refusal(built([ADA.id, ADA.id])) is Code.BAD_KEY
    assert certificate_refusal(built([])) is Code.BAD_KEY


def test_certificate_with_a_key_of_another_kind_is_refused() -> None:
    assert certificate_refusal(built([ADA.id], ec.generate_private_key(ec.SECP256R1()))) is Code.BAD_KEY


def test_certificate_of_a_key_type_nobody_knows_is_refused_and_does_not_escape() -> None:
    """The library raises UnsupportedAlgorithm for it, which is no ValueError."""
    der = ADA.certificate()
    ed25519 = bytes.fromhex("06032b6570")
    key_info = der.rindex(ed25519, 0, der.rindex(ed25519))

    assert certificate_refusal(der[:key_info] + bytes.fromhex("06032b6501") + der[key_info + 5 :]) is Code.BAD_KEY


def test_certificate_of_an_x509_version_that_does_not_exist_is_refused_and_does_not_escape() -> None:
    """The library raises InvalidVersion for it, which is no ValueError."""
    version_3 = bytes.fromhex("a003020102")

    assert certificate_refusal(ADA.certificate().replace(version_3, bytes.fromhex("a00302010c"))) is Code.BAD_KEY


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"-----BEGIN CERTIFICATE-----", bytes(300)])
def test_bytes_that_are_no_certificate_are_refused(der: bytes) -> None:
    assert certificate_refusal(der) is Code.BAD_KEY


def test_certificate_cut_short_anywhere_or_with_a_tail_is_refused() -> None:
    der = ADA.certificate()

    for length in range(len(der)):
        assert certificate_refusal(der[:length]) is Code.BAD_KEY
    assert certificate_refusal(der + b"\0") is Code.BAD_KEY


# --- digests -----------------------------------------------------------------------------------------------------------


def test_entry_and_hive_ids_are_digests_of_the_payload() -> None:
    assert entry_id(b"abc") == sha256_hex(b"abc")
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hive_id(b"abc") == spelt(bytes.fromhex(sha256_hex(b"abc")))
