"""Edits say exactly what changed: whatever the texts, applying them gives the target, and each block is found once."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from hive_node.operators.constants import find_constants, replace_constants
from hive_node.operators.edits import apply_edits, changed, edits_between
from protocol.deltas import Edit
from protocol.limits import EDIT_CHARS, EDITS

LINES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "a = 1",
        "a = 2",
        "",
        " ",
        "é",
        "\u2028",
        "x\x0b",
        "x\x0c",
        "\ufeff",
        "a\ra",
        "日本",
        "😀",
        "METRIC a=1",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", ""])
TEXTS = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda parts: "".join(line + end for line, end in parts))
ANY = st.one_of(TEXTS, st.text(st.characters(codec="utf-8"), max_size=60))


@given(ANY, ANY)
def test_applying_the_edits_gives_exactly_the_target(before: str, after: str) -> None:
    edits = edits_between({"f": before, "other": "x"}, {"f": after})
    if edits is None:
        # A file that is empty has no text to find; no other text of this size is beyond edits.
        assert before == "" != after
        return
    files = {"f": before, "other": "x"}
    for edit in edits:
        occurrences = [i for i in range(len(files["f"])) if files["f"].startswith(edit.search, i)]
        assert len(occurrences) == 1
        step = apply_edits(files, [edit])
        assert step is not None
        files = step
    assert files == {"f": after, "other": "x"}
    assert (edits == ()) == (before == after)


@given(ANY, ANY)
def test_edits_travel_as_a_recipe_carries_them(before: str, after: str) -> None:
    edits = edits_between({"f": before}, {"f": after}) or ()
    assert len(edits) <= EDITS
    assert all(0 < len(edit.search) <= EDIT_CHARS for edit in edits)
    assert all(len(edit.replace) <= EDIT_CHARS for edit in edits)
    assert [Edit.model_validate_json(json.dumps(edit.model_dump())) for edit in edits] == list(edits)


@given(ANY, ANY, ANY)
@example("aaa", "aa", "b")
@example("x = 1\nx = 1\n", "x = 1\n", "")
def test_an_edit_that_does_not_fit_changes_nothing(text: str, search: str, replace: str) -> None:
    files = {"f": text}
    done = apply_edits(files, [Edit(path="f", search=search, replace=replace)])
    count = sum(text.startswith(search, i) for i in range(len(text))) if search else 0
    assert (done is not None) == (count == 1)
    assert files == {"f": text}
    assert apply_edits(files, [Edit(path="not-there", search=search or "x", replace=replace)]) is None


NAMES = st.lists(st.from_regex(r"[A-Z]{3,8}", fullmatch=True), min_size=2, max_size=9, unique=True)


@given(NAMES, st.data())
def test_independent_constants_are_edits_of_one_line_each_and_fit_in_any_order(
    names: list[str], data: st.DataObject
) -> None:
    source = "".join(f"{name} = {number}\n" for number, name in enumerate(names, 10))
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    after = replace_constants(source, dict.fromkeys(chosen, 99))
    assert after is not None
    edits = edits_between({"f.py": source}, {"f.py": after})
    assert edits is not None
    assert sorted(edit.replace for edit in edits) == sorted(f"{name} = 99\n" for name in chosen)
    shuffled = data.draw(st.permutations(edits))
    assert apply_edits({"f.py": source}, shuffled) == {"f.py": after}
    # A node whose champion differs in the other constants can still take each of them over.
    elsewhere = replace_constants(source, {name: 77 for name in names if name not in chosen})
    assert elsewhere is not None
    assert apply_edits({"f.py": elsewhere}, edits) is not None


@given(st.lists(st.sampled_from(["X = 1\n", "Y = 2\r\n", "# é\n", "class A:\n    Z = 3\n", "def f(w=4): pass\n", "\n"]), max_size=8),
       st.booleans())  # fmt: skip
def test_a_constant_is_replaced_and_not_a_byte_beside_it(parts: list[str], has_mark: bool) -> None:
    source = ("\ufeff" if has_mark else "") + "".join(parts)
    constants = find_constants(source)
    assert replace_constants(source, {}) == source
    for constant in constants:
        after = replace_constants(source, {constant.name: 5})
        assert after is not None
        assert [one.value for one in find_constants(after)] == [
            5 if one.name == constant.name else one.value for one in constants
        ]
        edits = edits_between({"f": source}, {"f": after}) or ()
        assert len(edits) == 1
        assert after.count("\r") == source.count("\r")
        assert len(after) == len(source)


def test_a_change_too_large_for_a_recipe_is_no_edits_at_all() -> None:
    before = "".join(f"line {n}\n" for n in range(3000))
    assert edits_between({"f": before}, {"f": "x" * (EDIT_CHARS + 1)}) is None
    scattered = "".join(f"line {n}!\n" if n % 10 == 0 else f"line {n}\n" for n in range(3000))
    assert edits_between({"f": before}, {"f": scattered}) is None, "300 edits are more than a recipe carries"
    assert edits_between({}, {"new": "x\n"}) is None
    assert changed({"f": "x"}, {"f": "x"}) == {}


def test_a_large_file_of_equal_lines_does_not_take_for_ever() -> None:
    same = "x = 1\n" * 100_000
    middle = same[: 6 * 50_000] + "y = 1\n" + same[6 * 50_000 :]
    assert edits_between({"f": same}, {"f": middle}) is None, "no block within a recipe's bounds is unique in it"
    marked = same[: 6 * 50_000] + "LIMIT = 5\n" + same[6 * 50_000 :]
    edits = edits_between({"f": marked}, {"f": marked.replace("LIMIT = 5", "LIMIT = 6")})
    assert edits == (Edit(path="f", search="LIMIT = 5\n", replace="LIMIT = 6\n"),)
