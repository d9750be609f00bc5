"""Candidates that cheat, in the real sandbox: nothing validates but what answers right, by its entry point."""

from pathlib import Path

import pytest

from guardrails.constitution import Constitution
from hive_node.adapters.sandbox import build
from hive_node.skills.case import Case
from hive_node.subjects.skills.trial import SkillTrials

CASES = [Case("2024-01-02", [2024, 1, 2]), Case("1999-12-31", [1999, 12, 31], is_held_out=True)]
RIGHT = "def run(value):\n    return [int(part) for part in value.split('-')]\n"


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> SkillTrials:
    return SkillTrials(build("auto", [], {}, private=()), Constitution.load(), tmp_path_factory.mktemp("skills"))


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("", "skill.form"),
        ("# unavailable\n", "skill.form"),
        ("def solve(value):\n" + RIGHT.partition("\n")[2], "skill.form"),
        ("print('{\"answer\": [2024, 1, 2]}')\n", "skill.form"),
        ("def run(value):\n    pass\n", "skill.case.failed"),
        ("def run(value):\n    return 'unavailable'\n", "skill.case.failed"),
        ("def run(value):\n    print('{\"answer\": [2024, 1, 2]}')\n", "skill.case.failed"),
        ("def run(value):\n    try:\n        return int(value)\n    except ValueError:\n        return None\n", "skill.case.failed"),
        ("def run(value):\n    raise SystemExit(0)\n", ""),
        ("def run(value):\n    return [0] * 10**9\n", "skill.case.failed"),
        ("def run(value):\n    return {'2024-01-02': [2024, 1, 2]}.get(value)\n", "skill.case.held-out"),
        ("def run(value):\n    return [2024, 1, 2]\n", "skill.case.held-out"),
        ("def run(value):\n    return [float('nan')]\n", "skill.case.failed"),
        ("def run(value):\n    return run\n", "skill.case.failed"),
        ("import __main__\ndef run(value):\n    return __main__\n", ""),
        ("def run(value):\n    import gc\n    return [o for o in gc.get_objects() if o == [2024, 1, 2]][0]\n", ""),
        ("def run(value):\n    return open('input').read()\n", "skill.case.failed"),
    ],
)  # fmt: skip
async def test_a_candidate_that_does_not_do_the_work_is_refused(trials: SkillTrials, source: str, rule: str) -> None:
    tried = await trials.validate(source, CASES)
    assert tried.rejected is not None
    assert tried.rejected.rule.startswith(rule)


async def test_the_work_done_is_valid_and_leaves_nothing_behind(trials: SkillTrials) -> None:
    tried = await trials.validate(RIGHT, CASES)
    assert tried.rejected is None
    assert (tried.cases, tried.passed, tried.held_out) == (2, 2, 1)
    assert list(trials.folder.iterdir()) == []


async def test_cases_that_prove_nothing_are_not_even_run(trials: SkillTrials) -> None:
    for cases in ([], CASES[:1], [Case(1, None), Case(2, None, is_held_out=True)]):
        tried = await trials.validate("def run(value):\n    return None\n", cases)
        assert tried.rejected is not None
        assert tried.rejected.rule.startswith("skill.cases.")


async def test_what_would_be_right_is_nowhere_in_the_skills_world(trials: SkillTrials, tmp_path: Path) -> None:
    listing = "import os\ndef run(value):\n    return sorted(os.listdir('.'))\n"
    called = await trials.call(listing, "2024-01-02")
    assert called.answer == ["harness.py", "input", "skill.py"]
