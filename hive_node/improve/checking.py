"""A/A: the unchanged project against itself. How noisy is it, what would a trial cost, and could it show a gain at all?"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from guardrails.evidence import Calibration, calibrate, pairs_for
from guardrails.evidence.pairs import median
from hive_node.domain import Arm, Project, Sample
from hive_node.improve.brake import Brake
from hive_node.improve.measuring import MAX_PAIRS, in_words
from hive_node.ports import Fault
from hive_node.subjects.code import CodeSubject

logger = logging.getLogger(__name__)

_GAINS: Final = (0.01, 0.02, 0.05, 0.10, 0.20)
# A guard whose noise is half its tolerance is as likely to be tripped by the machine as by a candidate.
_GUARD_MARGIN: Final = 0.5
_TIME_MARGIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Checked:
    """What repeated runs of one and the same commit showed. run_s, cpu_s: the median run's.

    pairs: about how many a first candidate takes, by its relative gain; None where that is more than a trial may take.
    """

    metric: Calibration
    guards: Mapping[str, Calibration]
    run_s: float
    cpu_s: float
    pairs: Mapping[float, int | None]
    sandbox: str
    warnings: tuple[str, ...]

    @property
    def trial_s(self) -> float:
        """About how long a trial takes: two runs a pair, the suggested number of pairs."""
        pairs = 2 if self.metric.deterministic else min(self.metric.suggested_pairs, MAX_PAIRS)
        return 2 * pairs * self.run_s

    def tree(self) -> dict[str, object]:
        """As JSON."""
        return {
            "runs": self.metric.n,
            "mean": self.metric.mean,
            "noise": self.metric.noise,
            "deterministic": self.metric.deterministic,
            "suggested_pairs": 2 if self.metric.deterministic else self.metric.suggested_pairs,
            "pairs_by_gain": {f"{gain:g}": pairs for gain, pairs in self.pairs.items()},
            "guards": {
                name: {"mean": one.mean, "noise": one.noise, "deterministic": one.deterministic}
                for name, one in self.guards.items()
            },
            "run_s": self.run_s,
            "cpu_s": self.cpu_s,
            "trial_s": self.trial_s,
            "sandbox": self.sandbox,
        }


@dataclass(slots=True)
class Checker:
    """Measures projects against themselves, one at a time, within the places that trials have."""

    open_subject: Callable[[Project], Awaitable[CodeSubject]]
    trials_at_once: asyncio.Semaphore
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self, project: Project, runs: int) -> Checked:
        """Run the project's last commit `runs` times, at least twice. Raises Fault where a run gives no measurement."""
        async with self._turn:
            subject = await self.open_subject(project)
            try:
                async with Brake().turn(self.trials_at_once):
                    samples = [await self._run(subject, number) for number in range(max(2, runs))]
            finally:
                await asyncio.shield(subject.close())
        return checked(project, samples)

    async def _run(self, subject: CodeSubject, number: int) -> Sample:
        # In turn in the two trees that a trial compares: what differs between them would show here.
        arm: Arm = "champion" if number % 2 else "candidate"
        sample = await subject.measure(arm)
        if sample.failure:
            raise Fault(sample.failure.rule, f"the unchanged project cannot be measured: {in_words(sample.failure)}")
        return sample


def checked(project: Project, samples: list[Sample]) -> Checked:
    """What these runs of one and the same commit show."""
    spec = project.spec
    metric = calibrate([sample.metrics[spec.metric.name] for sample in samples])
    guards = {one.metric: calibrate([sample.metrics[one.metric] for sample in samples]) for one in spec.guard}
    run_s = median([sample.wall_s for sample in samples])
    result = Checked(
        metric=metric,
        guards=guards,
        run_s=run_s,
        cpu_s=median([sample.cpu_s for sample in samples]),
        pairs={gain: _pairs(metric, gain) for gain in _GAINS if gain >= spec.metric.min_effect},
        sandbox=str(samples[0].receipt.get("sandbox", "")),
        warnings=(*_guard_warnings(project, guards), *_time_warnings(project, samples)),
    )
    logger.info("project checked", extra={"project": project.id, "noise": metric.noise, "run_s": run_s})
    return result


def _pairs(metric: Calibration, gain: float) -> int | None:
    if metric.deterministic:
        return 2
    pairs = pairs_for(metric.noise, gain)
    return pairs if pairs <= MAX_PAIRS else None


def _guard_warnings(project: Project, guards: Mapping[str, Calibration]) -> list[str]:
    return [
        f"guard `{one.metric}` varies by {guards[one.metric].noise:.1%} from run to run, its tolerance is {one.tolerance:.1%}: "
        "good candidates will be rejected by chance; widen it, or measure for longer"
        for one in project.spec.guard
        if guards[one.metric].noise > _GUARD_MARGIN * one.tolerance
    ]


def _time_warnings(project: Project, samples: list[Sample]) -> list[str]:
    longest: dict[str, float] = {}
    for sample in samples:
        for step in sample.steps:
            longest[step.name] = max(longest.get(step.name, 0.0), step.wall_s)
    return [
        f"step `{step.name}` took {longest[step.name]:.1f} s of its {step.timeout_s:g} s: a busy machine would kill it; give it more"
        for step in project.spec.step
        if longest.get(step.name, 0.0) > _TIME_MARGIN * step.timeout_s
    ]
