"""Judge words by what stands beside what: stems with their inflections, in pairs, unless the talk is of preventing it. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from guardrails.constitution.folding import fold
from guardrails.constitution.rules import WordIndex, WordRule, WordRules

_WORD_OR_STOP = re.compile(r"[a-z0-9]+|[.;!?\n]")
_WORD = re.compile(r"[a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JOINT = re.compile(r"(?<=[A-Za-z0-9])[-_.*~/+]{1,3}(?=[A-Za-z0-9])")
_DIGIT_IN_WORD = re.compile(r"[A-Za-z][0134578@$!]|[0134578@$!][A-Za-z]")
_LEET = (str.maketrans("0134578@$!", "oieastbasi"), str.maketrans("0134578@$!", "oleastbasl"))
_SENTENCE_GAP = 3  # a full stop between two words weighs as much as three words
_LONGEST_WORD = 40
_LONGEST_TERM = 6
_SPELLED_RUN = 4  # so many single letters in a row are a word that was spelled out
_CONTEXT_WORDS = 6
_DEFENCE_REACH = 5
_NEGATION_REACH = 2
_SEQUEL_REACH = 3
_EVASION_REACH = 8

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class WordFinding:
    """A rule that spoke, what it spoke of, and on which line of the text (from 1)."""

    rule: WordRule
    excerpt: str
    line: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a text: where each term stands, by word position, and the text itself to quote from."""

    text: str
    occurrences: Mapping[int, tuple[Span, ...]]
    offsets: Mapping[int, tuple[int, int]]


def judge_idea(words: WordRules, text: str) -> Iterator[WordFinding]:
    """Every rule, over each way to read the text; a rule speaks once."""
    spoken: set[str] = set()
    for reading in _readings(words, text):
        for finding in _judge_reading(words, reading, in_code_only=False):
            if finding.rule.id not in spoken:
                spoken.add(finding.rule.id)
                yield finding


def judge_added(words: WordRules, text: str) -> Iterator[WordFinding]:
    """The rules that hold for comments, strings and names in code too, over the text as it is written."""
    spaced = _HUMP.sub(" ", fold(text, words.lookalikes))
    if _may_speak(words, spaced):
        yield from _judge_reading(words, _read(words, spaced), in_code_only=True)


def _may_speak(words: WordRules, text: str) -> bool:
    """Whether the text has, anywhere, words for each group of some rule over code: nearly no code has."""
    numbers = _WordNumbers(words.index, {})
    known = {number for word in set(_WORD.findall(text.lower())) for number in numbers.of(word)}
    terms = {term for number in known for term in words.index.terms_by_first_word.get(number, ())}
    present = {term for term in terms if known.issuperset(words.index.terms[term])}
    pairs = zip(words.rules, words.index.groups, strict=True)
    return any(rule.is_in_code and not any(group.isdisjoint(present) for group in groups) for rule, groups in pairs)


def _readings(words: WordRules, text: str) -> Iterator[_Reading]:
    folded = fold(text, words.lookalikes)
    joined = _JOINT.sub("", folded)
    variants = [folded, _HUMP.sub(" ", folded), joined]
    if _DIGIT_IN_WORD.search(folded):
        variants += [variant.translate(table) for table in _LEET for variant in (folded, joined)]
    yield from (_read(words, variant) for variant in dict.fromkeys(variants))


def _read(words: WordRules, text: str) -> _Reading:
    """Positions count words; punctuation counts for several, so that two sentences stand further apart."""
    text = text.lower().replace("'", "")
    position, spelled = 0, []
    for match in _WORD_OR_STOP.finditer(text):
        word = match.group()
        position += 1 if word.isalnum() else _SENTENCE_GAP
        if word.isalnum():
            spelled.append((position, word, match.span()))
    places = list(_join_spelled_out(spelled))
    numbers = _WordNumbers(words.index, {})
    known = {place: numbers.of(token) for place, token, _ in places}
    return _Reading(text, _term_occurrences(words.index, known), {place: span for place, _, span in places})


def _join_spelled_out(tokens: list[tuple[int, str, Span]]) -> Iterator[tuple[int, str, Span]]:
    for is_letter, run in groupby(tokens, key=lambda token: len(token[1]) == 1):
        letters = list(run)
        if is_letter and len(letters) >= _SPELLED_RUN:
            yield letters[0][0], "".join(token for _, token, _ in letters), (letters[0][2][0], letters[-1][2][1])
        else:
            yield from letters


@dataclass(frozen=True, slots=True)
class _WordNumbers:
    """The known words that a token is a form of, remembered for one reading."""

    index: WordIndex
    seen: dict[str, tuple[int, ...]]

    def of(self, token: str) -> tuple[int, ...]:
        if (found := self.seen.get(token)) is None:
            found = self.seen[token] = tuple(self._look_up(token)) if len(token) <= _LONGEST_WORD else ()
        return found

    def _look_up(self, token: str) -> Iterator[int]:
        if (number := self.index.exact.get(token)) is not None:
            yield number
        for cut in range(3, len(token) + 1):
            number = self.index.stems.get(token[:cut])
            if number is not None and self._is_inflection(token[:cut], token[cut:]):
                yield number

    def _is_inflection(self, stem: str, rest: str) -> bool:
        doubled = rest[1:] if rest[:1] == stem[-1] else rest
        return rest in self.index.suffixes or doubled in self.index.suffixes


def _term_occurrences(index: WordIndex, known: Mapping[int, tuple[int, ...]]) -> dict[int, tuple[Span, ...]]:
    found: dict[int, list[Span]] = {}
    for place, numbers in known.items():
        for number in numbers:
            for term in index.terms_by_first_word.get(number, ()):
                length = len(index.terms[term])
                if length == 1 or _continues(index.terms[term], known, place):
                    found.setdefault(term, []).append((place, place + length - 1))
    return {term: tuple(spans) for term, spans in found.items()}


def _continues(term: tuple[int, ...], known: Mapping[int, tuple[int, ...]], place: int) -> bool:
    return all(number in known.get(place + step, ()) for step, number in enumerate(term))


def _judge_reading(words: WordRules, reading: _Reading, in_code_only: bool) -> Iterator[WordFinding]:
    index = words.index
    for rule, groups, unless in zip(words.rules, index.groups, index.unless, strict=True):
        if (in_code_only and not rule.is_in_code) or not all(group & reading.occurrences.keys() for group in groups):
            continue
        spans = _spans([_occurrences(reading, group) for group in groups], rule)
        span = next((span for span in spans if not _is_excused(rule, index, unless, reading, span)), None)
        if span is not None:
            yield _finding(rule, reading, span)


def _occurrences(reading: _Reading, terms: frozenset[int]) -> list[Span]:
    return sorted(span for term in terms & reading.occurrences.keys() for span in reading.occurrences[term])


def _spans(groups: list[list[Span]], rule: WordRule) -> Iterator[Span]:
    """Each place where one occurrence of every group stands within the window of the first group's."""
    for anchor in groups[0]:
        covered = [anchor]
        for group in groups[1:]:
            near = _near(anchor if not rule.is_ordered else covered[-1], group, rule)
            if near is None:
                break
            covered.append(near)
        else:
            yield min(first for first, _ in covered), max(last for _, last in covered)


def _near(anchor: Span, group: list[Span], rule: WordRule) -> Span | None:
    """The occurrence nearest to the anchor, within the window, and after it where order counts."""
    start = bisect_left(group, (anchor[0] - rule.window - _LONGEST_TERM, 0))
    best: Span | None = None
    best_gap = rule.window + 1
    for span in group[start:]:
        if span[0] > anchor[1] + rule.window + 1:
            break
        gap = max(span[0] - anchor[1], anchor[0] - span[1]) - 1
        if 0 <= gap < best_gap and not (rule.is_ordered and span[0] < anchor[0]):
            best, best_gap = span, gap
    return best


def _is_excused(rule: WordRule, index: WordIndex, unless: frozenset[int], reading: _Reading, span: Span) -> bool:
    first, last = span
    if unless and _has_any(reading, unless, first - _CONTEXT_WORDS, last + _CONTEXT_WORDS):
        return True
    return rule.is_shielded and _is_talk_of_defence(index, reading, first, last)


def _is_talk_of_defence(index: WordIndex, reading: _Reading, first: int, last: int) -> bool:
    """Defending words before, or just after: but speaking of a defence in order to evade it is none."""
    if _has_any(reading, index.evasions, first - _EVASION_REACH, first - 1):
        return False
    if _has_any(reading, index.evasions, last + 1, last + _EVASION_REACH):
        return False
    return (
        _has_any(reading, index.defences, first - _DEFENCE_REACH, first - 1)
        or _has_any(reading, index.negations, first - _NEGATION_REACH, first - 1)
        or _has_any(reading, index.sequels, last + 1, last + _SEQUEL_REACH)
    )


def _has_any(reading: _Reading, terms: frozenset[int], first: int, last: int) -> bool:
    return any(
        first <= start and end <= last
        for term in terms & reading.occurrences.keys()
        for start, end in reading.occurrences[term]
    )


def _finding(rule: WordRule, reading: _Reading, span: Span) -> WordFinding:
    start = reading.offsets[span[0]][0]
    end = next(reading.offsets[place][1] for place in range(span[1], span[0] - 1, -1) if place in reading.offsets)
    return WordFinding(rule, " ".join(reading.text[start:end].split()), reading.text.count("\n", 0, start) + 1)
