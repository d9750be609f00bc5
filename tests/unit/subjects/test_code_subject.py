"""Trees of a commit, and what is run on them: read from git, byte for byte, with the evaluator looked at after every step."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hive_node.adapters.git import GitRepository
from hive_node.config.project import parse_project_spec
from hive_node.ports import Fault, RepositoryError, SandboxedCommand
from hive_node.subjects.code import CodeSubject, clean_text
from hive_node.subjects.evaluator import read_evaluator
from tests.fakes.improving import LIMITS, ScriptedSandbox, git, make_repository, outcome

SPEC = """
[project]
name = "two"
[surface]
editable = ["src/**"]
protected = ["bench/**", "judge.py", "src/fixed.py"]
[[step]]
name = "build"
run = ["sh", "build.sh"]
timeout_s = 3
[[step]]
name = "bench"
run = ["python", "-I", "judge.py"]
timeout_s = 7
[metric]
name = "cost"
direction = "lower"
[[guard]]
metric = "seconds"
direction = "lower"
tolerance = 0.1
"""
FILES = {
    "judge.py": "honest\n",
    "src/fixed.py": "F = 1\n",
    "src/crlf.py": "A = 1\r\nB = 2\r\n",
    "src/bom.py": "\ufeffA = 1\n",
    "build.sh": "true\n",
}

Open = Callable[..., Awaitable[CodeSubject]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    subjects: list[CodeSubject] = []

    async def make(
        answer: Any = lambda _tree, _command: "METRIC cost=5\nMETRIC seconds=1\n", spec: str = SPEC
    ) -> CodeSubject:
        path = tmp_path / "repo"
        if not path.exists():
            make_repository(path, spec, FILES)
            (path / "src/latin.py").write_bytes(b"# \xe9\n")
            (path / "src/zero.bin").write_bytes(b"a\0b")
            (path / "src/large.txt").write_bytes(b"x" * (1024 * 1024 + 1))
            (path / "src/run.sh").write_text("#!/bin/sh\n")
            (path / "src/run.sh").chmod(0o755)
            git(path, "add", "-A")
            git(path, "commit", "-q", "-m", "more")
        repository = await GitRepository.open(path)
        head, parsed = await repository.head(), parse_project_spec(spec)
        evaluator = await read_evaluator(repository, parsed, head)
        subject = CodeSubject(
            repository, ScriptedSandbox(answer), parsed, evaluator, LIMITS, tmp_path / "trees", "test"
        )
        await subject.open(head, head)
        subjects.append(subject)
        return subject

    yield make
    for subject in subjects:
        await subject.close()


async def test_only_text_of_a_size_to_edit_is_editable_and_never_what_is_protected(opened: Open) -> None:
    subject = await opened()
    files = await subject.files("champion")
    assert set(files) == {"src/crlf.py", "src/bom.py", "src/run.sh", "src/knobs.py"}
    assert files["src/crlf.py"] == "A = 1\r\nB = 2\r\n"
    assert files["src/bom.py"] == "\ufeffA = 1\n"


async def test_a_candidate_is_the_champion_with_its_files_and_nothing_else(opened: Open, tmp_path: Path) -> None:
    seen: list[dict[str, bytes]] = []

    def answer(tree: Path, _command: SandboxedCommand) -> str:
        seen.append(
            {
                str(path.relative_to(tree)): path.read_bytes()
                for path in tree.rglob("*")
                if path.is_file() and path.name != ".git"
            }
        )
        (tree / "left.txt").write_text("left")
        return "METRIC cost=5\nMETRIC seconds=1\n"

    subject = await opened(answer)
    new = {"src/crlf.py": "A = 2\r\nB = 2\r\n", "src/run.sh": "#!/bin/sh\nexit 0\n", "src/new/deep.py": "N = 1\n"}
    await subject.measure("champion")
    subject.put(new)
    await subject.measure("candidate")
    subject.put({})
    await subject.measure("candidate")
    champion, _, candidate, _, again, _ = seen
    assert candidate == champion | {path: text.encode() for path, text in new.items()}
    assert again == champion
    assert (tmp_path / "trees/candidate/src/run.sh").stat().st_mode & 0o111


async def test_each_step_is_an_argument_vector_in_its_tree_with_its_own_time(opened: Open) -> None:
    commands: list[SandboxedCommand] = []

    def answer(_tree: Path, command: SandboxedCommand) -> str:
        commands.append(command)
        return "METRIC cost=5\nMETRIC seconds=1\n" if "judge.py" in command.argv else ""

    subject = await opened(answer)
    sample = await subject.measure("champion")
    assert sample.metrics == {"cost": 5.0, "seconds": 1.0}
    assert [(command.argv[0], command.limits.wall_s) for command in commands] == [("sh", 3.0), ("python", 7.0)]
    assert all(
        set(command.read_only) == {PurePosixPath(one) for one in ("bench", "build.sh", "judge.py", "src/fixed.py")}
        for command in commands
    )
    assert all(command.masked == (PurePosixPath(".git"),) for command in commands)
    assert sample.receipt["task"] == subject.evaluator.task


CHEATS: dict[str, Callable[[Path], object]] = {
    "overwritten": lambda tree: (tree / "judge.py").write_text("print('METRIC cost=0')"),
    "deleted": lambda tree: (tree / "bench/run.py").unlink(),
    "a link to the same bytes": lambda tree: ((tree / "judge.py").rename(tree / "moved.py"), (tree / "judge.py").symlink_to("moved.py")),
    "a folder that is a link": lambda tree: ((tree / "bench").rename(tree / "moved"), (tree / "bench").symlink_to("moved")),
    "a folder in its place": lambda tree: ((tree / "judge.py").unlink(), (tree / "judge.py").mkdir()),
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS)
async def test_an_evaluator_that_is_not_the_same_after_a_step_is_not_asked_in_the_next(
    opened: Open, cheat: str
) -> None:
    asked: list[str] = []

    def answer(tree: Path, command: SandboxedCommand) -> str:
        asked.append(command.argv[0])
        if tree.name == "candidate" and len(asked) == 1:
            CHEATS[cheat](tree)
        return "METRIC cost=5\nMETRIC seconds=1\n" if "judge.py" in command.argv else ""

    subject = await opened(answer)
    sample = await subject.measure("candidate")
    assert sample.failure is not None
    assert sample.failure.rule == "trial.evaluator-changed"
    assert "step `build`" in sample.failure.reason
    assert asked == ["sh"]
    again = await subject.measure("candidate")
    assert again.metrics == {"cost": 5.0, "seconds": 1.0}, "the next run begins with the real one"


async def test_metrics_of_all_steps_are_read_together_and_a_failed_step_has_none(opened: Open) -> None:
    subject = await opened(
        lambda _tree, command: "METRIC cost=5\n" if "judge.py" in command.argv else "METRIC seconds=2"
    )
    assert (await subject.measure("champion")).metrics == {"cost": 5.0, "seconds": 2.0}
    subject.sandbox = ScriptedSandbox(lambda _tree, _command: "METRIC cost=5\n")
    failure = (await subject.measure("champion")).failure
    assert failure is not None
    assert failure.rule == "trial.repeated-metric"
    runs = ScriptedSandbox(lambda _tree, _command: outcome("METRIC cost=1\nMETRIC seconds=1\n", exit_code=2))
    subject.sandbox = runs
    sample = await subject.measure("champion")
    assert sample.metrics == {}
    assert sample.failure is not None
    assert runs.runs == ["champion"], "what comes after a failed step is not run"


async def test_the_task_is_the_same_exactly_where_the_same_is_measured(opened: Open, tmp_path: Path) -> None:
    subject = await opened()
    repository, head = subject.repository, await subject.repository.head()

    async def task(spec: str) -> str:
        return (await read_evaluator(repository, parse_project_spec(spec), head)).task

    same = subject.evaluator.task
    assert (
        await task(SPEC.replace("timeout_s = 3", "timeout_s = 30").replace("tolerance = 0.1", "tolerance = 0.2"))
        == same
    )
    for old, new in (('"lower"\n[[guard]]', '"higher"\n[[guard]]'), ('"sh", "build.sh"', '"sh", "-e", "build.sh"'), ('"bench/**", ', ""), ('name = "cost"', 'name = "price"')):  # fmt: skip
        assert await task(SPEC.replace(old, new)) != same, old
    edited = await repository.commit(head, {"src/knobs.py": b"SIZE = 9\n"}, "m\n", _when())
    assert (await read_evaluator(repository, subject.spec, edited)).task == same
    judged = await repository.commit(head, {"judge.py": b"other\n"}, "m\n", _when())
    assert (await read_evaluator(repository, subject.spec, judged)).task != same


def _when() -> Any:
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)


async def test_a_tree_that_cannot_be_laid_out_leaves_none_behind(opened: Open, tmp_path: Path) -> None:
    subject = await opened()
    await subject.close()
    with pytest.raises(RepositoryError):
        await subject.open(await subject.repository.head(), "f" * 40)
    assert not (tmp_path / "trees").exists()
    assert git(tmp_path / "repo", "worktree", "list").count("\n") == 0


async def test_a_holdout_is_asked_for_only_where_there_is_one(opened: Open) -> None:
    subject = await opened()
    with pytest.raises(Fault):
        await subject.measure_holdout("champion")


def test_what_a_run_says_is_cut_and_cleaned() -> None:
    assert clean_text(b"ok \xe2\x9c\x93\n") == "ok ✓\n"
    assert "\x1b" not in clean_text(b"\x1b]0;title\x07 \x9b31m \xff\x00 \xe2\x80\xae")
    assert len(clean_text(b"x" * 10**6)) == 2000
