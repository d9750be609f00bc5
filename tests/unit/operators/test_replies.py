"""A model's reply: what is taken, what is refused, and what its writer is told."""

import pytest

from hive_node.operators.replies import Reply, Unfit, fit, parse_reply

FILES = {"src/a.py": "A = 1\nB = 2\nA = 1\n", "src/b.py": "last = 1"}


def edit(search: str, replace: str, path: str = "src/a.py") -> str:
    return f'<edit path="{path}">\n<search>\n{search}\n</search>\n<replace>\n{replace}\n</replace>\n</edit>\n'


def reply(*edits: str, words: str = "Try it.") -> str:
    return f"<idea>\n{words}\n</idea>\n" + "".join(edits)


def result(text: str) -> dict[str, str] | str:
    read = parse_reply(text)
    found = fit(read, FILES) if isinstance(read, Reply) else read
    return found.reason if isinstance(found, Unfit) else found


def test_whole_lines_are_replaced_and_the_rest_stays() -> None:
    assert result(reply(edit("B = 2", "B = 3"))) == {"src/a.py": "A = 1\nB = 3\nA = 1\n"}


def test_lines_are_taken_out_by_replacing_them_with_nothing() -> None:
    text = '<idea>x</idea>\n<edit path="src/a.py">\n<search>\nB = 2\n</search>\n<replace>\n</replace>\n</edit>'
    assert result(text) == {"src/a.py": "A = 1\nA = 1\n"}


def test_the_last_line_of_a_file_needs_no_end_of_its_own() -> None:
    assert result(reply(edit("last = 1", "last = 2", "src/b.py"))) == {"src/b.py": "last = 2"}


def test_edits_apply_one_after_another() -> None:
    assert result(reply(edit("B = 2", "C = 4"), edit("C = 4\nA = 1", "C = 5"))) == {"src/a.py": "A = 1\nC = 5\n"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (reply(edit("A = 1", "A = 2")), "Edit 1: its search block occurs more than once"),
        (reply(edit("B = 2", "B = 3"), edit("B = 2", "B = 4")), "Edit 2: its search block does not occur"),
        (reply(edit("B  = 2", "B = 3")), "does not occur"),
        (reply(edit("B = 2", "B = 2")), "change nothing"),
        (reply(edit("B = 2", "B = 3", "src/none.py")), "no editable file 'src/none.py'"),
        (reply(edit("", "B = 3")), "search block is empty"),
        (reply(), "There is no <edit>"),
        (edit("B = 2", "B = 3"), "There is no <idea>"),
        (reply(edit("B = 2", "B = 3"), reply()), "two ideas"),
        (reply(edit("B = 2", "B = 3").replace("</replace>", "")), "</replace> is missing"),
        (reply(edit("B = 2", "B = 3").replace("<search>", "code:")), "<search> is missing"),
        (reply(edit("B = 2", "B = 3").replace('path="src/a.py"', "")), "begins with <edit path"),
        (reply(edit("B = 2", "x" * 20_000)), "longer than may be"),
        (reply(*[edit("B = 2", "B = 3")] * 65), "more than 64 edits"),
        (reply(edit("B = 2", "B = '\0'")), "no source file"),
        (reply(edit("B = 2", "B = '\ud800'")), "no source file"),
        ("<idea>never ends", "</idea> is missing"),
        ("x" * 5_000_000, "too long"),
        ("I cannot do that.", "There is no <idea>"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence_for_its_writer(text: str, said: str) -> None:
    found = result(text)
    assert isinstance(found, str)
    assert said in found
