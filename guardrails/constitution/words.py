"""Judge words by what stands beside what: stems with their inflections, in pairs, unless the talk is of preventing it. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

from guardrails.constitution.readings import SOFT_BREAK, respelled, ways_to_read, ways_to_read_code
from guardrails.constitution.rules import WordIndex, WordRule, WordRules

_WORD_OR_STOP = re.compile(r"[a-z0-9]+|[.;!?](?=\s|$)|\n")
_WORD = re.compile(r"[a-z0-9]+")
_SENTENCE_GAP = 3  # a full stop between two words weighs as much as three words
_LONGEST_WORD = 40
_LONGEST_TERM = 6
_SPELLED_RUN = 4  # so many single letters in a row are words that were spelled out
_SPELLED_WORD = 4
_SPLIT_WORD = 7  # so long a word may have been split in two, as in `mal ware`
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
    for way in ways_to_read(text, words.lookalikes, words.alternatives):
        for finding in _judge_reading(words, _read(words, way, is_loose=True), in_code_only=False):
            if finding.rule.id not in spoken:
                spoken.add(finding.rule.id)
                yield finding


def judge_added(words: WordRules, text: str) -> Iterator[WordFinding]:
    """The rules that hold for comments, strings and names in code too."""
    for way in ways_to_read_code(text, words.lookalikes):
        if _may_speak(words, way):
            found = list(_judge_reading(words, _read(words, way, is_loose=False), in_code_only=True))
            yield from found
            if found:
                return


def _may_speak(words: WordRules, text: str) -> bool:
    """Whether the text has, anywhere, words for each group of some rule over code: nearly no code has."""
    numbers = _WordNumbers(words.index, {})
    known = {number for word in set(_WORD.findall(text.lower())) for number in numbers.of(word)}
    terms = {term for number in known for term in words.index.terms_by_first_word.get(number, ())}
    present = {term for term in terms if known.issuperset(words.index.terms[term])}
    pairs = zip(words.rules, words.index.groups, strict=True)
    return any(rule.is_in_code and not any(group.isdisjoint(present) for group in groups) for rule, groups in pairs)


def _read(words: WordRules, text: str, *, is_loose: bool) -> _Reading:
    """Positions count words; punctuation counts for several, so that two sentences stand further apart.

    is_loose: a word may stand in two parts, or have two letters that look like one.
    """
    text = text.lower().replace("'", "")
    position, spelled = 0, []
    for match in _WORD_OR_STOP.finditer(text):
        word = match.group()
        position += 1 if word.isalnum() else _SENTENCE_GAP
        if word.isalnum():
            spelled.append((position, word, match.span()))
    numbers = _WordNumbers(words.index, {})
    places = list(_join_spelled_out(spelled, numbers))
    known = {place: numbers.of(token) for place, token, _ in places}
    if is_loose:
        for (place, first, _), (_, second, _) in pairwise([*places, (0, "", (0, 0))]):
            if (looks_like := respelled(first)) != first:
                known[place] += numbers.of(looks_like)
            if len(first) > 1 and len(second) > 1 and len(first) + len(second) >= _SPLIT_WORD:
                known[place] += numbers.of(first + second)
    return _Reading(text, _term_occurrences(words.index, known), {place: span for place, _, span in places})


def _join_spelled_out(tokens: list[tuple[int, str, Span]], numbers: "_WordNumbers") -> Iterator[tuple[int, str, Span]]:
    """Positions close up behind a word that was put together: what follows it stands right beside it."""
    saved = 0
    for is_letter, run in groupby(tokens, key=lambda token: len(token[1]) == 1):
        letters = list(run)
        is_spelled = is_letter and len(letters) >= _SPELLED_RUN
        for place, word, span in _spelled_words(letters, numbers) if is_spelled else letters:
            yield place - saved, word, span
            saved += len(word) - 1 if is_spelled else 0


def _spelled_words(letters: list[tuple[int, str, Span]], numbers: "_WordNumbers") -> Iterator[tuple[int, str, Span]]:
    """The known words in a run of letters, longest first; what lies between them stays letters."""
    text = "".join(letter for _, letter, _ in letters)
    start = 0
    while start < len(letters):
        ends = range(min(len(letters), start + _LONGEST_WORD), start + _SPELLED_WORD - 1, -1)
        end = next((end for end in ends if numbers.of(text[start:end])), start + 1)
        yield letters[start][0], text[start:end], (letters[start][2][0], letters[end - 1][2][1])
        start = end


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
        matches = _matches([_occurrences(reading, group) for group in groups], rule)
        match = next((match for match in matches if not _is_excused(rule, index, unless, reading, match)), None)
        if match is not None:
            yield _finding(rule, reading, _extent(match))


def _occurrences(reading: _Reading, terms: frozenset[int]) -> list[Span]:
    return sorted(span for term in terms & reading.occurrences.keys() for span in reading.occurrences[term])


def _matches(groups: list[list[Span]], rule: WordRule) -> Iterator[list[Span]]:
    """Each place where one occurrence of every group stands within the window of the first group's."""
    for anchor in groups[0]:
        covered = [anchor]
        for group in groups[1:]:
            near = _near(anchor if not rule.is_ordered else covered[-1], group, rule)
            if near is None:
                break
            covered.append(near)
        else:
            yield covered


def _extent(match: list[Span]) -> Span:
    return min(first for first, _ in match), max(last for _, last in match)


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


def _is_excused(rule: WordRule, index: WordIndex, unless: frozenset[int], reading: _Reading, match: list[Span]) -> bool:
    first, last = _extent(match)
    if unless and _has_any(reading, unless, first - _CONTEXT_WORDS, last + _CONTEXT_WORDS):
        return True
    return rule.is_shielded and _is_talk_of_defence(index, reading, match)


def _is_talk_of_defence(index: WordIndex, reading: _Reading, match: list[Span]) -> bool:
    """Defending words before, or just after: but speaking of a defence in order to evade it is none."""
    first, last = _extent(match)
    if _has_any(reading, index.evasions, first - _EVASION_REACH, first - 1):
        return False
    if _has_any(reading, index.evasions, last + 1, last + _EVASION_REACH):
        return False
    return (
        _has_any(reading, index.defences, first - _DEFENCE_REACH, first - 1)
        or _has_any(reading, index.negations, first - _NEGATION_REACH, first - 1)
        or _has_any(reading, index.sequels, last + 1, last + _SEQUEL_REACH)
        or any(_is_followed_up(index, reading, match, end + step) for _, end in match if end < last for step in (1, 2))
    )


def _is_followed_up(index: WordIndex, reading: _Reading, match: list[Span], place: int) -> bool:
    """`brute-force protection: lock the account`: the defence stands between the words that the rule speaks of."""
    is_of_the_rule = any(first <= place <= last for first, last in match)
    return not is_of_the_rule and _has_any(reading, index.sequels, place, place)


def _has_any(reading: _Reading, terms: frozenset[int], first: int, last: int) -> bool:
    return any(
        first <= start and end <= last
        for term in terms & reading.occurrences.keys()
        for start, end in reading.occurrences[term]
    )


def _finding(rule: WordRule, reading: _Reading, span: Span) -> WordFinding:
    start = reading.offsets[span[0]][0]
    end = next(reading.offsets[place][1] for place in range(span[1], span[0] - 1, -1) if place in reading.offsets)
    return WordFinding(rule, " ".join(reading.text[start:end].split()), 1 + _breaks(reading.text, start))


def _breaks(text: str, end: int) -> int:
    return text.count("\n", 0, end) + text.count(SOFT_BREAK, 0, end)
