"""Labels: the words, in any language and spelling, which say that an identifier follows.

A label is written once, in its own language and with `_` between its words: `numéro_fiscal`. It is found as
`NUMERO FISCAL`, `numeroFiscal`, `numéro-fiscal` and `numero.fiscal`. A `#` as its last word stands for any word that
means number: `tax_#` is found as `tax id`, `taxNumber`, `tax-no`.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
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
# How far before its first foreign letter a label may begin, and how long one is.
_LEAD: Final = 32
_LONGEST: Final = 96
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


def _folded(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0].lower()[0]
    base = _TRANSCRIBED.get(base, base)
    return base if base.isascii() else chr(0x80 | ord(base) & 0x7F)


_LATIN: Final = bytes(ord(_folded(chr(byte))) for byte in range(256))


class Lexicon:
    """All labels in one automaton.

    labels: those of each rule, in the order of the rules.
    """

    def __init__(self, labels: Sequence[Sequence[str]]) -> None:
        written = [{case for label in of_rule for case in _cases(label)} for of_rule in labels]
        every = sorted(set().union(*written))
        numbered = {label.removesuffix("_#") for label in every if label.endswith("_#")}
        alone = {label for label in every if not label.endswith("_#")}
        forms = [_any_of(alone), _any_of(numbered) + _GAP + _any_of(_NUMBER_WORDS)]
        self._rules = _rules_by_label(written)
        self._pattern = _compiled(
            "|".join(form for form, labels in zip(forms, (alone, numbered), strict=True) if labels)
        )
        self._alone = _compiled(forms[0])
        self.keywords = tuple(sorted(set(map(_keyword, every))))
        long, short = _seen(every)
        ended = (rf"{_head(part)}(?:{_SHORT_END}|$)" for part in _parted(short))
        self._near = _compiled("|".join((*long, *ended, _INITIALS_SIGN, rf"(?:{_FOREIGN})[^\n]{{0,64}}")))
        self.signs = tuple(_signs(long, short))

    def find(self, text: str, data: bytes, folded: bytes) -> Iterator[Label]:
        """The labels in `text`, in order, none overlapping another; `data` and `folded` are the same text, one byte a
        character.
        """
        position = 0
        while position < len(data) and (near := self._near.search(data, position)):
            for label in self._labels_in(text, folded, max(position, near.start() - _LEAD), near.end()):
                yield label
                position = label.end
            position = max(position, near.end() - 1, near.start() + 1)

    def _labels_in(self, text: str, folded: bytes, position: int, last: int) -> Iterator[Label]:
        """The labels that begin before `last`."""
        most = min(len(text), last + _LONGEST)
        while (match := self._pattern.search(folded, position, most)) and match.start() < last:
            start, end = match.span()
            position = start + 1
            if not _begins_word(text, start):
                continue
            if not _ends_word(text, start, end):
                # `passport no` in `passport not found`: what is left of it is a label too.
                shorter = self._alone.match(folded, start, end - 1)
                end = shorter.end() if shorter and _ends_word(text, start, shorter.end()) else start
            if start < end:
                yield Label(start, end, self._rules[_squeezed(folded[start:end])])
                position = end


def _rules_by_label(labels: Sequence[Iterable[str]]) -> dict[bytes, tuple[int, ...]]:
    """From a label, squeezed, to the rules that have it: each with all that `#` stands for."""
    numbers = tuple(map(_squeezed, map(_plain, _NUMBER_WORDS)))
    rules: dict[bytes, tuple[int, ...]] = {}
    for index, of_rule in enumerate(labels):
        for label in of_rule:
            stem = _squeezed(_plain(label.removesuffix("_#")))
            for squeezed in [stem + number for number in numbers] if label.endswith("_#") else [stem]:
                known = rules.get(squeezed, ())
                rules[squeezed] = known if index in known else (*known, index)
    return rules


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
    options.max_mem = _REGEX_BYTES
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
