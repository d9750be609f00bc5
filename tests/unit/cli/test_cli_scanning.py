"""`scan` looks at everything it is given, says where and what, and never prints the value; what it could not look at it names."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli import scanning
from hive_node.cli.scanning import scan_paths

# Put together here, so that this file holds no such thing itself.
SECRET = "xK9" + "vQ2pLm8Zr7wT4n"
LINE = f'password = "{SECRET}"\n'


def places(found: scanning.Scan) -> list[tuple[str, int]]:
    return [(os.path.basename(one.path), one.line) for one in found.items]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "settings.py").write_text("# settings\n\n" + LINE)
    (tmp_path / "clean.txt").write_text("nothing to see\n")
    return tmp_path


def test_a_finding_has_its_file_and_line_and_not_its_value(tree: Path) -> None:
    found = scan_paths([str(tree)])
    assert places(found) == [("settings.py", 3)]
    assert SECRET not in str(found.tree())


def test_a_clean_tree_has_no_findings(tree: Path) -> None:
    found = scan_paths([str(tree / "clean.txt")])
    assert (found.items, found.files, found.unread) == ([], 1, [])


def test_git_folders_binary_files_and_links_are_passed_over(tree: Path) -> None:
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text(LINE)
    (tree / "program").write_bytes(b"\x7fELF\0" + LINE.encode())
    (tree / "link").symlink_to(tree / "src" / "settings.py")
    (tree / "loop").symlink_to(tree)
    found = scan_paths([str(tree)])
    assert places(found) == [("settings.py", 3)]
    assert found.binary == 1


def test_a_pipe_in_a_folder_does_not_hang_the_scan(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert places(scan_paths([str(tree)])) == [("settings.py", 3)]


def test_bytes_that_are_no_utf8_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Straße\n".encode("latin-1") + LINE.encode())
    assert places(scan_paths([str(tmp_path)])) == [("latin.txt", 2)]


def test_a_secret_of_the_repositorys_own_env_file_is_found_in_other_files(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".env").write_text("DB_PASSWORD=tulips-in-may\n")
    (tmp_path / "notes.md").write_text("it was tulips-in-may all along\n")
    assert ("notes.md", 1) in places(scan_paths([str(tmp_path / "notes.md")]))


def test_standard_input_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"\n" + LINE.encode())

    monkeypatch.setattr(scanning.sys, "stdin", Input())
    assert [(one.path, one.line) for one in scan_paths(["-"]).items] == [("-", 2)]


def test_a_path_that_is_not_there_is_named(tree: Path) -> None:
    found = scan_paths([str(tree / "nope"), str(tree)])
    assert found.is_missing
    assert [path for path, _ in found.unread] == [str(tree / "nope")]
    assert places(found) == [("settings.py", 3)]


def test_what_is_too_large_is_named_and_not_called_clean(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "FILE_BYTES", 10)
    found = scan_paths([str(tree / "clean.txt")])
    assert found.files == 0
    assert "larger" in found.unread[0][1]


def test_an_unreadable_file_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_named: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    # As root every file can be read: the refusal is the test's own.
    monkeypatch.setattr(scanning, "open", refuse, raising=False)
    assert scan_paths([str(tree / "clean.txt")]).unread == [(str(tree / "clean.txt"), "Permission denied")]
