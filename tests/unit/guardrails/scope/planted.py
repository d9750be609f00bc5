"""Tokens to plant, built when a test runs: no file of this repository holds one whole."""

import base64
import html
import json
import random
import string
import zlib
from collections.abc import Callable
from urllib.parse import quote

from guardrails.scope.validators import base62

ALPHANUMERIC = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def letters(count: int, seed: int, alphabet: str = ALPHANUMERIC) -> str:
    """`count` characters of chance, the same for the same seed."""
    return "".join(random.Random(seed).choices(alphabet, k=count))


def github_token(seed: int = 1) -> str:
    body = letters(30, seed)
    return "ghp" + "_" + body + base62(zlib.crc32(body.encode()), 6)


def stripe_key(seed: int = 1) -> str:
    return "sk" + "_live_" + letters(40, seed)


def pem_key(seed: int = 1, lines: int = 6) -> str:
    mark = "RSA PRIVATE" + " KEY-----"
    body = "\n".join(letters(64, seed + line) for line in range(lines))
    return f"-----BEGIN {mark}\n{body}\n-----END {mark}"


def fine_grained_token(seed: int = 1) -> str:
    return "github" + "_pat_" + letters(22, seed) + "_" + letters(59, seed + 1)


def webhook(seed: int = 1) -> str:
    return (
        "https://hooks.slack"
        + ".com/services/T"
        + letters(9, seed, "ABCDEFGH123")
        + "/B0"
        + letters(8, seed, "ABC123")
        + "/"
        + letters(24, seed)
    )


TOKENS: tuple[Callable[[int], str], ...] = (github_token, stripe_key, fine_grained_token, webhook)


def twice_in_base64(text: str) -> str:
    return in_base64(in_base64(text))


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def in_hex(text: str) -> str:
    return text.encode().hex()


def in_url(text: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in text)


def in_entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def in_escapes(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def with_zero_width(text: str) -> str:
    return "\u200b".join(text)


def in_full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text)


def in_pieces(text: str) -> str:
    third = len(text) // 3
    return f'"{text[:third]}" + "{text[third : 2 * third]}" + "{text[2 * third :]}"'


def over_lines(text: str) -> str:
    return text[:20] + "\\\n    " + text[20:]


def in_json_in_json(text: str) -> str:
    return json.dumps(json.dumps({"value": text}))


def partly_escaped(text: str) -> str:
    return quote(text[:3]) + "%" + f"{ord(text[3]):02x}" + html.escape(text[4:])


DISGUISES: tuple[Callable[[str], str], ...] = (
    str,
    in_base64,
    twice_in_base64,
    in_hex,
    in_url,
    in_entities,
    in_escapes,
    with_zero_width,
    in_full_width,
    in_pieces,
    over_lines,
    in_json_in_json,
    partly_escaped,
)
