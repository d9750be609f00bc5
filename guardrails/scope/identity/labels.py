"""Labels: the words, in any language and spelling, which say that an identifier follows.

A label is written once, in its own language and with `_` between its words: `numéro_fiscal`. It is found as
`NUMERO FISCAL`, `numeroFiscal`, `numéro-fiscal` and `numero.fiscal`. A `#` as its last word stands for any word that
means number: `tax_#` is found as `tax id`, `taxNumber`, `tax-no`.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, Final, NamedTuple

import re2

from guardrails.scope.normalise import normalise
from guardrails.scope.views import letter_byte

# What `#` stands for.
_NUMBER_WORDS: Final = (
    "number", "numb", "num", "no", "nr", "nbr", "id", "code", "card", "identifier", "identification", "ident", "reference",
    "ref", "registration", "numero", "nummer", "nro", "numer", "numara", "numarası", "no_su", "číslo", "cislo", "szám",
    "număr", "numărul", "n", "n°", "kood", "kods", "kodas", "broj", "#", "номер", "№", "αριθμός", "号", "号码", "番号",
    "번호", "رقم", "מספר", "नंबर", "số",
)  # fmt: skip
# What may stand between two words of one label, or nothing at all: `taxId`, `tax-id`, `driver's licence`. The last is
# how a typographic apostrophe is folded.
_BETWEEN: Final = b" _-./'\x99"
_GAP_CHARS: Final = 2
_GAP: Final = rf"[ _\-./'\x99]{{0,{_GAP_CHARS}}}"
_IS_WORD: Final = bytes(byte not in _BETWEEN for byte in range(256))
# In text of one byte a character a typographic apostrophe is `?`, and so is most of every other script.
_SEEN_GAP: Final = r"[_\W]{0,2}"
_FOREIGN: Final = r"[\x80-\xff]|\?\?|[A-Za-z]\?[A-Za-z]"
_INITIALS_SIGN: Final = r"[A-Za-z?][.][A-Za-z?][.]"
# So much of a label is sign enough.
_BEGINNING_CHARS: Final = 12
# An automaton of twice as many labels takes four times as long to compile, and one of all is too large.
_PART: Final = 40
_BEGUN: Final = "(?:^|[^A-Za-z0-9])"
# A short label ends a word, or goes on with a word for number or with a capital.
_SHORT_END: Final = r"(?:[^a-z]|n[^a-z]|no|nr|num|id|code|card|ref|reg|kood|kod|broj|ident)"
# Longer abbreviations are words.
_INITIALS: Final = 4
# A label this long may go on as a compound does (`Steuernummern`); a shorter one that does is another word.
_COMPOUND_CHARS: Final = 6
_LAST_LATIN: Final = "\u024f"
# Letters that are no accented form of a Latin one, and are written for one.
_TRANSCRIBED: Final = dict(zip("ßøłđðıæœþħŧ", "solddiaotht", strict=True))


class Label(NamedTuple):
    """text[start:end] is a label, and these rules (by index) say what it labels."""

    start: int
    end: int
    rules: tuple[int, ...]


def fold(text: str) -> bytes:
    """One byte a character: lower case, without accents. A letter of another script becomes some byte from 0x80 on,
    always the same one: enough to compare words by.
    """
    try:
        return text.encode("latin-1").translate(_LATIN)
    except UnicodeEncodeError:
        return _fold_beyond_latin(text)


def _fold_beyond_latin(text: str) -> bytes:
    return text.translate({ord(character): _folded(character) for character in set(text)}).encode("latin-1")


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0].lower()[0]
    base = _TRANSCRIBED.get(base, base)
    return base if base.isascii() else chr(letter_byte(base))


_LATIN: Final = bytes(ord(_folded(chr(byte))) for byte in range(256))


# What may stand before a label, and in it: the end of a word, a small letter, a capital, a digit.
_APART: Final = ord(" ")
_CAMEL: Final = b"aA"
_KINDS: Final = bytes(
    ord("a" if chr(byte).islower() else "A" if chr(byte).isupper() else "0" if chr(byte).isalnum() else " ")
    for byte in range(256)
)


class _Spelling(NamedTuple):
    """How a label is written: its words, folded; whether a word that means number follows them; and whose label it is."""

    words: Sequence[bytes]
    is_numbered: bool
    rules: frozenset[int]


class Prepared(NamedTuple):
    """What a lexicon is made of, as JSON has it: read in a fiftieth of the time that it takes to make.

    spellings: as `_Spelling` has them, of one character a byte.
    """

    signs: Sequence[str]
    keywords: Sequence[str]
    spellings: Sequence[tuple[Sequence[str], bool, Sequence[int]]]


def prepared(labels: Sequence[Sequence[str]]) -> Prepared:
    """labels: those of each rule, in the order of the rules."""
    written = [{case for label in of_rule for case in _cases(label)} for of_rule in labels]
    every = sorted(set().union(*written))
    keywords = sorted(set(map(_keyword, every)))
    return Prepared(tuple(_signs(*_seen(every))), keywords, tuple(_spellings(written)))


class Lexicon:
    """All labels in one automaton, which is looked for in the text without what may stand between the words of a label."""

    def __init__(self, known: Prepared) -> None:
        import ahocorasick  # only who sees a sign of labels needs it

        alike: dict[str, list[_Spelling]] = {}
        for written, is_numbered, rules in known.spellings:
            words = [word.encode("latin-1") for word in written]
            squeezed = _squeezed(b"".join(words)).decode("latin-1")
            alike.setdefault(squeezed, []).append(_Spelling(words, is_numbered, frozenset(rules)))
        self._automaton: Any = ahocorasick.Automaton()
        for squeezed, spellings in alike.items():
            self._automaton.add_word(squeezed, (len(squeezed), spellings))
        self._automaton.make_automaton()
        self._number = _compiled(_GAP + _any_of(_NUMBER_WORDS))

    def find(self, text: str, folded: bytes) -> Iterator[Label]:
        """The labels in `text`, in order, none overlapping another: of those that begin alike, the longest. `folded` is the
        same text, one byte a character.
        """
        done = 0
        for start, ends in self._by_start(text, folded):
            fitting = [end for end in ends if _ends_word(text, start, end)] if start >= done else []
            if fitting:
                done = max(fitting)
                yield Label(start, done, tuple(sorted(ends[done])))

    def _by_start(self, text: str, folded: bytes) -> Iterator[tuple[int, dict[int, frozenset[int]]]]:
        """Where labels may begin, in order; and where each of those ends, with its rules."""
        squeezed, kinds = _squeezed(folded), text.encode("latin-1", "replace").translate(_KINDS)
        places = list(compress(range(len(folded)), folded.translate(_IS_WORD)))
        found: dict[int, dict[int, frozenset[int]]] = {}
        for last, (length, alike) in self._automaton.iter(squeezed.decode("latin-1")):
            start = places[last - length + 1]
            # Most are parts of words, and this says so of nearly all of them.
            is_part = (
                start and kinds[start - 1] != _APART and kinds[start - 1 : start + 1] != _CAMEL and folded[start] < 0x80
            )
            if not is_part and _begins_word(text, start):
                for spelling in alike:
                    if end := self._end(folded, start, spelling):
                        ends = found.setdefault(start, {})
                        ends[end] = ends.get(end, frozenset()) | spelling.rules
        return iter(sorted(found.items()))

    def _end(self, folded: bytes, start: int, spelling: _Spelling) -> int:
        """Where the label that begins there ends, or 0 where it is none."""
        end = start
        for word in spelling.words:
            gap = next((gap for gap in range(_GAP_CHARS + 1) if folded.startswith(word, end + gap)), -1)
            if gap < 0 or folded[end : end + gap].translate(None, _BETWEEN):
                return 0
            end += gap + len(word)
        if not spelling.is_numbered:
            return end
        number = self._number.match(folded, end)
        return number.end() if number else 0


def _spellings(labels: Sequence[Iterable[str]]) -> Iterator[tuple[Sequence[str], bool, Sequence[int]]]:
    owners: dict[str, list[int]] = {}
    for index, of_rule in enumerate(labels):
        for label in of_rule:
            owners.setdefault(label, []).append(index)
    for label, rules in owners.items():
        words = [_plain(word).decode("latin-1") for word in label.removesuffix("_#").split("_")]
        yield words, label.endswith("_#"), rules


def _begins_word(text: str, start: int) -> bool:
    """Whether a word or a key's part begins there: `tel` is no part of `hotel`."""
    before, first = text[start - 1 : start], text[start]
    # Scripts beyond Latin often write words together, or articles onto them.
    is_apart = not before.isalnum() or before > _LAST_LATIN or not first.isascii()
    return is_apart or (before.islower() and first.isupper())


def _ends_word(text: str, start: int, end: int) -> bool:
    last, after = text[end - 1], text[end : end + 1]
    if not after.isalpha() or not last.isascii() or (after.isupper() and last.islower()):
        return True
    # A compound goes on behind a long word: not behind the `no` of `license nothing`.
    return len(text[start:end].replace("_", " ").split()[-1]) >= _COMPOUND_CHARS


def _cases(label: str) -> set[str]:
    # Latin letters are compared without case; of other scripts some capitals look like Latin ones and some do not.
    # Initials are written with points too: `C.P.F.`.
    initials = {".".join(label)} if label.isalpha() and len(label) <= _INITIALS else set()
    return initials | ({label} if fold(label).isascii() else {label, label.upper(), label.title()})


def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    return re2.compile(regex.encode("latin-1"), options)


def _plain(label: str) -> bytes:
    return fold(normalise(label).text)


def _squeezed(folded: bytes) -> bytes:
    return folded.translate(None, _BETWEEN)


def _any_of(labels: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(_spelled, sorted(labels)))})"


def _spelled(label: str) -> str:
    """A regex for the label, folded."""
    return _GAP.join("".join(rf"\x{byte:02x}" for byte in _plain(word)) for word in label.split("_"))


def _signs(long: Iterable[str], short: Sequence[str]) -> Iterator[str]:
    """Regexes, one of which finds something in every text of one byte a character in which a label is. A short one is a
    part of many names: as an expression each, they cost an automaton a quarter of what they do together.
    """
    yield from long
    for label in short:
        yield rf"{_BEGUN}(?i:{_spaced([label])}){_SHORT_END}"
        yield rf"[a-z](?:{_spaced(_cased(label))}){_SHORT_END}"
    yield from (rf"{_head(part)}$" for part in _parted(short))
    yield _INITIALS_SIGN
    yield _FOREIGN


def _seen(labels: Iterable[str]) -> tuple[list[str], list[str]]:
    """Of labels in English letters: regexes for the long ones, some to each; and the short ones."""
    # Who has no such key on the keyboard writes the plain letter.
    folded = {_plain(label.removesuffix("_#")).decode("latin-1") for label in labels}
    words = [label.replace(".", "").split("_") for label in sorted(folded) if _is_english(label)]
    long = _shortest({_beginning(parts) for parts in words if sum(map(len, parts)) >= _COMPOUND_CHARS})
    short = sorted({"_".join(parts) for parts in words if sum(map(len, parts)) < _COMPOUND_CHARS})
    return [rf"(?i:{'|'.join(part)})" for part in _parted(long)], short


def _parted(labels: Sequence[str]) -> Iterator[Sequence[str]]:
    return (labels[at : at + _PART] for at in range(0, len(labels), _PART))


def _head(short: Sequence[str]) -> str:
    """A regex for short labels, as words and inside a name: `userTaxId`."""
    capital = (case for label in short for case in _cased(label))
    return rf"(?:{_BEGUN}(?i:{_spaced(short)})|[a-z](?:{_spaced(capital)}))"


def _cased(label: str) -> tuple[str, str]:
    return label.title(), label.upper()


def _is_english(label: str) -> bool:
    """Whether it has English letters alone, and is more than initials."""
    return label.isascii() and max(map(len, label.replace("_", ".").split("."))) > 1


def _spaced(labels: Iterable[str]) -> str:
    return "|".join(label.replace("_", _SEEN_GAP) for label in labels)


def _beginning(words: Sequence[str]) -> str:
    """A regex for the first letters of a label."""
    left, kept = _BEGINNING_CHARS, []
    for word in words:
        if left > 0:
            kept.append(word[:left])
            left -= len(word)
    return _SEEN_GAP.join(kept)


def _shortest(regexes: Iterable[str]) -> list[str]:
    """Those that are no continuation of another."""
    kept: list[str] = []
    for regex in sorted(regexes):
        if not (kept and regex.startswith(kept[-1])):
            kept.append(regex)
    return kept


def _shown(word: str) -> str:
    """A regex for the word as it is read, where what is not Latin-1 is `?`."""
    return "".join(map(_shown_letter, normalise(word).text))


def _shown_letter(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isalnum() else rf"\x{ord(letter):02x}"
    # Who has no such key on the keyboard writes the plain letter.
    return "." if letter <= "\xff" or _folded(letter).isascii() else r"\?"


def _keyword(label: str) -> str:
    """The longest text that is in every spelling of the label, where what is not Latin-1 is `?`."""
    if "." in label:
        return "."
    shown = "_".join(map(_shown, label.removesuffix("_#").split("_"))).lower()
    return max(shown.replace(r"\?", "?").replace(".", "_").split("_"), key=len)
