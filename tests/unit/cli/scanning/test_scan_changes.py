"""Only what a commit adds counts, wherever git keeps it, and at the place it has in the file."""

from pathlib import Path

import pytest

from hive_node.cli.scanning.changes import GitError, changes
from hive_node.cli.scanning.found import Scan
from tests.fakes.improving import git
from tests.unit.cli.scanning.looking import LINE, SECRET, look_at

OTHER = LINE.replace(SECRET, SECRET[::-1])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    commit(tmp_path, {"old.py": "a = 1\n" + LINE + "b = 2\n"}, "first")
    return tmp_path


def commit(folder: Path, files: dict[str, str], message: str) -> None:
    write(folder, files)
    git(folder, "commit", "-q", "-m", message)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        git(folder, "add", name)


def seen(range_: str | None, *paths: str) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in scan(range_, *paths).items]


def scan(range_: str | None, *paths: str) -> Scan:
    problems: list[tuple[str, str]] = []
    found = look_at(changes(range_, paths, problems))
    found.unread += problems
    return found


def test_what_was_there_before_does_not_count(repository: Path) -> None:
    commit(repository, {"old.py": "a = 1\n" + LINE + "b = 3\n" + OTHER}, "second")
    assert seen("HEAD~1..HEAD") == [("old.py", 4)]


def test_what_is_staged_counts_even_if_the_folder_has_moved_on(repository: Path) -> None:
    write(repository, {"new.py": "\n" + OTHER})
    (repository / "new.py").write_text("")
    (repository / "loose.py").write_text(OTHER)
    assert seen(None) == [("new.py", 2)]


def test_the_folder_against_a_commit(repository: Path) -> None:
    (repository / "old.py").write_text(OTHER + "a = 1\n" + LINE + "b = 2\n")
    assert seen("HEAD") == [("old.py", 1)]


def test_a_finding_stands_where_it_stands_in_the_file(repository: Path) -> None:
    text = "a = 1\n" + LINE + "b = 2\n" + OTHER
    commit(repository, {"old.py": text}, "second")
    (one,) = scan("HEAD~1..HEAD").items
    assert text[one.start : one.end] == SECRET[::-1]


@pytest.mark.parametrize("name", ["with space.py", 'quo"te.py', "straße.py", "new\nline.py", "-rf", "d/diff --git a"])
def test_names_of_every_kind(repository: Path, name: str) -> None:
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text(OTHER)
    git(repository, "add", "--", name)
    assert seen(None) == [(name, 1)]


def test_text_that_looks_like_a_patch_fools_nobody(repository: Path) -> None:
    text = "diff --git a/x b/x\n@@ -1 +9 @@\nBinary files a and b differ\n" + OTHER
    write(repository, {"a.diff": text, "z.py": OTHER})
    assert seen(None) == [("a.diff", 4), ("z.py", 1)]


def test_an_attribute_that_calls_a_file_binary_hides_nothing(repository: Path) -> None:
    write(repository, {".gitattributes": "*.py -diff\n", "new.py": "\n" + OTHER})
    assert seen(None) == [("new.py", 2)]


@pytest.mark.parametrize("setting", [("diff.external", "false"), ("diff.noprefix", "true"), ("color.diff", "always")])
def test_settings_of_the_repository_change_nothing(repository: Path, setting: tuple[str, str]) -> None:
    git(repository, "config", *setting)
    write(repository, {"new.py": OTHER})
    assert seen(None) == [("new.py", 1)]


def test_from_a_folder_below_and_for_some_paths_only(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repository, {"sub/one.py": OTHER, "two.py": OTHER})
    monkeypatch.chdir(repository / "sub")
    assert seen(None) == [("one.py", 1), ("../two.py", 1)]
    assert seen(None, ".") == [("one.py", 1)]


def test_deleted_renamed_and_emptied_files(repository: Path) -> None:
    git(repository, "mv", "old.py", "moved.py")
    assert seen(None) == [("moved.py", 2)]
    git(repository, "rm", "-q", "-f", "moved.py")
    assert seen(None) == []


def test_a_merge_in_conflict_is_named(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "other")
    commit(repository, {"old.py": "other\n"}, "other")
    git(repository, "checkout", "-q", "main")
    commit(repository, {"old.py": "main\n"}, "main")
    with pytest.raises(Exception, match="merge"):
        git(repository, "merge", "other")
    assert scan(None).unread == [("old.py", "it is not merged yet")]


@pytest.mark.parametrize(
    ("where", "range_"),
    [("there", "nothing..HEAD"), ("there", "--output=x"), ("elsewhere", "HEAD")],
)
def test_what_git_does_not_know_is_told(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, where: str, range_: str
) -> None:
    if where == "elsewhere":
        monkeypatch.chdir(tmp_path_factory.mktemp("no-repository"))
    with pytest.raises(GitError):
        scan(range_)
    assert not (repository / "x").exists()
