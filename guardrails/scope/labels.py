"""Labels: the words, in many languages, after which a personal datum stands, and the regex that finds a value after one.

A list of labels by language beats a regex for each sample: `labels.toml` is the list. A label may be a word of a
sentence, a part of a key in any spelling (`customerPhone`, `phone_no`), the head of a form, a tag, an attribute or a
parameter.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import product
from typing import Any, Final

from guardrails.scope.normalise import normalise

# A shorter label is a part of too many words: `tel` of `hotel` and of `telemetry`.
_SHORT_CHARS: Final = 4
_LETTER: Final = r"A-Za-z\x80-\xff"
# Where the name of a key begins that is nothing but the label: at the head of its line, or after a quote or bracket.
_KEY_START: Final = r"(?:^|[\n\"'`{,;|<>(\[\x02\x03*#/&?+][ \t]{0,12}(?:-[ ])?(?:[\"'`]|\*\*|//? ?)?)"
# What may follow the label before its separator: `number (home)`, `_no`, `;TYPE=CELL`.
_WORDS: Final = rf"[{_LETTER}0-9_.#? \-]{{0,24}}?"
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
# A value stands in the line of its label. A sign without a bound costs an automaton nothing; one that counts does.
_REACH: Final = r"[^\n]*"
# Of one word, marks left out or not.
_MOST_SPELLINGS: Final = 16
_JOINTS: Final = {"key": _SEPARATOR, "prose": rf"(?:{_SEPARATOR}|[ \t](?:(?:is|was|ist|est|es|to|at|on|-)[ \t])?|)"}


def labelled(names: Sequence[str], value: str, joint: str, holds: str) -> Mapping[str, Any]:
    """The regex, sign, keywords and labels of a rule whose `value`, a regex, stands after a label of one of the lists.

    joint: `key` where a separator must stand between them; `prose` where white space or `is` may. holds: a regex of
    one character that every value has.
    """
    found = sorted({label for name in names for label in labels(name)})
    return {
        "regex": rf"(?:{'|'.join(_heads(found))}){_REST}{_JOINTS[joint]}{_OPENING}({value})",
        "sign": rf"{_sign(found)}{_REACH}(?:{holds})",
        "keywords": tuple(sorted({_keyword(label.lstrip("=")) for label in found})),
        "heads": tuple(sorted({label.lstrip("=") for label in found})),
    }


def is_label(text: str, known: tuple[str, ...]) -> bool:
    """Whether `text`, which the regex of a labelled rule took for a label, is one: over one byte a character, letters
    beyond Latin-1 all look the same.
    """
    if "?" not in text and all(character < "\u0100" for character in text):
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


def _sign(found: Sequence[str]) -> str:
    """The labels as plain texts, which an automaton of a thousand patterns bears best; what is left out of them (gaps
    between words, marks) is only what every spelling has.
    """
    loose = {text for label in found if not _is_bound(label) for text in _texts(label)}
    least = sorted(one for one in loose if not any(other in one for other in loose if other != one))
    bound = sorted({text for label in found if _is_bound(label) for text in _texts(label.lstrip("="))})
    parts = [rf"(?i:{'|'.join(map(_literally, least))})"] if least else []
    if bound:
        parts.append(rf"(?:^|[^A-Za-z])(?i:{'|'.join(map(_literally, bound))})")
    return rf"(?:{'|'.join(parts)})"


def _texts(label: str) -> set[str]:
    """The longest word of a label in each of its spellings; of one with many marks, the part that has none."""
    word = max(label.split(), key=len)
    variants = [_variants(character) for character in word]
    if math.prod(map(len, variants)) > _MOST_SPELLINGS:
        return {_keyword(label)}
    return {"".join(letters) for letters in product(*variants)}


def _literally(keyword: str) -> str:
    return "".join(character if character.isalnum() else rf"\x{ord(character):02x}" for character in keyword)


def _heads(found: Sequence[str]) -> list[str]:
    whole = [_spelled(label[1:]) for label in found if label.startswith("=")]
    short = [label for label in found if _is_short(label) and not label.startswith("=")]
    others = [label for label in found if not label.startswith("=") and label not in short]
    # `phone number` is found where `phone` is.
    long = [_spelled(one) for one in others if not any(other in one for other in others if other != one)]
    heads = [rf"(?i:{'|'.join(long)}){_WORDS}"] if long else []
    if short:
        start = rf"(?:^|[^{_LETTER}0-9])(?i:{'|'.join(map(_spelled, short))})"
        heads.append(rf"{start}(?:[A-Z0-9_.#? \-]{_WORDS})?")
    if whole:
        heads.append(rf"{_KEY_START}(?i:{'|'.join(whole)})")
    return heads


def _is_bound(label: str) -> bool:
    return label.startswith("=") or _is_short(label)


def _is_short(label: str) -> bool:
    # A character of an eastern script is a word.
    return len(label) <= _SHORT_CHARS and all(character < "\u0180" for character in label)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    # A letter of another script that looks like a Latin one in capitals alone is read as that one.
    return normalise(text.upper()).text.lower()


def _spelled(label: str) -> str:
    return "".join(r"[_\-. ]?" if character == " " else _class(character) for character in label)


def _class(character: str) -> str:
    variants = _variants(character)
    return re.escape(variants[0]) if len(variants) == 1 else f"(?:{'|'.join(map(re.escape, variants))})"


def _variants(character: str) -> list[str]:
    """How a letter of a label may be seen by a rule, over one byte a character: in either case, and without its mark."""
    if character.isascii():
        return [character.lower()]
    base = unicodedata.normalize("NFD", character)[0]
    written = {character.lower(), character.upper(), base.lower()} | _UNMARKED.get(character.lower(), set())
    seen = {normalise(one).data.decode("latin-1") for one in written}
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
