"""Handing a project over and starting on it: what is wrong is said before anything is written."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hive_node.adapters.git import GitRepository
from hive_node.adapters.store import ProjectStore
from hive_node.config.toml import ConfigError
from hive_node.domain import State
from hive_node.ports import Fault
from hive_node.subjects.projects import Projects
from tests.fakes.improving import SPEC, Improving, git, make_repository

Make = Callable[..., Awaitable[Improving]]


async def nothing() -> None:
    return None


def shelf(node: Improving) -> Projects:
    return Projects(ProjectStore(node.database), GitRepository.open, node.sandbox, node.clock, nothing)


TUNE = '[tune]\n"{}" = {}\n'


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (
            TUNE.format("src/knobs.py:SIZ", "{ low = 1, high = 9 }"),
            "names no constant 'SIZ' of src/knobs.py; it has: SIZE, RATE",
        ),
        (TUNE.format("src/other.py:SIZE", "{ low = 1, high = 9 }"), "no editable text file 'src/other.py'"),
        (TUNE.format("bench/run.py:SIZE", "{ low = 1, high = 9 }"), "no editable text file 'bench/run.py'"),
        (TUNE.format("SIZE", "{ low = 1, high = 9 }"), "write it as `path:NAME`"),
        (TUNE.format("src/knobs.py:NAME", "{ low = 1, high = 9 }"), "is 'x', no number: give it `choices`"),
    ],
)
async def test_a_hint_that_fits_no_constant_is_named_at_add_check_and_start(
    improving: Make, extra: str, said: str
) -> None:
    node = await improving()
    (node.path / "src/knobs.py").write_text(
        "SIZE = 8\nRATE = 2\n" + ("NAME = 'x'\n" if "NAME" in extra.split("=", maxsplit=1)[0] else "")
    )
    git(node.path, "commit", "--allow-empty", "-qam", "knobs")
    projects = shelf(node)
    added = (await projects.add(node.path)).project
    (node.path / "hive.toml").write_text(SPEC.format(extra="") + extra)
    for attempt in (projects.refresh(added.id), node.start()):
        with pytest.raises(Fault) as error:
            await attempt
        assert error.value.code == "project.no-such-constant"
        assert said in str(error.value)
    await projects.remove(added.id)
    with pytest.raises(Fault) as error:
        await projects.add(node.path)
    assert error.value.code == "project.no-such-constant"
    assert await node.ledger.all() == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('run = ["python"', 'run = ["no-such-program"', "sandbox.missing-command"),
        ('protected = ["bench/**"]', 'protected = ["bench/**", "nowhere/*.py"]', "project.no-such-file"),
        ('editable = ["src/*.py"]', 'editable = ["bench/run.py"]', "project.nothing-editable"),
        ('editable = ["src/*.py"]', 'editable = ["*.bin"]', "project.nothing-editable"),
        ('editable = ["src/*.py"]', 'editable = ["link.py"]', "project.link"),
    ],
)
async def test_a_spec_that_cannot_work_is_refused_at_add_and_at_start(
    improving: Make, old: str, new: str, code: str
) -> None:
    node = await improving()
    (node.path / "data.bin").write_bytes(b"\x00\xff")
    (node.path / "link.py").symlink_to("src/knobs.py")
    (node.path / "hive.toml").write_text(SPEC.format(extra="").replace(old, new))
    git(node.path, "add", "-A")
    git(node.path, "commit", "-q", "-m", "more")
    for attempt in (shelf(node).add(node.path), node.start()):
        with pytest.raises(Fault) as error:
            await attempt
        assert error.value.code == code
    assert await node.ledger.all() == []
    assert await shelf(node).shelf.all() == []
    assert git(node.path, "branch", "--list", "hive/*") == ""


async def test_a_broken_spec_names_its_line_and_key(improving: Make) -> None:
    node = await improving()
    (node.path / "hive.toml").write_text(SPEC.format(extra="min_efect = 0.1"))
    with pytest.raises(ConfigError) as error:
        await node.start()
    assert "min_efect" in str(error.value)
    assert error.value.line is not None


@pytest.mark.parametrize("kind", ["plain", "bare", "empty", "missing"])
async def test_what_is_no_repository_with_commits_is_not_taken(improving: Make, tmp_path: Path, kind: str) -> None:
    node = await improving()
    path = tmp_path / kind
    if kind != "missing":
        path.mkdir()
        (path / "hive.toml").write_text(SPEC.format(extra=""))
    if kind in {"bare", "empty"}:
        git(path, "init", "-q", *(["--bare"] if kind == "bare" else []))
    with pytest.raises(Fault) as error:
        await shelf(node).add(path)
    assert error.value.code.removeprefix("repository.") == {"plain": "none"}.get(kind, kind)


async def test_names_that_are_no_text_are_refused_and_any_text_is_taken(improving: Make, tmp_path: Path) -> None:
    node = await improving()
    with pytest.raises(Fault) as error:
        await shelf(node).add(make_repository(tmp_path / os.fsdecode(b"l\xe4tin"), SPEC.format(extra="")))
    assert error.value.code == "project.path"
    strange = make_repository(tmp_path / "a 'strange'\nname ü", SPEC.format(extra=""))
    added = (await shelf(node).add(strange)).project
    assert (await shelf(node).shelf.get(added.id)).path == strange
    (node.path / "src" / os.fsdecode(b"l\xe4tin.py")).write_text("A = 1\n")
    git(node.path, "add", "-A")
    git(node.path, "commit", "-q", "-m", "latin")
    with pytest.raises(Fault) as error:
        await node.start()
    assert error.value.code == "project.path"


async def test_a_file_that_git_converts_on_checkout_is_named(improving: Make) -> None:
    node = await improving()
    (node.path / ".gitattributes").write_text("*.py text eol=crlf\n")
    git(node.path, "add", "-A")
    git(node.path, "commit", "-q", "-m", "attributes")
    done = await node.improve({"SIZE": 12})
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert done.stop_reason.startswith("project.converted:")
    assert "src/knobs.py" in done.stop_reason
    assert node.worktrees() == []


async def test_two_starts_at_once_get_two_numbers(improving: Make) -> None:
    node = await improving()
    started = await asyncio.gather(*(node.start() for _ in range(4)))
    assert sorted(one.id for one in started) == [f"knobs-{n}" for n in range(1, 5)]


async def test_a_branch_of_that_name_is_somebodys_work_and_another_number_is_taken(improving: Make) -> None:
    node = await improving()
    git(node.path, "branch", "hive/knobs/knobs-1")
    assert (await node.start()).id == "knobs-2"


async def test_a_branch_that_appears_between_the_row_and_the_baseline_is_left_alone(improving: Make) -> None:
    node = await improving()
    node.drafts({"SIZE": 12})
    experiment = await node.start()
    (node.path / "mine.txt").write_text("mine\n")
    git(node.path, "add", "-A")
    git(node.path, "commit", "-q", "-m", "mine")
    git(node.path, "branch", experiment.branch)
    (done,) = await node.finish(experiment.id)
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert done.stop_reason.startswith("repository.branch-taken:")
    assert git(node.path, "rev-parse", experiment.branch) == git(node.path, "rev-parse", "main")


async def test_a_dirty_checkout_is_a_warning_and_its_changes_are_not_measured(improving: Make) -> None:
    node = await improving()
    (node.path / "src/knobs.py").write_text("SIZE = 20\nRATE = 2\n")
    added = await shelf(node).add(node.path)
    assert any("uncommitted changes" in warning for warning in added.warnings)
    done = await node.improve({"SIZE": 12})
    assert done.baseline is not None
    assert done.baseline.value == 13.0
    assert (node.path / "src/knobs.py").read_text() == "SIZE = 20\nRATE = 2\n"
