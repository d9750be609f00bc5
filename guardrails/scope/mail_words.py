"""Words of mail headers in letters beyond ASCII, as RFC 2047 writes them: `=?UTF-8?B?...?=` and `=?UTF-8?Q?...?=`."""

import base64
import binascii
import quopri
from collections.abc import Iterator
from typing import Final

from guardrails.scope.normalise import normalise
from guardrails.scope.views import Piece

WORD_SIGN: Final = r"=\?[A-Za-z0-9\-]+\?[BbQq]\?[!->@-~]+\?="
# White space between two such words is none of what they say (RFC 2047 §6.2).
WORDS: Final = rf"{WORD_SIGN}(?:[ \t]*\r?\n?[ \t]*{WORD_SIGN})*"
# What mail is written in. A name from outside never chooses among all codecs of the library.
_CHARSETS: Final = frozenset(
    {
        "utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-8", "iso-8859-9",
        "iso-8859-15", "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255",
        "windows-1256", "koi8-r", "koi8-u", "gb2312", "gbk", "gb18030", "big5", "euc-kr", "euc-jp", "shift_jis",
        "iso-2022-jp",
    }
)  # fmt: skip


def read_mail_words(run: str) -> Iterator[tuple[Piece, ...]]:
    """What the words say one after another, if all of them say something."""
    # Of each word `?` parts the charset, the encoding and the body, and is in none of them.
    parts = run.split("?")
    said = [_said(*word) for word in zip(parts[1::4], parts[2::4], parts[3::4], strict=True)]
    if all(said):
        yield (Piece(normalise("".join(map(str, said))).text, 0, len(run)),)


def _said(charset: str, encoding: str, body: str) -> str | None:
    if charset.lower() not in _CHARSETS:
        return None
    try:
        raw = base64.b64decode(body) if encoding in "Bb" else quopri.decodestring(body.encode("ascii"), header=True)
        return raw.decode(charset)
    except (binascii.Error, UnicodeError):
        return None
