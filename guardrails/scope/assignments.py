"""Secrets that only their key gives away: `password = …` in code of any language, configuration, headers and command
lines.

The value's randomness is weighed against the strength of its key. Recall comes from here, not from more provider rules.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from guardrails.scope.detectors import compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.placeholders import is_expression, is_placeholder, is_reference
from guardrails.scope.randomness import randomness
from guardrails.scope.views import View

_Strength: TypeAlias = Literal["password", "secret", "weak"]
_Quoting: TypeAlias = Literal["quoted", "bare"]

_PASSWORD: Final = (
    "passwort",
    "password",
    "passwd",
    "passphrase",
    "kennwort",
    "contrasena",
    "mot_de_passe",
    "pwd",
    "pass",
    "pw",
)
_SECRET: Final = (
    "secret", "token", "apikey", "api_key", "api-key", "api.key", "api key", "access_key", "access-key", "accesskey",
    "private_key", "private-key", "privatekey", "credential", "client_key", "signing_key", "encryption_key",
    "master_key", "account_key", "service_key", "bearer", "jwt",
)  # fmt: skip
_WEAK: Final = ("key", "auth", "salt", "session", "cookie", "signature", "webhook")
_KEYWORDS: Final = _PASSWORD + _SECRET + _WEAK
# A key with one of these holds no secret but something about it: its name, its place, its digest, its rules.
_ABOUT: Final = (
    "hash", "digest", "checksum", "policy", "regex", "pattern", "field", "label", "placeholder", "prompt", "message",
    "error", "help", "hint", "title", "desc", "length", "limit", "max_", "min_", "count", "expir", "reset", "url",
    "path", "file", "column", "type", "format", "validat", "require", "enable", "compass", "bypass", "passenger",
    "passive", "passed", "passing", "passage", "passport", "pass_through", "passthrough", "by_pass", "passes",
)  # fmt: skip
# With one of these the word `key` or `token` means something else.
_OTHERWISE: Final = (
    "public", "fingerprint", "name", "uri", "endpoint", "ttl", "prefix", "suffix", "index", "algorithm", "method",
    "mode", "version", "status", "keyword", "keyboard", "tokenize", "primary", "foreign", "sort", "cache", "hotkey",
    "keycode", "keypress", "monkey", "donkey", "turkey", "partition", "object_key", "idempot", "dedup", "lookup",
    "author", "keys", "kid", "key_id", "keyid", "token_id", "tokens", "class", "schema", "provider", "manager", "mount",
    "rotation",
)  # fmt: skip
# Longest run of text that one value may have, and how many nested keys may claim the same one: `key=key=key=…` stays
# linear.
_VALUE_CHARS: Final = 512
_LEAST_CHARS: Final = 5
# Random letters alone are rare, and must be surer: many names have no digit.
_WITHOUT_DIGIT: Final = 40.0
# Under a weak key only a long value is surer than doubtful.
_WEAK_SURENESS: Final = 0.36
CLAIMS: Final = 8
_KEY_CHARS: Final = 40
_ASCII_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")

# `key = `, `key: str = `, `"key": `; or a call or pair that goes on with a quote: `token("`, `("token", "`; `<token>`.
_HEAD: Final = (
    rf"(?i)(?:{'|'.join(keyword.replace('.', '[.]') for keyword in _KEYWORDS)})[a-z0-9_\-]{{0,24}}"
    r"(?:[\\\"'`\]\x1f)]{0,4}[ \t]{0,4}(?::=|=>|={1,3}|!=|:[ \t]{0,2}[a-z&\[\].]{3,16}[ \t]{0,2}=|:|>)[ \t]{0,4}"
    r"|[\"']?[ \t]{0,2}[,(][ \t]{0,2}[bru]?[\"'`]|[ \t][\"'])"
)
_BARE: Final = rf"[^\s\"'`,;<>&|\x02\x03]{{1,{_VALUE_CHARS}}}"
_QUOTES: Final = {'"': '"', "'": "'", "`": "`", "\x02": "\x03"}
_OPENERS: Final = "bruBRU@\\"


class AssignmentDetector:
    """Keys that promise a secret, and values that keep the promise."""

    keywords: Sequence[str] = _KEYWORDS
    joinable = False
    sign = _HEAD

    def __init__(self) -> None:
        self._head: Any = compile_regex(_HEAD)
        self._bare: Any = compile_regex(_BARE)

    def find(self, view: View) -> Iterator[Finding]:
        position, claimed, claims = 0, 0, 0
        while match := self._head.search(view.data, position):
            start, end, quoting = self._value(view, match.end())
            if finding := _judge(view.text, match.start(), start, end, quoting):
                yield finding
                position = end
                continue
            # The value may itself be an assignment (`args = "--token=..."`), but a run of text is claimed by few keys
            # only.
            claims = claims + 1 if start < claimed else 1
            claimed = max(claimed, end) if claims == 1 else claimed
            position = max(start, claimed) if claims >= CLAIMS else start

    def _value(self, view: View, start: int) -> tuple[int, int, _Quoting]:
        text = view.text
        opened = start - 1 if text[start - 1] in _QUOTES else start
        while text[opened : opened + 1] and text[opened] in _OPENERS and opened < start + 4:
            opened += 1
        if closer := _QUOTES.get(text[opened : opened + 1]):
            end = text.find(closer, opened + 1, opened + 2 + _VALUE_CHARS)
            if end > 0 and (closer == "\x03" or "\n" not in text[opened:end]):
                return opened + 1, end, "quoted"
        bare = self._bare.match(view.data, start)
        return start, bare.end() if bare else start, "bare"


def _judge(text: str, key_start: int, start: int, end: int, quoting: _Quoting) -> Finding | None:
    value = text[start:end].rstrip("\\" if quoting == "quoted" else ".)]}\\")
    # Cheapest first: most of what has the shape is prose and code.
    if len(value) < _LEAST_CHARS:
        return None
    key, separator = _key_around(text, key_start, start)
    strength = _strength_of(key)
    if strength is None or is_placeholder(value) or is_reference(value) or (quoting == "bare" and is_expression(value)):
        return None
    confidence = _confidence(value, strength, quoting, separator)
    entity = "password" if strength == "password" else "token"
    return (
        Finding("secret", entity, f"assignment.{strength}", start, start + len(value), confidence)
        if confidence
        else None
    )


def _key_around(text: str, key_start: int, value_start: int) -> tuple[str, str]:
    """The whole identifier that the keyword is part of, in lower case, and what stands between it and the value."""
    start = key_start
    while start > max(0, key_start - _KEY_CHARS) and text[start - 1] in _ASCII_NAME:
        start -= 1
    end = key_start
    while end < value_start and text[end] in _ASCII_NAME:
        end += 1
    return text[start:end].lower(), text[end:value_start]


def _strength_of(key: str) -> _Strength | None:
    name = key.rpartition(".")[2] or key
    if any(word in name for word in _ABOUT):
        return None
    if any(word in name for word in _PASSWORD[:-2]) or name.endswith(("pass", "_pw", "-pw")) or name == "pw":
        return "password"
    if any(word in name for word in _OTHERWISE) or name.endswith(("_id", "-id")):
        return None
    if any(word.replace(" ", "_") in name for word in _SECRET):
        return "secret"
    return "weak" if any(word in name for word in _WEAK) else None


def _confidence(value: str, strength: _Strength, quoting: _Quoting, separator: str) -> float:
    if " " in value.strip() or not value.strip():
        return 0.0
    nats = randomness(value)
    if strength == "password":
        return _password_confidence(value, nats, quoting, separator)
    has_digit = any(map(str.isdigit, value))
    least_nats, least_chars = (8.0, 10) if strength == "secret" else (24.0, 20)
    if quoting == "bare":
        least_nats, least_chars = least_nats + 6, least_chars + 4
    is_token = nats >= least_nats and len(value) >= least_chars and (has_digit or nats > _WITHOUT_DIGIT)
    if not is_token or value.isdigit() or _is_hex_digest(value, strength):
        return 0.0
    return _sureness(nats, 0.65 if strength == "secret" else _WEAK_SURENESS)


def _password_confidence(value: str, nats: float, quoting: _Quoting, separator: str) -> float:
    has_letter, has_digit = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    has_mark = any(not (character.isalnum() or character in "_-. /") for character in value)
    is_plain_name = value.isidentifier() and not has_digit
    if is_plain_name or not (has_digit or has_mark or nats > 6):
        return 0.0
    if quoting == "quoted":
        return _sureness(nats, 0.7) if has_letter or has_mark or len(value) >= 6 else 0.0
    # Unquoted, `x = value2` is code and `X=value2` or `x: value2` is configuration.
    is_code = separator.strip("\\\"'`])\x1f") not in {"=", ": ", ":", ">"}
    least = 6.0 if is_code and not has_mark else 1.0
    return _sureness(nats, 0.55) if len(value) >= 6 and has_letter and has_digit and nats >= least else 0.0


def _is_hex_digest(value: str, strength: _Strength) -> bool:
    # Under a weak key a digest is a digest; under `secret` it is a secret in hexadecimal.
    return strength == "weak" and set(value.lower()) <= set("0123456789abcdef-")


def _sureness(nats: float, least: float) -> float:
    return round(min(0.95, least + 0.25 * (1 - math.exp(-max(nats, 0.0) / 30))), 2)
