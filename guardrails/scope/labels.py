"""Labels: the words, in many languages, after which a personal datum stands, and the regex that finds a value after one.

A list of labels by language beats a regex for each sample: `labels.toml` is the list. A label may be a word of a
sentence, a part of a key in any spelling (`customerPhone`, `phone_no`), the head of a form, a tag, an attribute or a
parameter.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from guardrails.scope.normalise import normalise
from guardrails.scope.views import View, as_letters

# A shorter label is a part of too many words: `tel` of `hotel` and of `telemetry`.
_SHORT_CHARS: Final = 4
_LETTER: Final = r"A-Za-z\x80-\xff"
# Where a word begins.
_START: Final = rf"(?:^|[^{_LETTER}0-9])"
# Where the name of a key begins that is nothing but the label: at the head of its line, or after a quote or bracket.
_KEY_START: Final = r"(?:^|[\n\"'`{,;|<>(\[\x02\x03*#/&?+][ \t]{0,12}(?:-[ ])?(?:[\"'`]|\*\*|//? ?)?)"
# What may follow the label before its separator: `number (home)`, `_no`, `;TYPE=CELL`.
WORDS: Final = rf"[{_LETTER}0-9_.#? \-]{{0,36}}?"
_REST: Final = r"(?:[ ]?\([^()\n\x03]{0,24}\))?(?:;[A-Za-z0-9=,;\-]{1,40})?"
# `"phone": "…`, `phone => …`, `phone: String = …`, `<th>phone</th><td>…`, `<phone type="home">…`, `name="phone" value="…`. \x1f and \x02
# are how a JSON tree is written down for scanning (documents.py).
_SEPARATOR: Final = (
    r"(?:[\"'`\]\x1f)*\\]{0,4}[ \t]{0,4}(?::[ ]?[A-Z][A-Za-z0-9_<>?]{0,23}[ ]?=|:=|=>|->|={1,3}|:{1,2}|\||,|>|\()[ \t]{0,4}"
    r"|</[a-z0-9]{1,8}>[ ]{0,8}<[a-z0-9]{1,8}(?: [^<>\n]{0,40})?>"
    r"|(?: [a-z]{2,10}=\"[^\"<>\n]{0,20}\"){1,3}>"
    r"|[\"'][ ]{0,2},?[ ]{0,2}[\"']?(?:value|content)[\"']?[ ]{0,2}[:=][ ]{0,2})"
)
_OPENING: Final = r"[*_]{0,2}[ \t]{0,2}(?:\\?[bru]?[\"'`\x02(\[<]{1,2})?"
# The same in short, for the prefilter: what counts has no bound, which costs an automaton less.
_ANY_WORDS: Final = rf"[{_LETTER}0-9_.#? \-]*"
_LED_TO: Final = (
    r"(?:[ ]?\([^()\n\x03]*\))?(?:;[A-Za-z0-9=,;\-]*)?"
    r"(?:[^A-Za-z0-9\n]*(?::[ ]?[A-Z][A-Za-z0-9_<>?]*[ ]?|[\"'][ ]*,?[ ]*[\"']?(?:value|content)[\"']?[ ]*)?"
    r"|</[a-z0-9]*>[ ]*<[a-z0-9]*(?: [^<>\n]*)?|(?: [a-z]*=\"[^\"<>\n]*\")+)"
)
_OPENED: Final = r"[:=>|,(][^A-Za-z0-9\n]*(?:[bru][\"'`])?"
# What a value begins with, by default.
BEGINS: Final = r"[A-Za-z0-9\x80-\xff?+#]"
# With more labels and a tail an expression is too large for an automaton.
_PART: Final = 40
# Letters of other scripts: whatever is written in them may be a label.
_FOREIGN: Final = r"\?"
# What may stand between two words of a label.
_PARTING: Final = "_-. "
_JOINTS: Final = {"key": _SEPARATOR, "prose": rf"(?:{_SEPARATOR}|[ \t](?:(?:is|was|ist|est|es|to|at|on|-)[ \t])?|)"}


def labelled(names: Sequence[str], value: str, joint: str, begins: str = BEGINS, opens: str = "") -> Mapping[str, Any]:
    """What a rule has whose `value`, a regex, stands after a label of one of the lists: the labels and regexes for them
    (`Rule.heads`, `Rule.leads`), the regex of what follows one, sign and keywords.

    joint: `key` where a separator must stand between them; `prose` where white space or `is` may. begins: a regex of
    what every value begins with, for the sign of a `key`; opens: of the separator and that, where not every separator
    tells anything.
    """
    found = sorted({label for name in names for label in labels(name)})
    return {
        "regex": rf"{_REST}{_JOINTS[joint]}{_OPENING}({value})",
        "sign": tuple(_signs(found, _LED_TO + (opens or _OPENED + begins) if joint == "key" else "")),
        "keywords": tuple(sorted({_keyword(label.lstrip("=")) for label in found})),
        "heads": tuple(sorted({label.lstrip("=") for label in found})),
        "leads": tuple(_leads(found)),
    }


def is_label(text: str, known: tuple[str, ...]) -> bool:
    """Whether `text`, which the regex of a labelled rule took for a label, has one: over one byte a character, many letters
    beyond ASCII look the same.
    """
    if text.isascii() and "?" not in text:
        return True
    folded = _folded(text)
    return any(_folded(label) in folded for label in known)


@lru_cache(maxsize=64)
def labels(name: str) -> tuple[str, ...]:
    """One list in every language. Words of a label are parted by spaces; one that begins with `=` must be all of its
    key. Raises KeyError for a list that does not exist.
    """
    return tuple(label.strip() for line in _page()[name].values() for label in line.split(","))


@lru_cache(maxsize=1)
def _page() -> Mapping[str, Mapping[str, str]]:
    import tomllib  # a start that finds its rules compiled reads no lists

    return tomllib.loads(files("guardrails.scope").joinpath("labels.toml").read_text(encoding="utf-8"))


def _signs(found: Sequence[str], tail: str) -> Iterator[str]:
    """The labels as plain texts, which an automaton of a thousand patterns bears best, each with `tail`; all those of
    other scripts as one.
    """
    foreign = {label for label in found if _is_foreign(label)}
    whole = sorted({label[1:] for label in found if label.startswith("=") and label not in foreign})
    short = [label for label in found if _is_short(label) and label[0] != "=" and label not in foreign]
    long = _least(label for label in found if not _is_bound(label) and label not in foreign)
    words = _ANY_WORDS if tail else ""
    for at in range(0, len(long), _PART):
        yield rf"(?i:{_any_of(long[at : at + _PART])}){words}{tail}"
    if short:
        yield rf"{_START}(?i:{_any_of(short)}){words}{tail}"
    if whole:
        yield rf"{_START}(?i:{_any_of(whole)}){tail}"
    if foreign:
        yield rf"{_FOREIGN}{words}{tail}"


def _is_foreign(label: str) -> bool:
    """Whether a letter of it is beyond Latin-1, and like no letter within."""
    return any(character != " " and _variants(character) == ["?"] for character in label)


def _data(text: str) -> bytes:
    return View(text).data


def _any_of(found: Iterable[str], encode: Callable[[str], bytes] = _data) -> str:
    return "|".join(_spelled(label, encode) for label in found)


def _least(found: Iterable[str]) -> list[str]:
    """Those that hold no other: `phone number` is found where `phone` is."""
    every = sorted(found, key=len)
    return [one for at, one in enumerate(every) if not any(other in one for other in every[:at])]


def _leads(found: Sequence[str]) -> Iterator[str]:
    """Regexes for the long labels, the short ones, and those that are all of their key; empty where there are none. The
    first and the last are as `View.letters` has them.
    """
    long = _least(label for label in found if not _is_bound(label))
    short = [label for label in found if _is_short(label) and not label.startswith("=")]
    whole = [label[1:] for label in found if label.startswith("=")]
    yield f"(?i:{_any_of(long, as_letters)})" if long else ""
    yield f"{_START}(?i:{_any_of(short)})" if short else ""
    yield f"{_KEY_START}(?i:{_any_of(whole, as_letters)})" if whole else ""


def _is_bound(label: str) -> bool:
    return label.startswith("=") or _is_short(label)


def _is_short(label: str) -> bool:
    # A character of an eastern script is a word.
    return len(label) <= _SHORT_CHARS and all(character < "\u0180" for character in label)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    """The same for every way to write a label: without case, marks and what parts its words."""
    # A letter of another script that looks like a Latin one in capitals alone is read as that one.
    lower = normalise(text.upper()).text.lower()
    letters = (
        one for one in unicodedata.normalize("NFD", lower) if one not in _PARTING and not unicodedata.combining(one)
    )
    return unicodedata.normalize("NFC", "".join(letters))


def _spelled(label: str, encode: Callable[[str], bytes]) -> str:
    return "".join(
        f"[{re.escape(_PARTING)}]?" if character == " " else _class(character, encode) for character in label
    )


def _class(character: str, encode: Callable[[str], bytes]) -> str:
    variants = _variants(character, encode)
    return re.escape(variants[0]) if len(variants) == 1 else f"(?:{'|'.join(map(re.escape, variants))})"


def _variants(character: str, encode: Callable[[str], bytes] = _data) -> list[str]:
    """How a letter of a label may be seen by a rule, over one byte a character as `encode` has it: in either case, and
    without its mark.
    """
    if character.isascii():
        return [character.lower()]
    base = unicodedata.normalize("NFD", character)[0]
    written = {character.lower(), character.upper(), base.lower()} | _UNMARKED.get(character.lower(), set())
    seen = {encode(normalise(one).text).decode("latin-1") for one in written}
    return sorted({one.lower() if one.isascii() else one for one in seen})


# How letters are written where a keyboard has them not.
_UNMARKED: Final[Mapping[str, set[str]]] = {
    "ä": {"ae"}, "ö": {"oe"}, "ü": {"ue"}, "ß": {"ss"}, "ø": {"o", "oe"}, "å": {"aa"}, "æ": {"ae"}, "ł": {"l"},
    "ı": {"i"}, "đ": {"d"},
}  # fmt: skip


def _keyword(label: str) -> str:
    """The longest part of a label that every spelling of it holds."""
    runs = "".join(
        variants[0] if character != " " and len(variants := _variants(character)) == 1 else "\n" for character in label
    )
    return max(runs.split("\n"), key=len)
