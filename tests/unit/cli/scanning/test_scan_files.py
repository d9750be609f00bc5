"""`scan` looks at everything it is given, says where and what, and never prints the value; what it could not look at it names."""

import codecs
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.cli.scanning import reading, sources
from hive_node.cli.scanning.found import Scan
from hive_node.cli.scanning.reading import Segment, segments
from tests.unit.cli.scanning.looking import LINE, SECRET, look


def places(found: Scan) -> list[tuple[str, int]]:
    return [(os.path.basename(one.path), one.line) for one in found.items]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "settings.py").write_text("# settings\n\n" + LINE)
    (tmp_path / "clean.txt").write_text("nothing to see\n")
    return tmp_path


def test_a_finding_has_its_file_and_place_and_not_its_value(tree: Path) -> None:
    found = look([str(tree)])
    assert places(found) == [("settings.py", 3)]
    (one,) = found.items
    text = (tree / "src" / "settings.py").read_text()
    assert text[one.start : one.end] == SECRET
    assert text.splitlines()[one.line - 1][one.column - 1 : one.end_column - 1] == SECRET
    assert SECRET not in json.dumps(found.tree())


def test_a_clean_tree_has_no_findings(tree: Path) -> None:
    found = look([str(tree / "clean.txt")])
    assert (found.items, found.files, found.unread) == ([], 1, [])


def test_git_folders_binary_files_and_links_are_passed_over(tree: Path) -> None:
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text(LINE)
    (tree / "program").write_bytes(b"\x7fELF\0" + LINE.encode())
    (tree / "link").symlink_to(tree / "src" / "settings.py")
    (tree / "loop").symlink_to(tree)
    found = look([str(tree)])
    assert places(found) == [("settings.py", 3)]
    assert found.binary == 1


def test_a_pipe_in_a_folder_does_not_hang_the_scan(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert places(look([str(tree)])) == [("settings.py", 3)]


def test_bytes_that_are_no_utf8_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Straße\n".encode("latin-1") + LINE.encode())
    assert places(look([str(tmp_path)])) == [("latin.txt", 2)]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8")],
)
def test_a_file_with_a_mark_is_read_in_its_encoding(tmp_path: Path, mark: bytes, encoding: str) -> None:
    (tmp_path / "exported.csv").write_bytes(mark + ("name\n" + LINE).encode(encoding))
    assert places(look([str(tmp_path)])) == [("exported.csv", 2)]


def test_standard_input_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"\n" + LINE.encode())

    monkeypatch.setattr(sources.sys, "stdin", Input())
    assert [(one.path, one.line) for one in look(["-"]).items] == [("-", 2)]


def test_a_path_that_is_not_there_is_named(tree: Path) -> None:
    found = look([str(tree / "nope"), str(tree)])
    assert [path for path, _ in found.unread] == [str(tree / "nope")]
    assert places(found) == [("settings.py", 3)]


def test_an_unreadable_file_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_named: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    # As root every file can be read: the refusal is the test's own.
    monkeypatch.setattr(sources.io, "FileIO", refuse)
    assert look([str(tree / "clean.txt")]).unread == [(str(tree / "clean.txt"), "Permission denied")]


def test_what_is_not_sure_enough_is_left_out(tree: Path) -> None:
    assert look([str(tree)], least=0.3).items
    assert not look([str(tree)], least=1.0).items


class TestLargeFiles:
    @pytest.fixture(autouse=True)
    def small_segments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "SEGMENT_BYTES", 4000)
        monkeypatch.setattr(reading, "OVERLAP_CHARS", 400)

    def test_every_finding_is_told_once_at_its_own_place(self, tmp_path: Path) -> None:
        filler = "all is well here\n" * 61
        text = "".join(f"{filler}{LINE}" for _ in range(20))
        (tmp_path / "log").write_text(text)
        found = look([str(tmp_path)]).items
        assert [text[one.start : one.end] for one in found] == [SECRET] * 20
        assert [one.line for one in found] == [62 * (number + 1) for number in range(20)]

    @pytest.mark.parametrize("before", range(3950, 4050, 7))
    def test_a_finding_over_a_cut_is_told_whole(self, tmp_path: Path, before: int) -> None:
        text = "." * before + "\n" + LINE + "." * 5000
        (tmp_path / "log").write_text(text)
        assert [text[one.start : one.end] for one in look([str(tmp_path)]).items] == [SECRET]

    @given(st.text(alphabet="ab\n\u00df\u20ac\U0001f600\r", max_size=300), st.integers(1, 40), st.integers(1, 20))
    def test_segments_hold_all_of_the_text_in_order(self, text: str, size: int, overlap: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "SEGMENT_BYTES", size)
            patch.setattr(reading, "OVERLAP_CHARS", overlap)
            cut = list(segments(io.BytesIO(text.encode())))
        assert "".join(one.text[: one.until] for one in cut) == text
        assert all(text[one.start :].startswith(one.text) for one in cut)
        assert [one.lines for one in cut] == [text.count("\n", 0, one.start) for one in cut]
        assert sum(one.read for one in cut) == len(text.encode())
        assert all(isinstance(one, Segment) for one in cut)
