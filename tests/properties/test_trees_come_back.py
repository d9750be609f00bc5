"""Whatever a run does to its tree, the next one finds what the commit holds, with the candidate's files in it, and nothing else."""

import contextlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive_node.adapters.git import GitRepository
from tests.fakes.improving import git

FILES = {"a.py": "A = 1\n", "src/b.py": "B = 1\n", "src/deep/er/c.txt": "c\n", "run.sh": "#!/bin/sh\n"}
KNOWN = {"a.py": b"A = 1\n", "src/b.py": b"B = 1\n"}
PLACES = [*FILES, "src", "src/deep", "src/deep/er", "new.py", "src/new.py", "other", "other/x", "link"]

Act = Callable[[Path], None]
Facts = dict[str, tuple[str, str]]


def write(path: str) -> Act:
    return lambda tree: (tree / path).write_text("evil")


def delete(path: str) -> Act:
    def act(tree: Path) -> None:
        target = tree / path
        shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()

    return act


def rename(path: str, to: str) -> Act:
    return lambda tree: os.replace(tree / path, tree / to)


def link(path: str, to: str) -> Act:
    return lambda tree: (tree / path).symlink_to(to)


def chmod(path: str, mode: int) -> Act:
    return lambda tree: (tree / path).chmod(mode, follow_symlinks=True)


def touch(path: str, second: int) -> Act:
    return lambda tree: os.utime(tree / path, (second, second))


def folder(path: str) -> Act:
    return lambda tree: (tree / path).mkdir()


place = st.sampled_from(PLACES)
acts = st.lists(
    st.one_of(
        st.builds(write, place),
        st.builds(delete, place),
        st.builds(rename, place, place),
        st.builds(link, place, st.sampled_from(["src", "a.py", ".", "nowhere"])),
        st.builds(chmod, st.sampled_from([*FILES, "src", "src/deep"]), st.sampled_from([0o700, 0o755, 0o644, 0o777])),
        st.builds(touch, place, st.integers(0, 2_000_000_000)),
        st.builds(folder, place),
    ),
    max_size=8,
)
fresh = st.dictionaries(st.sampled_from(["a.py", "src/b.py", "src/made/up.py"]), st.binary(max_size=5), max_size=2)


@pytest.fixture
async def laid_out(tmp_path: Path) -> AsyncIterator[tuple[GitRepository, str, Path, Path]]:
    root = tmp_path / "repo"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "run.sh").chmod(0o755)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "first")
    repository = await GitRepository.open(root)
    head, tree = await repository.head(), tmp_path / "tree"
    git_folder = await repository.lay_out(tree, head)
    yield repository, head, tree, git_folder
    await repository.remove(tree)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, fresh=fresh)
async def test_any_run_leaves_a_tree_that_comes_back(
    laid_out: tuple[GitRepository, str, Path, Path], acts: list[Act], fresh: dict[str, bytes]
) -> None:
    repository, head, tree, git_folder = laid_out
    await repository.reset(tree, git_folder, head, {}, KNOWN)
    clean = facts(tree)
    for act in acts:
        with contextlib.suppress(OSError):
            act(tree)
    await repository.reset(tree, git_folder, head, fresh, KNOWN)
    written = {path: ("file 644", content.decode("latin-1")) for path, content in fresh.items()}
    made = {"src/made": ("folder 755", "")} if "src/made/up.py" in fresh else {}
    assert facts(tree) == clean | written | made
    await repository.reset(tree, git_folder, head, {}, KNOWN)
    assert facts(tree) == clean


def facts(tree: Path) -> Facts:
    """Everything below the tree but git's pointer: kind, mode, content."""
    return {str(path.relative_to(tree)): _fact(path) for path in tree.rglob("*") if path.name != ".git"}


def _fact(path: Path) -> tuple[str, str]:
    if path.is_symlink():
        return "link", os.readlink(path)
    mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
    return (f"folder {mode}", "") if path.is_dir() else (f"file {mode}", path.read_bytes().decode("latin-1"))
