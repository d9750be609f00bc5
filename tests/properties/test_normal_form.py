"""The normal form of a text: whatever the text is, it is found, and code of one form does the same."""

import ast
import string

from hypothesis import given
from hypothesis import strategies as st

from hive_node.operators.normal_form import normal_form

TEXTS = st.text(max_size=200) | st.text(alphabet=string.printable, max_size=200)
LITERALS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20) | st.booleans()


@given(TEXTS, st.sampled_from(["a.py", "a.c", "a.ts", "a.json", "a.txt", "py", ""]))
def test_any_text_has_a_form_and_the_same_one_each_time(text: str, path: str) -> None:
    assert normal_form(path, text) == normal_form(path, text)


@given(LITERALS, LITERALS)
def test_two_values_are_two_forms(one: object, other: object) -> None:
    same = repr(one) == repr(other)
    assert (normal_form("a.py", f"A = {one!r}\n") == normal_form("a.py", f"A = {other!r}\n")) is same


@given(st.lists(LITERALS, max_size=8), st.lists(st.text(alphabet="abc #:=", max_size=8), min_size=9, max_size=9))
def test_comments_change_no_form(values: list[object], comments: list[str]) -> None:
    plain = "".join(f"A{at} = {value!r}\n" for at, value in enumerate(values))
    spelled = (
        "".join(f"# {comments[at]}\nA{at}  =  {value!r}\n\n" for at, value in enumerate(values)) + f"#{comments[8]}"
    )
    assert normal_form("a.py", plain) == normal_form("a.py", spelled)


@given(st.text(alphabet='A= 1\n\t#"()\\', max_size=40), st.text(alphabet='A= 1\n\t#"()\\', max_size=40))
def test_python_of_one_form_is_one_program(one: str, other: str) -> None:
    if normal_form("a.py", one) != normal_form("a.py", other):
        return
    if one != other:
        assert ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


@given(st.text(alphabet='a" \n\\;', max_size=40))
def test_only_blanks_go_elsewhere(text: str) -> None:
    assert "".join(normal_form("a.c", text).split()) == "".join(text.split())
