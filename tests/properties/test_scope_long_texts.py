"""Long texts are read in stretches: what is found in one is what is found in each of its paragraphs alone."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.scope import Engine, Finding, default_engine
from guardrails.scope.catalogue import load_rules
from guardrails.scope.stretches import BLOCK_CHARS, seen_in
from guardrails.scope.views import View
from tests.unit.guardrails.scope import planted

FALLBACK = Engine(load_rules(), "aho-corasick")
DISGUISED = [disguise(make(seed)) for seed, make in enumerate(planted.TOKENS) for disguise in (str, *planted.DISGUISES)]
PLAIN_LINE = "the quick brown fox jumps over a lazy dog, and nobody minds\n"
# Between two paragraphs so much that neither stands in the other's neighbourhood.
FILLING = "\n" + PLAIN_LINE * 12
PARAGRAPHS = st.lists(
    st.one_of(
        st.sampled_from(DISGUISED).map(lambda token: f"see {token} for more\n"),
        st.integers(1, 3 * BLOCK_CHARS // len(PLAIN_LINE)).map(lambda lines: PLAIN_LINE * lines),
        st.integers(1, 3 * BLOCK_CHARS).map(lambda length: "word " * (length // 5)),
        st.integers(0, 99).map(lambda seed: planted.pem_key(seed, lines=6 + seed)),
    ),
    min_size=1,
    max_size=7,
)


def shape(findings: list[Finding], offset: int = 0) -> list[tuple[str, int, int]]:
    return [(one.rule, one.start + offset, one.end + offset) for one in findings]


@settings(max_examples=40)
@given(PARAGRAPHS)
def test_long_text_holds_what_its_paragraphs_hold(paragraphs: list[str]) -> None:
    expected: list[tuple[str, int, int]] = []
    text = ""
    for paragraph in paragraphs:
        expected += shape(default_engine().scan(paragraph), len(text))
        text += paragraph + FILLING
    assert shape(default_engine().scan(text)) == expected
    assert default_engine().scan(text) == FALLBACK.scan(text)


@settings(max_examples=40)
@given(
    st.sampled_from(DISGUISED), st.integers(0, 4 * BLOCK_CHARS), st.sampled_from(["word ", "x;", PLAIN_LINE, "1,", " "])
)
def test_token_is_found_wherever_it_stands_in_a_text_of_any_lines(token: str, before: int, unit: str) -> None:
    filling = (unit * before)[:before]
    text = f"{filling} {token} {unit * 3000}"
    found = default_engine().scan(text)
    assert any(one.start < before + 1 + len(token) and before < one.end for one in found)


class SeesIn:
    """A prefilter that sees pattern 7 in the blocks of these numbers."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.read = 0

    def seen(self, blocks: Sequence[bytes]) -> dict[int, list[int]]:
        self.read += sum(map(len, blocks))
        return {7: self.numbers}


@pytest.mark.parametrize("unit", ["a", "\n", "ab\n", "x" * 70 + "\n", "x" * 9000 + "\n", "y" * 3000 + "\n\n"])
@pytest.mark.parametrize("pattern", [[0], [0, 3], [0, 1, 2, 9]])
def test_stretches_hold_their_blocks_in_order_and_apart(unit: str, pattern: list[int]) -> None:
    text = unit * (60_000 // len(unit))
    looks = SeesIn(pattern)
    spans = seen_in(View(text), looks)[7]
    assert looks.read < 2 * len(text)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_key_that_goes_on_beyond_its_stretch_is_followed_to_its_end() -> None:
    key = planted.pem_key(3, lines=400)
    text = PLAIN_LINE * 500 + key + "\n" + PLAIN_LINE * 500
    (found,) = default_engine().scan(text)
    assert text[found.start : found.end] == key


def test_number_that_a_cut_begins_is_no_finding() -> None:
    # The stretch of the card begins in the middle of this line without end: no part of a longer number is a number.
    digits = "4111" * 6000
    assert shape(default_engine().scan(digits + " card")) == shape(FALLBACK.scan(digits + " card")) == []
