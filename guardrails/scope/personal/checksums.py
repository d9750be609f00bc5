"""Check digits and checksums that identifiers of payment, devices and chains share. All are pure and linear but base58,
which is quadratic in values that its callers bound.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

BITCOIN_58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
RIPPLE_58: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH_32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
# BIP-173 and BIP-350; the cash address specification.
_BECH_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH_CONSTANTS: Final = frozenset({1, 0x2BC830A3})
_CASH_GENERATORS: Final = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def mod97(text: str) -> int:
    """ISO 7064 MOD 97-10 of digits and letters, A being 10."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def base58(text: str, alphabet: str = BITCOIN_58) -> bytes | None:
    """What `text` says in base 58, or None where a character is of another alphabet. Leading zeros are bytes."""
    number = 0
    for character in text:
        digit = alphabet.find(character)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base58check(text: str, alphabet: str = BITCOIN_58) -> bytes | None:
    """The payload with its version, where the last four bytes are the double SHA-256 of the others."""
    raw = base58(text, alphabet)
    if raw is None or len(raw) < 5 or _double_sha256(raw[:-4])[:4] != raw[-4:]:
        return None
    return raw[:-4]


def ss58(text: str) -> bool:
    """Substrate: one byte or two of network, a key of 32, two bytes of BLAKE2b-512 over `SS58PRE` and the others."""
    raw = base58(text)
    if raw is None or len(raw) not in {35, 36}:
        return False
    return hashlib.blake2b(b"SS58PRE" + raw[:-2]).digest()[:2] == raw[-2:]


def bech32(text: str) -> bool:
    """BIP-173 or BIP-350: a readable part, `1`, and characters of five bits of which the last six check."""
    prefix, _, data = text.lower().rpartition("1")
    if not set(data) <= set(_BECH_32):
        return False
    expanded = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    return _polymod([*expanded, *map(_BECH_32.index, data)], _BECH_GENERATORS, 25) in _BECH_CONSTANTS


def cash_address(data: str) -> bool:
    """Bitcoin Cash, without its prefix: the last eight of the characters check."""
    expanded = [ord(letter) & 31 for letter in "bitcoincash"] + [0]
    return _polymod([*expanded, *map(_BECH_32.index, data.lower())], _CASH_GENERATORS, 35) == 1


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM."""
    return binascii.crc_hqx(data, 0)


def stellar(text: str) -> bool:
    """Base32 of a version, a key of 32 bytes and its CRC-16, least byte first (SEP-23)."""
    raw = base64.b32decode(text)
    return crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little")


def ton(text: str) -> bool:
    """Base64 of flags, workchain, a hash of 32 bytes and their CRC-16."""
    raw = base64.urlsafe_b64decode(text.translate(str.maketrans("+/", "-_")))
    return crc16(raw[:-2]) == int.from_bytes(raw[-2:], "big")


def _double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def _polymod(values: Sequence[int], generators: Sequence[int], width: int) -> int:
    check, mask = 1, (1 << width) - 1
    for value in values:
        top = check >> width
        check = (check & mask) << 5 ^ value
        for place, generator in enumerate(generators):
            check ^= generator if top >> place & 1 else 0
    return check
