"""Labels: the words, in any language and spelling, which say that an identifier follows.

A label is written once, in its own language and with `_` between its words: `numéro_fiscal`. It is found as
`NUMERO FISCAL`, `numeroFiscal`, `numéro-fiscal` and `numero.fiscal`. A `#` as its last word stands for any word that
means number: `tax_#` is found as `tax id`, `taxNumber`, `tax-no`.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import re2

from guardrails.scope.normalise import normalise

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
_GAP: Final = r"[ _\-./'\x99]{0,2}"
# Enough for the automaton of all labels.
_REGEX_BYTES: Final = 64 * 1024 * 1024
# Shorter keywords are found as words and parts of keys only: `pan` is in `company`.
_SHORT_CHARS: Final = 5
# A label this long may go on as a compound does (`Steuernummern`); a shorter one that does is another word.
_COMPOUND_CHARS: Final = 6
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
    if text.isascii():
        return text.lower().encode("ascii")
    return text.translate({ord(character): _folded(character) for character in set(text)}).encode("latin-1")


def _folded(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0].lower()[0]
    base = _TRANSCRIBED.get(base, base)
    return base if base.isascii() else chr(0x80 | ord(base) & 0x7F)


class Lexicon:
    """All labels in one automaton.

    labels: those of each rule, in the order of the rules.
    """

    def __init__(self, labels: Sequence[Sequence[str]]) -> None:
        self._alone: dict[bytes, tuple[int, ...]] = {}
        self._numbered: dict[bytes, tuple[int, ...]] = {}
        labels = [[case for label in of_rule for case in _cases(label)] for of_rule in labels]
        for index, of_rule in enumerate(labels):
            for label in of_rule:
                stem = _squeezed(_plain(label.removesuffix("_#")))
                for rules in (self._numbered,) if label.endswith("_#") else (self._alone, self._numbered):
                    rules[stem] = tuple(dict.fromkeys((*rules.get(stem, ()), index)))
        written = sorted({label.removesuffix("_#") for of_rule in labels for label in of_rule})
        self._pattern = _compiled("|".join(map(_spelled, written)))
        self._number = _compiled(f"{_GAP}(?:{'|'.join(map(_spelled, _NUMBER_WORDS))})")
        self.keywords = tuple(sorted(set(map(_keyword, written))))
        self.sign = _sign(self.keywords)

    def find(self, text: str, folded: bytes) -> Iterator[Label]:
        """The labels in `text`, in order, none overlapping another; `folded` is the same text, folded."""
        position = 0
        while match := self._pattern.search(folded, position):
            label = self._label(text, folded, *match.span())
            if label:
                yield label
            position = label.end if label else match.start() + 1

    def _label(self, text: str, folded: bytes, start: int, end: int) -> Label | None:
        stem = _squeezed(folded[start:end])
        if not _begins_word(text, start):
            return None
        number = self._number.match(folded, end) if stem in self._numbered else None
        if number and _ends_word(text, start, number.end()):
            return Label(start, number.end(), self._numbered[stem])
        return Label(start, end, self._alone[stem]) if stem in self._alone and _ends_word(text, start, end) else None


def _begins_word(text: str, start: int) -> bool:
    """Whether a word or a key's part begins there: `tel` is no part of `hotel`."""
    before, first = text[start - 1 : start], text[start]
    # Scripts beyond Latin often write words together, or articles onto them.
    return not before.isalnum() or not first.isascii() or (before.islower() and first.isupper())


def _ends_word(text: str, start: int, end: int) -> bool:
    last, after = text[end - 1], text[end : end + 1]
    if not after.isalpha() or not last.isascii() or end - start >= _COMPOUND_CHARS:
        return True
    return after.isupper() and last.islower()


def _cases(label: str) -> set[str]:
    # Latin letters are compared without case; of other scripts some capitals look like Latin ones and some do not.
    return {label} if fold(label).isascii() else {label, label.upper(), label.title()}


def _compiled(regex: str) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.max_mem = _REGEX_BYTES
    return re2.compile(regex.encode("latin-1"), options)


def _plain(label: str) -> bytes:
    return fold(normalise(label).text)


def _squeezed(folded: bytes) -> bytes:
    return folded.translate(None, _BETWEEN)


def _spelled(label: str) -> str:
    """A regex for the label, folded."""
    return _GAP.join("".join(rf"\x{byte:02x}" for byte in _plain(word)) for word in label.split("_"))


def _sign(keywords: Sequence[str]) -> str:
    """A regex that finds something in every text in which a label with one of the keywords is."""
    long = [keyword for keyword in keywords if len(keyword) > _SHORT_CHARS]
    short = [keyword for keyword in keywords if len(keyword) <= _SHORT_CHARS]
    parts = [part for keyword in short for part in (keyword.title(), keyword.upper())]
    places = {"(?i:%s)": long, "(?:^|[^A-Za-z])(?i:%s)": short, "[a-z](?:%s)": parts}
    return "|".join(place % "|".join(map(_literally, words)) for place, words in places.items() if words)


def _keyword(label: str) -> str:
    """The longest text that is in every spelling of the label, where what is not Latin-1 is `?`."""
    runs = "".join(
        letter.lower() if letter.isascii() else " " if _folded(letter).isascii() else "?"
        for letter in normalise(label.replace("_", " ")).text
    ).split()
    return max(runs, key=len)


def _literally(keyword: str) -> str:
    return keyword.replace("?", r"\?")
