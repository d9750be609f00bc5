"""A candidate attacks its own evaluator, in the real sandbox, on real trees: the score it gets is never its own, and the next run begins clean."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hive_node.adapters.git import GitRepository
from hive_node.adapters.sandbox import BubblewrapSandbox
from hive_node.config.project import parse_project_spec
from hive_node.domain import Arm, Sample
from hive_node.ports import Fault
from hive_node.subjects.code import CodeSubject
from hive_node.subjects.evaluator import read_evaluator
from tests.fakes.improving import LIMITS, make_repository

# Two steps: the first runs the candidate's code, the second scores it. Protected: a whole folder, and a single file.
SPEC = """
[project]
name = "attacked"
[surface]
editable = ["src/*.py"]
protected = ["bench/**", "judge/score.py"]
[[step]]
name = "test"
run = ["python", "-I", "bench/check.py"]
timeout_s = 20
[[step]]
name = "score"
run = ["python", "-I", "judge/score.py"]
timeout_s = 20
[metric]
name = "cost"
direction = "lower"
"""
CHECK = "import runpy\nrunpy.run_path('src/knobs.py')\n"
SCORE = "import json, pathlib\nprint('METRIC cost=13' if json.loads('[]') == [] else 'METRIC cost=0')\n"
HONEST = "SIZE = 8\n"

Measure = Callable[[str], Awaitable[Sample]]


@pytest.fixture
async def measured(tmp_path: Path) -> AsyncIterator[tuple[Measure, CodeSubject]]:
    files = {
        "bench/check.py": CHECK,
        "judge/score.py": SCORE,
        "src/knobs.py": HONEST,
        "notes.txt": "n\n",
        ".gitignore": "*.pyc\n__pycache__\n",
    }
    path = make_repository(tmp_path / "repo", SPEC, files)
    repository = await GitRepository.open(path)
    head, spec = await repository.head(), parse_project_spec(SPEC)
    evaluator = await read_evaluator(repository, spec, head)
    limits = replace(LIMITS, memory_bytes=2**29)
    subject = CodeSubject(repository, BubblewrapSandbox(), spec, evaluator, limits, tmp_path / "trees", "test")
    await subject.open(head, head)

    async def measure(code: str) -> Sample:
        subject.put({"src/knobs.py": code})
        return await subject.measure("candidate")

    yield measure, subject
    await subject.close()
    assert not (tmp_path / "trees").exists()


def rule(sample: Sample) -> str:
    return sample.failure.rule if sample.failure else f"cost {sample.metrics['cost']}"


CHEAT = "print('METRIC cost=0')"
ATTACKS = {
    "overwrite": "open('bench/check.py', 'w').write('x')",
    "overwrite the file that is protected alone": f"open('judge/score.py', 'w').write({CHEAT!r})",
    "move the folder above it away": "import os; os.rename('judge', 'real')",
    "delete": "import os; os.unlink('judge/score.py')",
    "rename over it": "import os; open('mine.py', 'w').write('x'); os.rename('mine.py', 'judge/score.py')",
    "make it writable first": "import os; os.chmod('judge/score.py', 0o777)",
    "add to the protected folder": "open('bench/json.py', 'w').write('x')",
    "write through a hard link": "import os; os.link('judge/score.py', 'mine.py'); open('mine.py', 'a').write('x')",
    "mount over it": "import ctypes; assert ctypes.CDLL(None, use_errno=True).mount(b'/tmp', b'bench', None, 4096, None) == 0",
    "into the private git folder": "open('.git', 'a').write('x')",
    "outside the tree": "open('/work/../escaped', 'w').write('x')",
    "the other trees": "open('../champion/src/knobs.py', 'w').write('x')",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_is_protected_cannot_be_changed_and_trying_ends_the_run(
    measured: tuple[Measure, CodeSubject], attack: str
) -> None:
    measure, _ = measured
    sample = await measure(HONEST + ATTACKS[attack] + "\n")
    assert rule(sample) == "trial.step-failed", "the attempt itself fails"
    assert rule(await measure(HONEST)) == "cost 13.0"


@pytest.mark.parametrize(
    "name",
    ["json.py", "judge/json.py", "sitecustomize.py", "pathlib.py", "json/__init__.py", "conftest.py", "hook.pth", "src/json.cpython-311.so",
     "src/knobs/__init__.py", "src/knobs.abi3.so", "judge/score/__init__.py", "pytest.ini"],
)  # fmt: skip
async def test_a_module_that_the_candidate_leaves_in_the_way_of_a_real_one_ends_its_run(
    measured: tuple[Measure, CodeSubject], name: str
) -> None:
    measure, _ = measured
    module = (
        "import pathlib as p; f = p.Path({!r}); f.parent.mkdir(exist_ok=True); f.write_text('def loads(_): return 1')\n"
    )
    assert rule(await measure(HONEST + module.format(name))) == "trial.tree-changed"
    assert rule(await measure(HONEST)) == "cost 13.0"


SWAPS = {
    "its own code, once it was tested": "open('src/knobs.py', 'a').write('x = 1')",
    "a file that nobody protected": "open('notes.txt', 'w').write('x')",
    "one of the same length and time": "import os; s = os.stat('notes.txt'); open('notes.txt', 'w').write('m\\n'); os.utime('notes.txt', ns=(s.st_atime_ns, s.st_mtime_ns))",
    "a link in its place": "import os; os.rename('notes.txt', 'n'); os.symlink('n', 'notes.txt')",
    "none any more": "import os; os.unlink('notes.txt')",
}


@pytest.mark.parametrize("swap", SWAPS)
async def test_a_step_that_changes_what_the_next_one_runs_ends_the_run(
    measured: tuple[Measure, CodeSubject], swap: str
) -> None:
    measure, _ = measured
    assert rule(await measure(HONEST + SWAPS[swap] + "\n")) in {"trial.tree-changed", "trial.step-failed"}
    assert rule(await measure(HONEST)) == "cost 13.0"


async def test_what_a_step_builds_is_there_for_the_next_one_but_no_compiled_python(
    measured: tuple[Measure, CodeSubject],
) -> None:
    measure, subject = measured
    build = "import os; os.makedirs('build/src/__pycache__'); open('build/json.py', 'w'); open('build/src/__pycache__/x.pyc', 'w')\n"
    look = "import os, sys; sys.exit(os.listdir('build/src/__pycache__') + [] if os.path.exists('build/json.py') else 'gone')"
    step = subject.spec.step[1].model_copy(update={"run": ("python", "-I", "-c", look)})
    subject.spec = subject.spec.model_copy(update={"step": (subject.spec.step[0], step)})
    sample = await measure(HONEST + build)
    assert sample.failure is not None
    assert (sample.failure.rule, sample.failure.details["said"]) == ("trial.step-failed", "[]")


async def test_a_compiled_file_that_somebody_committed_may_be_compiled_anew(
    measured: tuple[Measure, CodeSubject],
) -> None:
    _, subject = measured
    code = "import os\nassert open('src/__pycache__/x.pyc').read() == 'old'\nopen('src/__pycache__/x.pyc', 'w').write('new')\n"
    files = {"src/__pycache__/x.pyc": b"old", "src/knobs.py": code.encode()}
    head = await subject.repository.head()
    subject.promote(await subject.repository.commit(head, files, "m\n", datetime(2026, 1, 1, tzinfo=UTC)))
    assert [rule(await subject.measure("champion")) for _ in range(2)] == ["cost 13.0"] * 2


async def test_the_champion_cannot_know_by_times_that_it_is_the_champion(
    measured: tuple[Measure, CodeSubject], tmp_path: Path
) -> None:
    measure, subject = measured
    arms: tuple[Arm, ...] = ("champion", "baseline")
    for arm in arms:
        await measure(HONEST + "# another\n")
        clock = tmp_path / "clock"
        clock.touch()
        began = clock.stat().st_mtime_ns
        assert rule(await subject.measure(arm)) == "cost 13.0"
        status = (subject.folder / arm / "src/knobs.py").stat()
        assert status.st_ctime_ns >= began, "as new as the candidate's"
        assert status.st_mtime_ns < began, "and both say that they are as old as the tree"


async def test_nothing_that_one_run_leaves_behind_is_there_in_the_next(measured: tuple[Measure, CodeSubject]) -> None:
    measure, subject = measured
    leave = """
import os, pathlib, stat
for name in ("left.txt", "json.py", "src/left.pyc", "__pycache__/x.pyc", "deep/er/file"):
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("left")
pathlib.Path("notes.txt").write_text("changed")
os.chmod("src", 0o500)
os.chmod("deep/er", 0)
os.symlink("/etc/passwd", "link")
os.mkfifo("pipe")
os.makedirs(".git2/objects")
os.mkdir("src2"); os.rename("src2", "src3")
"""
    look = """
import os, pathlib
found = sorted(str(path) for path in pathlib.Path(".").rglob("*") if path.is_file() and path.name != ".git")
assert found == [".gitignore", "bench/check.py", "bench/run.py", "hive.toml", "judge/score.py", "notes.txt", "src/knobs.py"], found
assert pathlib.Path("notes.txt").read_text() == "n\\n"
assert not os.path.lexists("link") and not os.path.lexists("pipe") and not os.path.lexists("deep")
"""
    assert rule(await measure(HONEST + leave)) == "trial.tree-changed"
    sample = await measure(HONEST + look)
    assert rule(sample) == "cost 13.0", sample.failure
    subject.put({})
    assert rule(await subject.measure("candidate")) == "cost 13.0"


async def test_one_run_cannot_talk_to_the_next_by_modes_attributes_or_times(
    measured: tuple[Measure, CodeSubject],
) -> None:
    measure, _ = measured
    tell = """
import os
for path in ("notes.txt", "src", ".", "src/knobs.py"):
    try:
        os.setxattr(path, "user.told", b"13")
    except OSError:
        pass  # not every filesystem has them
    os.utime(path, ns=(1_000_000_013, 1_000_000_013))
    os.chmod(path, 0o700)
"""
    listen = """
import os
for path in ("notes.txt", "src", ".", "src/knobs.py"):
    assert "user.told" not in os.listxattr(path), path
    assert os.stat(path).st_mtime_ns != 1_000_000_013, path
    assert os.stat(path).st_mode & 0o777 == (0o644 if os.path.isfile(path) else 0o755), path
"""
    assert rule(await measure(HONEST + tell)) == "cost 13.0"
    sample = await measure(HONEST + listen)
    assert rule(sample) == "cost 13.0", sample.failure


@pytest.mark.parametrize("mode", ["0", "0o500", "0o300"])
async def test_a_tree_that_a_run_made_unreadable_does_not_stop_the_experiment(
    measured: tuple[Measure, CodeSubject], mode: str
) -> None:
    measure, _ = measured
    many = f"import os\nfor n in range(100):\n    os.makedirs(f'd{{n}}/e'); os.chmod(f'd{{n}}/e', {mode}); os.chmod(f'd{{n}}', {mode})\n"
    files = f"os.chmod('notes.txt', {mode}); os.chmod('src/knobs.py', {mode}); os.chmod('src', {mode})\n"
    assert rule(await measure(HONEST + many + files)) == "cost 13.0"
    assert rule(await measure(HONEST)) == "cost 13.0"


async def test_what_is_held_out_is_read_by_the_holdout_alone_and_written_by_nobody(tmp_path: Path) -> None:
    holdout = '[holdout]\nrun = ["python", "-I", "bench/secret/run.py"]\nfiles = ["bench/secret/**", "cases.json"]\n'
    files = {
        "bench/check.py": CHECK,
        "judge/score.py": "print('METRIC cost=13')\n",
        "bench/secret/run.py": "import runpy\nrunpy.run_path('src/knobs.py')\nprint('METRIC cost', open('cases.json').read(), sep='=')\n",
        "cases.json": "4711",
        "src/knobs.py": HONEST,
    }
    path = make_repository(tmp_path / "repo", SPEC + holdout, files)
    repository = await GitRepository.open(path)
    head, spec = await repository.head(), parse_project_spec(SPEC + holdout)
    evaluator = await read_evaluator(repository, spec, head)
    assert evaluator.held_out == ("bench/secret/run.py", "cases.json")
    subject = CodeSubject(repository, BubblewrapSandbox(), spec, evaluator, LIMITS, tmp_path / "trees", "test")
    await subject.open(head, head)
    try:
        subject.put(
            {"src/knobs.py": "import os\nassert os.listdir('bench/secret') == [] and open('cases.json').read() == ''\n"}
        )
        assert rule(await subject.measure("candidate")) == "cost 13.0"
        assert rule(await subject.measure_holdout("candidate")) == "trial.step-failed", "there it is not empty"
        subject.put({"src/knobs.py": HONEST})
        assert rule(await subject.measure_holdout("candidate")) == "cost 4711.0"
        for forged in ("open('cases.json', 'w')", "open('bench/secret/json.py', 'w')"):
            subject.put({"src/knobs.py": forged})
            assert rule(await subject.measure_holdout("candidate")) == "trial.step-failed"
        other = await repository.commit(head, {"cases.json": b"4712"}, "m\n", datetime(2026, 1, 1, tzinfo=UTC))
        assert (await read_evaluator(repository, spec, other)).task != evaluator.task
    finally:
        await subject.close()


async def test_a_missing_sandbox_or_program_is_a_fault_and_no_verdict(measured: tuple[Measure, CodeSubject]) -> None:
    measure, subject = measured
    step = subject.spec.step[0].model_copy(update={"run": ("no-such-program",)})
    subject.spec = subject.spec.model_copy(update={"step": (step,)})
    with pytest.raises(Fault) as error:
        await measure(HONEST)
    assert error.value.code == "sandbox.missing-command"
    assert "step `test`" in str(error.value)


@pytest.mark.parametrize("name", ["with space", "new\nline", "ünï 'q\"", "-dash", "%d #1", "sha256"])
async def test_a_repository_of_any_name_and_kind_is_measured(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    files = {"bench/check.py": CHECK, "judge/score.py": SCORE, "src/knobs.py": HONEST, f"data {name}/x.txt": "x\n"}
    path = make_repository(folder / "repo", SPEC, files, *(["--object-format=sha256"] if name == "sha256" else []))
    repository = await GitRepository.open(path)
    head, spec = await repository.head(), parse_project_spec(SPEC)
    subject = CodeSubject(
        repository,
        BubblewrapSandbox(),
        spec,
        await read_evaluator(repository, spec, head),
        LIMITS,
        folder / "trees",
        "test",
    )
    await subject.open(head, head)
    try:
        subject.put({"src/knobs.py": "SIZE = 9\n"})
        assert rule(await subject.measure("candidate")) == "cost 13.0"
        assert rule(await subject.measure("champion")) == "cost 13.0"
    finally:
        await subject.close()
