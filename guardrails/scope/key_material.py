"""Private keys in notations of their own: what their structure and checksums say."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from guardrails.scope.candidates import Candidate
from guardrails.scope.placeholders import is_dummy

Validator: TypeAlias = Callable[[Candidate], float]

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHECKSUM_BYTES: Final = 4
# ASN.1: a SEQUENCE whose length takes two bytes.
_LONG_SEQUENCE: Final = b"\x30\x82"
_SEED_VERSION: Final = 18 << 3
_WIF_BYTES: Final = frozenset({33, 34})
# What each group of a recovery key is a multiple of, so that a slip of the pen is told.
_GROUP_FACTOR: Final = 11
# The phrases of tests say some words over and over; chance hardly ever says one twice.
_MOST_REPEATED: Final = 2


def der_key(candidate: Candidate) -> float:
    """Base64 of a SEQUENCE that ends with the text or, where the text is cut off, goes on beyond it (X.690)."""
    value = candidate.value
    raw = _decoded("".join(value.replace("\\n", "").replace("\\r", "").split()))
    is_key = raw[:2] == _LONG_SEQUENCE and len(raw) <= int.from_bytes(raw[2:4], "big") + 4
    return candidate.confidence if is_key and not is_dummy(value) else 0.0


def wallet_import_format(candidate: Candidate) -> float:
    """Base58 with the first four bytes of a double SHA-256 at its end (Bitcoin)."""
    number = 0
    for character in candidate.value:
        number = number * 58 + _BASE58.index(character)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    is_key = len(body) in _WIF_BYTES and hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] == checksum
    return candidate.confidence if is_key else 0.0


def stellar_seed(candidate: Candidate) -> float:
    """Base32 of a version byte, 32 bytes and their CRC-16 (Stellar's SEP-23)."""
    raw = base64.b32decode(candidate.value)
    is_seed = raw[0] == _SEED_VERSION and binascii.crc_hqx(raw[:-2], 0) == int.from_bytes(raw[-2:], "little")
    return candidate.confidence if is_seed else 0.0


def recovery_groups(candidate: Candidate) -> float:
    """Eight groups of six digits, each a number of 16 bits times eleven (Microsoft's BitLocker)."""
    groups = [int(group) for group in candidate.value.replace(" ", "").split("-")]
    is_key = all(group % _GROUP_FACTOR == 0 and group // _GROUP_FACTOR < 2**16 for group in groups)
    return candidate.confidence if is_key and len(set(groups)) > len(groups) // 2 else 0.0


def key_bytes(candidate: Candidate) -> float:
    """Bytes in a list, which no counting makes: hardly one of them twice, and no step that comes back."""
    numbers = [int(part, 0) if "x" in part.lower() else int(part) for part in candidate.value.split(",")]
    steps = {after - before for before, after in pairwise(numbers)}
    is_key = max(numbers) < 2**8 and len(steps) > len(numbers) // 2 and len(set(numbers)) > len(numbers) // 2
    return candidate.confidence if is_key else 0.0


def is_varied(phrase: Sequence[str]) -> bool:
    """Whether chance would say these words: hardly one of them twice."""
    return len(phrase) - len(set(phrase)) <= _MOST_REPEATED


def _decoded(text: str) -> bytes:
    body = text.rstrip("=")
    whole = len(body) - (len(body) % 4 == 1)
    return base64.b64decode(body[:whole] + "=" * (-whole % 4))


VALIDATORS: Final[Mapping[str, Validator]] = {
    "der-key": der_key,
    "wif": wallet_import_format,
    "stellar-seed": stellar_seed,
    "recovery-groups": recovery_groups,
    "key-bytes": key_bytes,
}
