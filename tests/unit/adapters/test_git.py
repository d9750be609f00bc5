"""Real git on real folders: what a user has is never touched, what a run leaves behind never stays."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hive_node.adapters.git import GitRepository
from hive_node.adapters.git_command import git as run_git
from hive_node.ports import RepositoryError

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_ME = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")
ROOT = Path(__file__).resolve().parents[3]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *_ME, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def made(folder: Path, files: dict[str, bytes], *init: str) -> Path:
    """A repository of `files` in one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", *init)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return made(tmp_path / "repo", {"src/a.py": b"A = 1\n", "keep.txt": b"kept\n", ".gitignore": b"*.pyc\n"})


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` but git's objects and logs: checkout, index, stash, refs, settings."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"objects", "logs", "worktrees"} & set(path.relative_to(folder).parts)
    }


async def test_a_dirty_checkout_its_index_and_its_stash_stay_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    (repository / "keep.txt").write_text("stashed\n")
    git(repository, "stash")
    (repository / "src/a.py").write_text("A = 2  # not committed\n")
    (repository / "new.txt").write_text("staged\n")
    git(repository, "add", "new.txt")
    (repository / "untracked.txt").write_text("mine\n")
    git(repository, "status")  # git's own refresh of the index
    before = everything(repository)
    opened = await GitRepository.open(repository)
    assert await opened.is_dirty("hive.toml")
    head = await opened.head()
    tree = tmp_path / "trees/one"
    folder = await opened.lay_out(tree, head)
    commit = await opened.commit(head, {"src/a.py": b"A = 3\n"}, "better\n", WHEN)
    await opened.move_branch("hive/p/p-1", commit, None)
    await opened.reset(tree, folder, commit, {}, {})
    await opened.remove(tree)
    after = everything(repository)
    assert after.pop(".git/refs/heads/hive/p/p-1") == commit.encode() + b"\n"
    assert after == before
    assert git(repository, "stash", "list") != ""


async def test_a_tree_begins_clean_whatever_the_last_run_left_in_it(repository: Path, tmp_path: Path) -> None:
    opened = await GitRepository.open(repository)
    head, tree = await opened.head(), tmp_path / "tree"
    folder = await opened.lay_out(tree, head)
    clean = {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    (tree / "json.py").write_text("evil")
    (tree / "src/__pycache__").mkdir()
    (tree / "src/__pycache__/a.pyc").write_text("ignored by git, and stale")
    shutil.rmtree(tree / "src")
    (tree / "src").symlink_to("/etc")
    (tree / "keep.txt").unlink()
    (tree / "keep.txt").mkdir()
    (tree / "keep.txt/inside").write_text("a folder in a file's place")
    git(tree, "init", "-q", "nested")
    (tree / "nested/file").write_text("a repository of its own")
    await opened.reset(tree, folder, head, {}, {})
    assert {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()} == clean


async def test_a_file_changed_in_place_with_its_times_put_back_is_reset(repository: Path, tmp_path: Path) -> None:
    for setting, value in (("core.trustctime", "false"), ("core.checkStat", "minimal"), ("core.fileMode", "false"),
                           ("core.ignoreStat", "true")):  # fmt: skip
        git(repository, "config", setting, value)
    opened = await GitRepository.open(repository)
    head, tree = await opened.head(), tmp_path / "tree"
    folder = await opened.lay_out(tree, head)
    file = tree / "src/a.py"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    await opened.reset(tree, folder, head, {}, {})
    was = file.stat()
    file.write_bytes(b"A = 9\n")
    file.chmod(0o755)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    await opened.reset(tree, folder, head, {}, {})
    assert file.read_bytes() == b"A = 1\n"
    assert file.stat().st_mode & 0o111 == 0


async def test_a_sparse_checkout_of_the_users_does_not_make_the_trees_sparse(repository: Path, tmp_path: Path) -> None:
    git(repository, "sparse-checkout", "set", "--no-cone", "src")
    assert not (repository / "keep.txt").exists()
    opened = await GitRepository.open(repository)
    head, tree = await opened.head(), tmp_path / "tree"
    folder = await opened.lay_out(tree, head)
    assert (tree / "keep.txt").read_bytes() == b"kept\n"
    await opened.reset(tree, folder, head, {}, {})
    assert (tree / "keep.txt").read_bytes() == b"kept\n"
    assert not (repository / "keep.txt").exists(), "the user's own choice stands"


async def test_no_hook_filter_monitor_or_signature_of_the_users_runs(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    script = tmp_path / "hook"
    script.write_text(f"#!/bin/sh\necho x >> {trap}\n")
    script.chmod(0o755)
    for hook in ("post-checkout", "pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        (repository / ".git/hooks" / hook).symlink_to(script)
    for setting, value in (("core.fsmonitor", str(script)), ("commit.gpgSign", "true"), ("gpg.program", str(script)),
                           ("log.showSignature", "true"), ("core.pager", str(script))):  # fmt: skip
        git(repository, "config", setting, value)
    trap.unlink(missing_ok=True)
    opened = await GitRepository.open(repository)
    head = await opened.head()
    await opened.is_dirty("hive.toml")
    folder = await opened.lay_out(tmp_path / "tree", head)
    commit = await opened.commit(head, {"keep.txt": b"k"}, "m\n", WHEN)
    assert await opened.is_same_change(commit, commit)
    await opened.move_branch("hive/x", commit, None)
    await opened.reset(tmp_path / "tree", folder, commit, {}, {})
    await opened.remove(tmp_path / "tree")
    assert not trap.exists(), trap.read_text()


@pytest.mark.parametrize("damage", ["deleted", "pruned", "pointer", "index-lock", "worktrees-gone"])
async def test_a_tree_that_was_damaged_can_be_laid_out_again(repository: Path, tmp_path: Path, damage: str) -> None:
    opened = await GitRepository.open(repository)
    head, tree = await opened.head(), tmp_path / "tree"
    folder = await opened.lay_out(tree, head)
    match damage:
        case "deleted":
            shutil.rmtree(tree)
        case "pruned":
            shutil.rmtree(tree)
            git(repository, "worktree", "prune")
        case "pointer":
            (tree / ".git").write_text("gitdir: /nowhere\n")
        case "index-lock":
            (folder / "index.lock").touch()
        case _:
            shutil.rmtree(repository / ".git/worktrees")
    if damage not in {"pointer", "index-lock"}:  # neither is needed where nothing is missing
        with pytest.raises(RepositoryError):
            await opened.reset(tree, folder, head, {}, {})
    folder = await opened.lay_out(tree, head)
    await opened.reset(tree, folder, head, {}, {})
    assert (tree / "src/a.py").read_bytes() == b"A = 1\n"
    await opened.remove(tree)
    assert not tree.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


async def test_a_worktree_of_the_users_on_a_disk_that_is_away_stays_known(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "usb/mine"))
    (tmp_path / "usb").rename(tmp_path / "unplugged")
    opened = await GitRepository.open(repository)
    tree = tmp_path / "tree"
    await opened.lay_out(tree, await opened.head())
    shutil.rmtree(tree)
    await opened.remove(tree)
    assert "usb/mine" in git(repository, "worktree", "list", "--porcelain")


async def test_trees_are_taken_away_though_the_repository_is_gone(repository: Path, tmp_path: Path) -> None:
    opened = await GitRepository.open(repository)
    tree = tmp_path / "tree"
    folder = await opened.lay_out(tree, await opened.head())
    shutil.rmtree(repository)
    with pytest.raises(RepositoryError):
        await opened.reset(tree, folder, "HEAD", {}, {})
    with pytest.raises(RepositoryError) as error:
        await opened.branch("hive/x")
    assert error.value.code == "repository.missing"
    assert "there is no such folder" in str(error.value)
    await opened.remove(tree)
    assert not tree.exists()


async def test_a_branch_that_somebody_moved_is_left_where_it_is(repository: Path) -> None:
    opened = await GitRepository.open(repository)
    head = await opened.head()
    ours = await opened.commit(head, {"keep.txt": b"ours"}, "ours\n", WHEN)
    theirs = await opened.commit(head, {"keep.txt": b"theirs"}, "theirs\n", WHEN)
    await opened.move_branch("hive/x", head, None)
    git(repository, "branch", "-f", "hive/x", theirs)
    with pytest.raises(RepositoryError) as error:
        await opened.move_branch("hive/x", ours, head)
    assert error.value.code == "repository.branch-moved"
    assert await opened.branch("hive/x") == theirs
    git(repository, "branch", "-D", "hive/x")
    with pytest.raises(RepositoryError) as error:
        await opened.move_branch("hive/x", ours, head)
    assert error.value.code == "repository.branch-moved"
    assert await opened.branch("hive/x") is None


async def test_a_branch_that_is_checked_out_is_not_pulled_from_under_its_user(repository: Path) -> None:
    opened = await GitRepository.open(repository)
    head = await opened.head()
    await opened.move_branch("hive/x", head, None)
    git(repository, "switch", "-q", "hive/x")
    better = await opened.commit(head, {"keep.txt": b"better"}, "better\n", WHEN)
    with pytest.raises(RepositoryError) as error:
        await opened.move_branch("hive/x", better, head)
    assert error.value.code == "repository.branch-in-use"
    assert git(repository, "status", "--porcelain") == ""
    git(repository, "switch", "-q", "main")
    await opened.move_branch("hive/x", better, head)
    assert await opened.branch("hive/x") == better


async def test_a_branch_named_hive_stands_in_the_way_and_is_named(repository: Path) -> None:
    opened = await GitRepository.open(repository)
    git(repository, "branch", "hive")
    with pytest.raises(RepositoryError) as error:
        await opened.move_branch("hive/p/p-1", await opened.head(), None)
    assert error.value.code == "repository.branch-taken"
    assert "refs/heads/hive" in str(error.value)


async def test_one_promotion_made_twice_is_one_commit(repository: Path) -> None:
    opened = await GitRepository.open(repository)
    head = await opened.head()
    git(repository, "config", "i18n.commitEncoding", "ISO-8859-1")
    one = await opened.commit(head, {"src/a.py": b"A = 2\n"}, "größer\n", WHEN)
    git(repository, "config", "--unset", "i18n.commitEncoding")
    assert await opened.commit(head, {"src/a.py": b"A = 2\n"}, "größer\n", WHEN) == one
    other = await opened.commit(head, {"src/a.py": b"A = 2\n"}, "other words\n", WHEN)
    assert other != one
    assert await opened.is_same_change(one, other)
    assert not await opened.is_same_change(one, head)
    assert git(repository, "log", "-1", "--format=%B", one) == "größer"


async def test_content_modes_and_line_ends_survive_a_commit_unchanged(tmp_path: Path) -> None:
    files = {
        "run.sh": b"#!/bin/sh\n",
        "crlf.py": b"A = 1\r\nB = 2\r\n",
        "bom.py": b"\xef\xbb\xbfA = 1\n",
        "latin.py": b"# \xe9\n",
    }
    folder = made(tmp_path / "repo", files)
    (folder / "run.sh").chmod(0o755)
    git(folder, "commit", "-qam", "executable")
    git(folder, "config", "core.autocrlf", "true")
    opened = await GitRepository.open(folder)
    head = await opened.head()
    new = {"run.sh": b"#!/bin/sh\nexit 0\n", "crlf.py": b"A = 2\r\nB = 2\r\n", "bom.py": b"\xef\xbb\xbfA = 2\n"}
    commit = await opened.commit(head, new, "m\n", WHEN)
    entries = await opened.entries(commit)
    assert entries["run.sh"].mode == "100755"
    assert await opened.read([entries[name].blob for name in new]) == list(new.values())
    tree = tmp_path / "tree"
    await opened.lay_out(tree, commit)
    assert {name: (tree / name).read_bytes() for name in files} == files | new
    assert (tree / "run.sh").stat().st_mode & 0o111


STRANGE = ["with space", "ünïcode ", "new\nline", "tab\tand'quote\"", "-dash", "%percent#hash?", "back\\slash"]


@pytest.mark.parametrize("name", STRANGE)
async def test_paths_are_any_bytes(tmp_path: Path, name: str) -> None:
    inside = f"sub {name}/file {name}.py"
    folder = made(tmp_path / f"repo {name}", {inside: b"A = 1\n"})
    opened = await GitRepository.open(folder / f"sub {name}")
    assert opened.root == folder
    head, tree = await opened.head(), tmp_path / f"trees {name}" / "tree"
    git_folder = await opened.lay_out(tree, head)
    commit = await opened.commit(head, {inside: b"A = 2\n"}, "m\n", WHEN)
    await opened.reset(tree, git_folder, commit, {}, {})
    assert (tree / inside).read_bytes() == b"A = 2\n"
    await opened.remove(tree)
    assert not tree.exists()
    assert len(git(folder, "worktree", "list", "-z", "--porcelain").split("worktree ")) == 2


async def test_a_path_that_is_not_utf8_is_read_and_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"l\xe4tin.py")
    folder = made(tmp_path / "repo", {name: b"A = 1\n"})
    opened = await GitRepository.open(folder)
    commit = await opened.commit(await opened.head(), {name: b"A = 2\n"}, "m\n", WHEN)
    (entry,) = [entry for path, entry in (await opened.entries(commit)).items() if path == name]
    assert await opened.read([entry.blob]) == [b"A = 2\n"]


async def test_a_sha256_repository_works_throughout(tmp_path: Path) -> None:
    folder = made(tmp_path / "repo", {"a.py": b"A = 1\n"}, "--object-format=sha256")
    opened = await GitRepository.open(folder)
    head = await opened.head()
    assert len(head) == 64
    await opened.move_branch("hive/x", head, None)
    commit = await opened.commit(head, {"a.py": b"A = 2\n"}, "m\n", WHEN)
    await opened.move_branch("hive/x", commit, head)
    tree = tmp_path / "tree"
    git_folder = await opened.lay_out(tree, head)
    await opened.reset(tree, git_folder, commit, {}, {})
    assert (tree / "a.py").read_bytes() == b"A = 2\n"
    assert await opened.branch("hive/x") == commit


async def test_a_submodule_is_a_repository_and_its_owner_is_left_alone(tmp_path: Path) -> None:
    inner = made(tmp_path / "inner", {"a.py": b"A = 1\n"})
    outer = made(tmp_path / "outer", {"b.py": b"B = 1\n"})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "lib")
    git(outer, "commit", "-q", "-m", "with a submodule")
    module = await GitRepository.open(outer / "lib")
    assert module.root == outer / "lib"
    tree = tmp_path / "tree"
    folder = await module.lay_out(tree, await module.head())
    await module.reset(tree, folder, await module.head(), {}, {})
    assert (tree / "a.py").read_bytes() == b"A = 1\n"
    await module.remove(tree)
    assert git(outer, "status", "--porcelain") == ""
    whole = await GitRepository.open(outer)
    assert (await whole.entries(await whole.head()))["lib"].mode == "160000"
    folder = await whole.lay_out(tree, await whole.head())
    (tree / "lib/left.txt").write_text("left")
    await whole.reset(tree, folder, await whole.head(), {}, {})
    assert list((tree / "lib").iterdir()) == []
    await whole.remove(tree)
    assert not tree.exists()


async def test_what_is_no_repository_is_told_apart(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").touch()
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    git(tmp_path, "init", "-q", "empty")
    for path, code in {"plain": "none", "nowhere": "missing", "file": "missing", "bare.git": "bare"}.items():
        with pytest.raises(RepositoryError) as error:
            await GitRepository.open(tmp_path / path)
        assert error.value.code == f"repository.{code}", path
    with pytest.raises(RepositoryError) as error:
        await GitRepository.open(repository / ".git")
    assert error.value.code == "repository.bare"
    empty = await GitRepository.open(tmp_path / "empty")
    with pytest.raises(RepositoryError) as error:
        await empty.head()
    assert error.value.code == "repository.empty"
    assert "make the first one" in str(error.value)


async def test_without_git_the_remedy_is_named(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RepositoryError) as error:
        await GitRepository.open(repository)
    assert error.value.code == "repository.no-git"
    assert "apt-get install git" in str(error.value)


async def test_a_lost_object_is_a_fault_with_a_remedy(repository: Path) -> None:
    opened = await GitRepository.open(repository)
    with pytest.raises(RepositoryError) as error:
        await opened.read(["0" * 40])
    assert error.value.code == "repository.damaged"


async def test_trees_that_come_and_go_beside_each_other_do_not_trip_over_each_other(
    repository: Path, tmp_path: Path
) -> None:
    commit = await GitRepository(repository).head()

    async def come_and_go(name: str) -> None:
        for _ in range(6):
            await GitRepository(repository).lay_out(tmp_path / "trees" / name / "candidate", commit)
            await GitRepository(repository).remove(tmp_path / "trees" / name / "candidate")

    await asyncio.gather(*(come_and_go(name) for name in "abcdef"))
    assert git(repository, "worktree", "list", "--porcelain").count("worktree ") == 1


async def test_a_worktree_that_stays_half_made_is_named_and_waited_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hive_node.adapters.git_command._BUSY_WAIT_S", 0.001)
    half = repository / ".git/worktrees/half"
    half.mkdir(parents=True)
    (half / "gitdir").write_text(f"{tmp_path}/half/.git\n")
    (half / "commondir").touch()
    with pytest.raises(RepositoryError, match="another git is at work") as caught:
        await GitRepository(repository).lay_out(tmp_path / "tree", await GitRepository(repository).head())
    assert caught.value.code == "repository.busy"


async def test_a_cancelled_git_leaves_no_lock_behind(repository: Path) -> None:
    blob = git(repository, "rev-parse", "HEAD:keep.txt")
    endless = "".join(f"100644 {blob}\tmany/{number}\n" for number in range(400_000)).encode()
    lock = repository / ".git/index.lock"
    task = asyncio.ensure_future(run_git(repository, "update-index", "--index-info", stdin=endless))
    while not (lock.exists() and any(map(_is_at_work, _children()))):
        assert not task.done()
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lock.exists()
    assert git(repository, "status", "--porcelain") == ""


def _children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


def _is_at_work(process: str) -> bool:
    """A git that has read some of what it was given: what comes before that is behind it, its lock and its handlers."""
    if Path(f"/proc/{process}/comm").read_text() != "git\n":
        return False  # other tests' fixtures are children too
    read = re.search(r"^rchar: (\d+)", Path(f"/proc/{process}/io").read_text(), re.MULTILINE)
    return read is not None and int(read[1]) > 1_000_000


UNREADABLE = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from hive_node.adapters.git_command import remove_tree
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
tree = Path(sys.argv[1], "tree")
(tree / "locked/inner").mkdir(parents=True)
(tree / "locked/inner/file").write_text("x")
(tree / "locked/inner").chmod(0)
(tree / "locked").chmod(0)
deep = tree / "deep"
deep.mkdir()
os.chdir(deep)
for _ in range(3000):
    os.mkdir("d"), os.chdir("d")
os.chdir("/")
asyncio.run(remove_tree(tree))
print(os.path.lexists(tree))
"""


def test_what_a_run_made_unreadable_or_endlessly_deep_is_removed_all_the_same() -> None:
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/hive-unreadable-XXXXXX"], text=True).strip())
    try:
        folder.chmod(0o777)
        command = [sys.executable, "-c", UNREADABLE, str(folder), str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert done.stdout == "False\n", done.stderr
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)
