"""Read a run of base64 or hexadecimal as text, if text is what it holds."""

import base64
from collections.abc import Callable, Iterator
from typing import Final

from guardrails.scope.normalise import normalise
from guardrails.scope.views import Piece

_PRINTABLE: Final = bytes({*range(32, 127), 9, 10, 13})
_URL_SAFE: Final = str.maketrans("-_", "+/")
# Shorter than this nothing is hidden that a rule could know again.
_LEAST_CHARS: Final = 8


def read_base64(run: str) -> Iterator[tuple[Piece, ...]]:
    """The run as a whole or, where that says nothing, its parts: the slashes of a path before it are in the
    alphabet.
    """
    if run.islower() or run.isupper():
        return  # a name: 20 characters of base64 text have letters of both cases
    yield from _whole_or_parts(run, "/", _from_base64)


def read_hexadecimal(run: str) -> Iterator[tuple[Piece, ...]]:
    """The run without its separators or, where that says nothing, its parts: a word before it may be hexadecimal by
    chance.
    """
    yield from _whole_or_parts(run, " ", _from_hexadecimal)


def _whole_or_parts(run: str, separator: str, read: Callable[[str], str | None]) -> Iterator[tuple[Piece, ...]]:
    if text := read(run):
        yield (Piece(text, 0, len(run)),)
        return
    start = 0
    for part in run.split(separator):
        if len(part) < len(run) and (text := read(part)):
            yield (Piece(text, start, start + len(part)),)
        start += len(part) + len(separator)


def _from_base64(run: str) -> str | None:
    body = run.rstrip("=").translate(_URL_SAFE)
    whole = len(body) - (len(body) % 4 == 1)  # one character over is no byte
    return _as_text(base64.b64decode(body[:whole] + "=" * (-whole % 4)))


def _from_hexadecimal(run: str) -> str | None:
    digits = run.replace(" ", "").replace(":", "")
    return _as_text(bytes.fromhex(digits[: len(digits) & ~1]))


def _as_text(raw: bytes) -> str | None:
    if raw[1::2].count(0) == len(raw) // 2:
        raw = raw[::2]  # UTF-16, as PowerShell encodes its commands
    if len(raw) < _LEAST_CHARS:
        return None
    return _as_unicode(raw) if raw.translate(None, _PRINTABLE) else raw.decode("ascii")


def _as_unicode(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Random bytes that happen to be UTF-8 are full of control characters.
    is_text = all(character.isprintable() or character.isspace() for character in text)
    return normalise(text).text if is_text else None
