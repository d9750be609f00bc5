"""`project check`: the unchanged project against itself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from hive_node.config.project import parse_project_spec
from hive_node.domain import Project, Sample, StepRun
from hive_node.improve.checking import checked
from hive_node.ports import Fault
from tests.fakes.improving import SPEC, Improving, outcome

Make = Callable[..., Awaitable[Improving]]
GUARD = '[[guard]]\nmetric = "seconds"\ndirection = "lower"\ntolerance = 0.1\n'


def sample(cost: float, seconds: float = 1.0, wall_s: float = 2.0) -> Sample:
    step = StepRun("bench", ("python",), 0, "exited", wall_s, 1.0)
    return Sample({"cost": cost, "seconds": seconds}, wall_s, 1.0, receipt={"sandbox": "bubblewrap"}, steps=(step,))


async def project(improving: Make) -> Project:
    node = await improving()
    return replace(node.project(), spec=parse_project_spec(SPEC.format(extra=GUARD)))


async def test_a_metric_that_never_varies_needs_two_runs_a_candidate(improving: Make) -> None:
    found = checked(await project(improving), [sample(5.0)] * 4).tree()
    assert (found["deterministic"], found["suggested_pairs"], found["trial_s"]) == (True, 2, 8.0)


async def test_a_noisy_metric_is_told_what_gains_it_could_show(improving: Make) -> None:
    values = [100.0, 104.0, 97.0, 101.0, 99.0, 103.0]
    found = checked(await project(improving), [sample(value) for value in values])
    pairs = list(found.pairs.values())
    assert 0.01 < found.metric.noise < 0.06
    assert found.pairs[0.01] is None, "a hundredth drowns in it"
    assert found.pairs[0.20] is not None
    assert [one for one in pairs if one is not None] == sorted((one for one in pairs if one is not None), reverse=True)


async def test_a_guard_that_trips_by_itself_and_a_time_that_is_too_short_are_warned_of(improving: Make) -> None:
    spec = await project(improving)
    jumpy = checked(spec, [sample(5.0, seconds) for seconds in (1.0, 1.2, 0.8, 1.1)])
    assert ["guard `seconds`" in one for one in jumpy.warnings] == [True]
    slow = checked(spec, [sample(5.0, wall_s=20.0)] * 2)
    assert ["step `bench` took 20.0 s" in one for one in slow.warnings] == [True]
    assert checked(spec, [sample(5.0)] * 2).warnings == ()


async def test_it_measures_both_trees_and_leaves_none_behind(improving: Make) -> None:
    node = await improving()
    found = await node.checker.check(node.project(), 5)
    assert found.metric.n == 5
    assert node.sandbox.runs == ["candidate", "champion", "candidate", "champion", "candidate"]
    assert node.worktrees() == []


async def test_a_project_that_cannot_be_measured_says_why(improving: Make) -> None:
    node = await improving()
    node.sandbox.answer = lambda _tree, _command: outcome(exit_code=3, stderr=b"no such table\n")
    with pytest.raises(Fault, match="no such table") as refused:
        await node.checker.check(node.project(), 2)
    assert refused.value.code == "trial.step-failed"
    assert node.worktrees() == []
