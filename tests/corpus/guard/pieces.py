"""Pieces of values that no shape can describe: checksums, encodings, structures. Each takes its chance and returns text."""

import base64
import hashlib
import json
import random
import string
import zlib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial

from tests.corpus.guard.pages import page

ALPHANUMERIC = string.ascii_letters + string.digits
URL_SAFE = ALPHANUMERIC + "-_"
HEX = "0123456789abcdef"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_STEPS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def letters(count: int, chance: random.Random, alphabet: str = ALPHANUMERIC) -> str:
    """`count` characters of chance."""
    return "".join(chance.choices(alphabet, k=count))


def word(chance: random.Random) -> str:
    """A plain word."""
    return _pick("words", chance)


def uuid(chance: random.Random) -> str:
    """A random UUID (RFC 9562, version 4)."""
    raw = letters(32, chance, HEX)
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{chance.choice('89ab')}{raw[17:20]}-{raw[20:]}"


def crc_token(prefix: str, chance: random.Random) -> str:
    """Thirty characters and their CRC-32 in base62, as GitHub and npm make their tokens."""
    body, digits = letters(30, chance), ""
    number = zlib.crc32(body.encode())
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return f"{prefix}_{body}{digits.rjust(6, '0')}"


def grafana(chance: random.Random) -> str:
    """A service account's token, its CRC-32 in hex behind it."""
    body = "glsa" + "_" + letters(32, chance)
    return f"{body}_{zlib.crc32(body.encode()):08x}"


def jwt(chance: random.Random) -> str:
    """A signed token (RFC 7519); the signature is chance."""
    algorithm, size = chance.choice((("HS256", 32), ("HS512", 64), ("RS256", 256), ("ES256", 64)))
    issued = chance.randint(1_600_000_000, 1_790_000_000)
    payload = {
        "sub": letters(20, chance),
        "iat": issued,
        "exp": issued + 3600,
        "role": chance.choice(("admin", "user")),
    }
    head, body = (_url64(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, payload))
    return f"{head}.{body}.{_url64(chance.randbytes(size))}"


def base64_pair(chance: random.Random) -> str:
    """`id:key` in base64."""
    return base64.b64encode(f"{letters(20, chance, URL_SAFE)}:{letters(22, chance, URL_SAFE)}".encode()).decode()


def base64_login(chance: random.Random) -> str:
    """`user:password` in base64 (RFC 7617)."""
    return base64.b64encode(f"{chance.choice(('admin', 'svc-build', 'api'))}:{letters(14, chance)}".encode()).decode()


def phrase(count: int, chance: random.Random) -> str:
    """A wallet's recovery words."""
    return " ".join(chance.choices(_words("phrase"), k=count))


def base58check(payload: bytes) -> str:
    """Base58 with Bitcoin's four bytes of checksum."""
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, out = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = _BASE58[digit] + out
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + out


def bech32(prefix: str, payload: bytes, witness: tuple[int, ...] = (), constant: int = 1) -> str:
    """Bech32 (BIP-173), or Bech32m with its constant (BIP-350); `witness` goes before the payload."""
    values = [*witness, *_fives(payload)]
    spread = [ord(one) >> 5 for one in prefix] + [0] + [ord(one) & 31 for one in prefix]
    check = _polymod([*spread, *values, *[0] * 6]) ^ constant
    digits = [check >> 5 * (5 - index) & 31 for index in range(6)]
    return prefix + "1" + "".join(_BECH32[value] for value in [*values, *digits])


def stellar(chance: random.Random) -> str:
    """A secret seed: base32 with CRC-16 (SEP-23)."""
    raw, crc = bytes([0x90]) + chance.randbytes(32), 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(raw + crc.to_bytes(2, "little")).decode()


def birthday(form: str, chance: random.Random) -> str:
    """A day of the last century, as `strftime` writes it: of later ones several numbers count another way."""
    return (date(1945, 1, 1) + timedelta(days=chance.randrange(365 * 54))).strftime(form)


def _words(kind: str) -> list[str]:
    words: str = page("words")[kind]
    return words.split()


def _pick(kind: str, chance: random.Random) -> str:
    return chance.choice(_words(kind))


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _fives(payload: bytes) -> list[int]:
    bits = "".join(f"{byte:08b}" for byte in payload)
    return [int(bits[at : at + 5].ljust(5, "0"), 2) for at in range(0, len(bits), 5)]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, step in enumerate(_BECH32_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check


def _private_extended_key(chance: random.Random) -> str:
    return base58check(bytes.fromhex("0488ade4") + b"\x03" + chance.randbytes(40) + b"\0" + chance.randbytes(32))


PIECES: Mapping[str, Callable[[random.Random], str]] = {
    "word": word,
    "Word": lambda chance: word(chance).capitalize(),
    "uuid": uuid,
    **{f"github_{kind}": partial(crc_token, kind) for kind in ("ghp", "gho", "ghu", "ghs")},
    "grafana": grafana,
    "jwt": jwt,
    "base64_pair": base64_pair,
    "base64_login": base64_login,
    "phrase12": partial(phrase, 12),
    "phrase24": partial(phrase, 24),
    "stellar": stellar,
    "age": lambda chance: bech32("age-secret-key-", chance.randbytes(32)).upper(),
    "age_public": lambda chance: bech32("age", chance.randbytes(32)),
    "nostr": lambda chance: bech32("nsec", chance.randbytes(32)),
    "wif": lambda chance: base58check(b"\x80" + chance.randbytes(32) + b"\x01"),
    "xprv": _private_extended_key,
    "bitcoin": lambda chance: base58check(b"\0" + chance.randbytes(20)),
    "segwit": lambda chance: bech32("bc", chance.randbytes(20), (0,)),
    "yymmdd": partial(birthday, "%y%m%d"),
    "ddmmyy": partial(birthday, "%d%m%y"),
    "yymm": partial(birthday, "%y%m"),
    "first": lambda chance: _pick('first', chance).lower(),
    "last": lambda chance: _pick('last', chance).lower(),
    "First": lambda chance: _pick('first', chance),
    "Last": lambda chance: _pick('last', chance),
    "login": lambda chance: f"{_pick('first', chance)[0]}{_pick('last', chance)}".lower(),
    "email": lambda chance: f"{_pick('first', chance)}.{_pick('last', chance)}@{_pick('mail', chance)}".lower(),
    "base64_password": lambda chance: base64.b64encode(letters(14, chance).encode()).decode(),
    "iso_day": partial(birthday, "%Y-%m-%d"),
    "dotted_day": partial(birthday, "%d.%m.%Y"),
    "slashed_day": partial(birthday, "%d/%m/%Y"),
    "worded_day": partial(birthday, "%d %B %Y"),
}  # fmt: skip
