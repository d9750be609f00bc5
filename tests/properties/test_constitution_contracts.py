"""Whatever comes in, the gate answers; and what is the same change gets the same answer."""

import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from guardrails.constitution import Allowed, Change, Constitution, DiffSyntaxError, FileChange, Surface, parse_unified
from guardrails.constitution.folding import fold
from guardrails.constitution.globs import covers, matches
from guardrails.constitution.prefilter import needed_texts
from guardrails.constitution.surface import path_fault
from guardrails.verdict import Rejected

CONSTITUTION = Constitution.load()
KNOWN_IDS = {rule.id for rule in CONSTITUTION.describe()}
SURFACE = Surface(("src/**",), ("bench/**",), ("val_loss",))
RULES = CONSTITUTION._rules
EXAMPLES = [text for rule in RULES.words.rules for text in rule.examples]
CODE_EXAMPLES = [one.text for family in RULES.code.families for one in family.examples if one.language == "python"]
LOOKALIKES: dict[str, list[str]] = {}
for code, latin in RULES.words.lookalikes.items():
    LOOKALIKES.setdefault(latin, []).append(chr(code))

texts = st.text(max_size=200) | st.sampled_from(CODE_EXAMPLES)
paths = st.sampled_from(["src/a.py", "src/a.js", "src/a.md", "src/x", "bench/a.py", "hive.toml", "../a"]) | st.text(
    max_size=30
)


@given(
    idea=texts, path=paths, before=st.none() | texts, after=st.none() | texts, estimate=st.none() | st.integers(-5, 50)
)
@settings(max_examples=150)
def test_any_change_gets_an_answer_from_a_described_rule(
    idea: str, path: str, before: str | None, after: str | None, estimate: int | None
) -> None:
    change = Change(idea, (FileChange(path, before, after),), estimate)
    verdict = CONSTITUTION.judge(change, SURFACE)
    found = CONSTITUTION.judge_all(change, SURFACE)
    assert isinstance(verdict, Allowed) is (found == [])
    if isinstance(verdict, Rejected):
        assert verdict == found[0]
        assert verdict.rule != "constitution.cannot-run"
    assert {rejected.rule for rejected in found} <= KNOWN_IDS


@given(text=st.text(max_size=300) | st.lists(st.sampled_from("-+ @ab\n"), max_size=80).map("".join))
@example("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
def test_any_text_is_a_diff_or_a_diff_syntax_error(text: str) -> None:
    try:
        files = parse_unified(text)
    except DiffSyntaxError:
        return
    assert {rejected.rule for rejected in CONSTITUTION.judge_diff(files, SURFACE)} <= KNOWN_IDS


@given(
    before=st.lists(st.sampled_from(["a", "b", "", " c"]), max_size=8),
    after=st.lists(st.sampled_from(["a", "d", ""]), max_size=8),
)
def test_a_diff_reads_back_as_the_lines_it_was_made_of(before: list[str], after: list[str]) -> None:
    assume(before or after)
    lines = [f"-{line}" for line in before] + [f"+{line}" for line in after]
    starts = (int(bool(before)), int(bool(after)))
    diff = "\n".join(["--- a/x", "+++ b/x", f"@@ -{starts[0]},{len(before)} +{starts[1]},{len(after)} @@", *lines, ""])
    (file,) = parse_unified(diff)
    assert [line for _, line in file.removed] == before
    assert [line for _, line in file.added] == after
    assert [number for number, _ in file.added] == list(range(1, len(after) + 1))


@given(data=st.data(), idea=st.sampled_from(EXAMPLES))
@settings(max_examples=150)
def test_no_mix_of_disguises_hides_an_example(data: st.DataObject, idea: str) -> None:
    def disguise(letter: str) -> str:
        ways = [letter, letter.upper(), letter + "\u200b", letter + "\u0300", *LOOKALIKES.get(letter, [])]
        return data.draw(st.sampled_from(ways)) if letter.isalpha() else letter

    assert isinstance(CONSTITUTION.judge_idea("".join(disguise(letter) for letter in idea)), Rejected)


@given(
    text=st.sampled_from(CODE_EXAMPLES),
    tail=st.sampled_from(["", "\nX = 1\n", "\n\n\n"]),
    head=st.sampled_from(["", "Y = 2\n", "\n"]),
)
def test_code_that_only_moves_within_its_file_is_never_new(text: str, tail: str, head: str) -> None:
    change = Change("Move", (FileChange("src/a.py", text, head + text + tail),))
    assume(head + tail)
    assert {r.rule for r in CONSTITUTION.judge_all(change, SURFACE)} <= {"constitution.code.unparsable"}


@given(text=st.text(max_size=200))
def test_folding_keeps_ascii_and_line_breaks_and_is_done_in_one_go(text: str) -> None:
    folded = fold(text, RULES.words.lookalikes)
    assert folded.count("\n") >= text.count("\n")
    if text.isascii():
        assert folded == text
    assert fold(folded, RULES.words.lookalikes) == folded


@given(path=st.text(max_size=40))
def test_a_path_that_passes_is_plain(path: str) -> None:
    if path_fault(path, 512) is None:
        assert unicodedata.normalize("NFKC", path) == path
        assert ".." not in path.split("/")
        assert not path.startswith("/")
        assert path.isprintable()


@given(
    parts=st.lists(st.sampled_from(["a", "b", "c.py"]), min_size=1, max_size=5),
    glob=st.lists(st.sampled_from(["a", "*", "**", "c.py"]), min_size=1, max_size=4),
)
def test_what_a_glob_matches_it_covers_with_all_that_lies_below(parts: list[str], glob: list[str]) -> None:
    path, pattern = "/".join(parts), "/".join(glob)
    if matches(pattern, path):
        assert covers(pattern, path)
        assert covers(pattern, f"{path}/below")


@given(
    pattern=st.lists(
        st.sampled_from(["abc", "x", "(?:", ")", "|", "?", "+", "[ab]", r"\w", r"\.", "{2,3}"]), max_size=8
    ),
    text=st.text("abcx.", max_size=12),
)
@example(["(?:", "abc", "|", "x", ")", "?"], "")
def test_the_prefilter_never_costs_a_match(pattern: list[str], text: str) -> None:
    import re

    try:
        compiled = re.compile("".join(pattern))
    except re.error:
        return
    needs = needed_texts(compiled.pattern)
    for match in compiled.finditer(text):
        assert not needs or any(needed in match.group() for needed in needs)


@pytest.mark.parametrize("repeat", [1, 3])
def test_the_same_change_gets_the_same_answer_again(repeat: int) -> None:
    change = Change("Speed up", (FileChange("src/a.py", "A = 1\n", "import socket\n"),))
    answers = [CONSTITUTION.judge(change, SURFACE) for _ in range(repeat + 1)]
    assert all(answer == answers[0] for answer in answers)
