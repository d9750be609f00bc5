"""Read a run of base64, base32, hexadecimal, Ascii85 or character codes as text, if text is what it holds."""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from guardrails.scope.normalise import normalise
from guardrails.scope.views import Piece

_PRINTABLE: Final = bytes({*range(32, 127), 9, 10, 13})
_URL_SAFE: Final = str.maketrans("-_", "+/")
_NO_SEPARATORS: Final = str.maketrans(dict.fromkeys(" :-,", None))
_DECIMAL: Final = re.compile(r"[0-9]{1,3}")
_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9A-Fa-f]{2})")
_BASE32: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
# Shorter than this nothing is hidden that a rule could know again.
_LEAST_CHARS: Final = 8
# Lists of figures are full of numbers that are also letters; what they spell is full of marks.
_LEAST_WORDY: Final = 0.8
_MARKS_IN_WORDS: Final = frozenset("_-. /+=:@")
# What compressed text is read in, and how much of one run: more than any budget has left.
_CHUNK_BYTES: Final = 4096
_MOST_UNPACKED: Final = 4 * 1024 * 1024


def read_base64(run: str) -> Iterator[tuple[Piece, ...]]:
    """The run as a whole, over its lines, or, where that says nothing, its parts: the slashes of a path before it are
    in the alphabet.
    """
    if run.islower() or run.isupper():
        return  # a name: 20 characters of base64 text have letters of both cases
    yield from _whole_or_parts(run, "/", _from_base64)


def read_packed(run: str) -> Iterator[tuple[Piece, ...]]:
    """Base64 of gzip (RFC 1952) or zlib (RFC 1950)."""
    if text := _unpacked(_base64_bytes(run)):
        yield (Piece(text, 0, len(run)),)


def read_base32(run: str) -> Iterator[tuple[Piece, ...]]:
    """The run in the alphabet of RFC 4648, section 6."""
    body = run.rstrip("=")
    whole = len(body) - (len(body) % 8 in {1, 3, 6})  # one character over is no byte
    if text := _as_text(base64.b32decode(body[:whole] + "=" * (-whole % 8), casefold=True)):
        yield (Piece(text, 0, len(run)),)


def read_hexadecimal(run: str) -> Iterator[tuple[Piece, ...]]:
    """The run without its separators or, where that says nothing, its parts: a word before it may be hexadecimal by
    chance.
    """
    yield from _whole_or_parts(run, " ", _from_hexadecimal)


def read_ascii85(run: str) -> Iterator[tuple[Piece, ...]]:
    """What stands between the marks that Adobe gave it."""
    try:
        text = _as_text(base64.a85decode(run, adobe=True))
    except ValueError:
        return
    if text:
        yield (Piece(text, 0, len(run)),)


def read_codes(run: str) -> Iterator[tuple[Piece, ...]]:
    """Character codes in a list or one call each, decimal or `0x`."""
    codes = _HEXADECIMAL.findall(run)
    numbers = [int(code, 16) for code in codes] if codes else [int(code) for code in _DECIMAL.findall(run)]
    text = bytes(number for number in numbers if number < 256).decode("latin-1")
    wordy = sum(character.isalnum() or character in _MARKS_IN_WORDS for character in text)
    if len(text) == len(numbers) and wordy >= _LEAST_WORDY * len(text):
        yield (Piece(text, 0, len(run)),)


def text_of(run: str) -> str:
    """What a run of base64 or base32 says as a whole; empty where that is no text."""
    read = read_base32 if run.isupper() and set(run) <= _BASE32 else read_base64
    return next((reading[0].text for reading in read(run)), "")


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
    return _as_text(_base64_bytes(run))


def _base64_bytes(run: str) -> bytes:
    # Line ends in it are white space, `\n` as written in a literal, or what quotes and comments its lines.
    body = "".join(run.replace("\\r", "").replace("\\n", " ").split()).translate(_URL_SAFE).strip("=")
    whole = len(body) - (len(body) % 4 == 1)  # one character over is no byte
    try:
        return base64.b64decode(body[:whole] + "=" * (-whole % 4))
    except binascii.Error:
        return b""  # padding inside: more than one run


def _from_hexadecimal(run: str) -> str | None:
    digits = run.translate(_NO_SEPARATORS)
    return _as_text(bytes.fromhex(digits[: len(digits) & ~1]))


def _unpacked(raw: bytes) -> str | None:
    """The text that `raw` unpacks to, as far as it is text; each chunk is read before the next is unpacked."""
    unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, by its head
    text: list[str] = []
    while raw and len(text) * _CHUNK_BYTES < _MOST_UNPACKED:
        try:
            chunk = unpacker.decompress(raw, _CHUNK_BYTES)
        except zlib.error:
            break
        if not chunk or (read := _as_text(chunk, least=1)) is None:
            break
        text.append(read)
        raw = unpacker.unconsumed_tail
    return "".join(text) or None


def _as_text(raw: bytes, least: int = _LEAST_CHARS) -> str | None:
    if raw[1::2].count(0) == len(raw) // 2:
        raw = raw[::2]  # UTF-16, as PowerShell encodes its commands
    if len(raw) < least:
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
