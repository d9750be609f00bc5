"""The ways to read a text: as written, joined over what stands inside words, unescaped, with signs for letters. Pure."""

import html
import re
from collections.abc import Iterator, Mapping
from itertools import compress, product

from guardrails.constitution.folding import fold

SOFT_BREAK = "\x1e"  # a line that only wraps: words on both sides stand beside one another

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINT = re.compile(r"(?<=[A-Za-z0-9])(?:[^\sA-Za-z0-9]{1,3}|-[ \t]*[\n\x1e][ \t]*)(?=[A-Za-z0-9])")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,80}>")
_ESCAPED = re.compile(r"(?:%[2-7][0-9a-fA-F]|\\x[2-7][0-9a-fA-F]|\\u\{?00[2-7][0-9a-fA-F]\}?)")
_ESCAPED_RUN = re.compile(rf"{_ESCAPED.pattern}{{3}}")
_SIGN_IN_WORD = re.compile(r"[A-Za-z][0-9@$!|+]{1,3}(?:[A-Za-z]|(?<!!)(?=\s|$))|(?<!\S)[0-9@$!|]{1,2}[A-Za-z]{2}")
_SIGNS = str.maketrans("023456789@$+", "ozeasgtbgast")
_EITHER = "1!|"  # each of these passes for an i and for an l
_MOST_AMBIGUOUS = 4
_STRETCHED = re.compile(r"([a-z])\1{2,}", re.IGNORECASE)
# A line break is only one of layout unless a blank line, a list's item or a heading follows.
_WRAP = re.compile(r"\r?\n(?=[ \t]*[^\s\-*#•+>\d])")
# Comment lines that follow one another are one text.
_COMMENT_WRAP = re.compile(r"(?m)(?<=\S)[ \t\r]*\n(?=[ \t]*(?:#|//|\*|--|;;)[ \t]*\w)")


def ways_to_read(text: str, lookalikes: Mapping[int, str], alternatives: Mapping[int, str]) -> Iterator[str]:
    """Each way once. Whoever hides a word has to hide it from all of them."""
    wrapped = _WRAP.sub(SOFT_BREAK, text)
    sources = [wrapped, _unescaped(wrapped), _TAG.sub("", wrapped)]
    seen: set[str] = set()
    for source in dict.fromkeys(sources):
        for letters in _letters_of(source, lookalikes, alternatives):
            for way in _ways(fold(source, letters)):
                if way not in seen:
                    seen.add(way)
                    yield way


def ways_to_read_code(text: str, lookalikes: Mapping[int, str]) -> Iterator[str]:
    """Names are taken apart at their humps, and comments read over their line breaks. A soft break is still a line's end."""
    spaced = _HUMP.sub(" ", fold(_COMMENT_WRAP.sub(SOFT_BREAK, text), lookalikes))
    yield spaced
    if _SIGN_IN_WORD.search(spaced):
        yield from _with_signs_for_letters(spaced)


def respelled(word: str) -> str:
    """The word, with two letters that look like one as that one: `revievver`."""
    return word.replace("vv", "w").replace("rn", "m")


def _letters_of(
    text: str, lookalikes: Mapping[int, str], alternatives: Mapping[int, str]
) -> Iterator[Mapping[int, str]]:
    """Each way to choose among the letters that pass for more than one, of which few stand in one text."""
    yield lookalikes
    present = [] if text.isascii() else [code for code in alternatives if chr(code) in text][:_MOST_AMBIGUOUS]
    for chosen in product((False, True), repeat=len(present)):
        if any(chosen):
            yield {**lookalikes, **{code: alternatives[code] for code in compress(present, chosen)}}


def _ways(text: str) -> Iterator[str]:
    yield text
    yield _HUMP.sub(" ", text)
    yield _JOINT.sub("", text)
    if _STRETCHED.search(text):
        yield _STRETCHED.sub(r"\1", text)
    if _SIGN_IN_WORD.search(text):
        for way in _with_signs_for_letters(text):
            yield way
            yield _JOINT.sub("", way)


def _unescaped(text: str) -> str:
    """Entities, and runs of per-cent or backslash escapes, as the letters that they stand for."""
    found = html.unescape(text) if "&" in text else text
    if _ESCAPED_RUN.search(found):
        found = _ESCAPED.sub(lambda match: chr(int(match.group().strip("{}")[-2:], 16)), found)
    return found


def _with_signs_for_letters(text: str) -> Iterator[str]:
    plain = text.translate(_SIGNS)
    present = [sign for sign in _EITHER if sign in plain]
    for letters in product("il", repeat=len(present)):
        yield plain.translate(str.maketrans("".join(present), "".join(letters)))
