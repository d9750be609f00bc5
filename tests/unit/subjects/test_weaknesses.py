"""A project whose evaluator is easily cheated is taken, and its user is told why."""

from pathlib import Path

import pytest

from hive_node.adapters.git import GitRepository
from hive_node.config.project import parse_project_spec
from hive_node.subjects.evaluator import read_evaluator
from hive_node.subjects.weaknesses import weaknesses
from tests.fakes.improving import make_repository

SPEC = """
[project]
name = "weak"
[surface]
editable = {editable}
protected = ["bench/**"]
[[step]]
name = "bench"
run = {run}
timeout_s = 9
[metric]
name = "cost"
direction = "lower"
{extra}
"""
FILES = {
    "bench/run.py": "print(1)\n",
    "src/codec.py": "X = 1\n",
    "src/pkg/__init__.py": "Y = 1\n",
    "tests/test_codec.py": "\n",
    "run.sh": "\n",
}


async def told(folder: Path, *, bench: str = "", **changes: str) -> list[str]:
    texts = {"editable": '["src/**"]', "run": '["python", "-I", "bench/run.py"]', "extra": ""} | changes
    spec = SPEC.format(**texts)
    repository = await GitRepository.open(make_repository(folder / "repo", spec, FILES | {"bench/run.py": bench}))
    parsed, head = parse_project_spec(spec), await repository.head()
    return await weaknesses(repository, parsed, await read_evaluator(repository, parsed, head), head)


async def test_an_evaluator_that_runs_the_candidate_elsewhere_has_none(tmp_path: Path) -> None:
    held_out = '[holdout]\nrun = ["python", "-I", "bench/run.py"]\nfiles = ["bench/run.py"]'
    child = "import subprocess, json.decoder\nfrom . import x\nsubprocess.run(['python3', '-I', 'src/codec.py'])\n"
    assert await told(tmp_path, bench=child, extra=held_out, run='["python", "-B", "-IS", "bench/run.py"]') == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run": '["python3", "bench/run.py"]'}, "without -I"),
        ({"run": '["/usr/bin/python3.11", "-B", "bench/run.py", "-I"]'}, "without -I"),
        ({"run": '["python", "-I", "-m", "pytest", "bench"]'}, "runs pytest"),
        ({"run": '["python", "-I", "./src/codec.py"]'}, "print its own measurement"),
        ({"editable": '["**"]'}, "looks like a test or benchmark, `tests/test_codec.py`"),
        ({"bench": "import sys\nsys.path.insert(0, 'src')\nimport codec as c\n"}, "imports `src/codec.py` into its own process"),
        ({"bench": "from src.pkg import Y\n"}, "imports `src/pkg/__init__.py`"),
        ({"extra": '[holdout]\nrun = ["python", "-I", "bench/run.py"]'}, "[holdout] has no `files`"),
    ],
)  # fmt: skip
async def test_what_makes_it_easy_is_said(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    found = await told(tmp_path, **changes)
    assert any(said in sentence for sentence in found), found


async def test_an_evaluator_that_is_no_python_it_can_read_is_not_looked_into(tmp_path: Path) -> None:
    assert await told(tmp_path, bench="print 'codec'\n") == []
