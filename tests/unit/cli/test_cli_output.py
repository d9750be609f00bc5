"""What is printed: a peer's or a run's text never reaches the terminal as anything but text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.cli import output

HOSTILE = "a\x1b[2Jb\x9b31mc\x00d\re\u202ef\x7f"


def test_control_characters_of_others_do_nothing() -> None:
    assert output.harmless(HOSTILE) == "a?[2Jb?31mc?d?e?f?"


@given(st.text())
def test_whatever_is_said_is_printable_or_a_line_break(text: str) -> None:
    assert all(one.isprintable() or one == "\n" for one in output.harmless(text))


@given(st.text())
def test_json_loses_nothing_and_holds_no_control_character(text: str) -> None:
    written = output.json_text({"said": [text]})
    assert json.loads(written) == {"said": [text]}
    assert all(one.isprintable() or one == "\n" for one in written)


def test_a_table_shows_brackets_and_keeps_the_first_column_whole(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "idea"), [("x" * 200, "[bold]not markup[/bold] \x1b]8;;http://evil\x07")], "nothing")
    printed = capsys.readouterr().out
    assert "x" * 200 in printed
    assert "[bold]not markup[/bold] ?]8;;http://evil?" in printed


def test_a_table_without_rows_says_what_to_do_instead(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id",), [], "none yet: do this")
    assert capsys.readouterr().out == "none yet: do this\n"


def test_unknown_cells_are_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "value"), [("a", None)], "")
    assert "–" in capsys.readouterr().out


@pytest.mark.parametrize(("of", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_counts_read_as_words(of: int, said: str) -> None:
    assert output.count(of, "file") == said


def test_numbers_are_short_and_absent_ones_a_dash() -> None:
    assert (output.number(13217.0), output.number(None)) == ("13217", "–")
    assert (output.percent(-0.0437), output.percent(None)) == ("-4.37%", "–")
