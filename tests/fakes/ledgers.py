"""An experiment and the lines of its ledger, made by hand: for operators, which look at nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from guardrails.evidence import Evidence, calibrate
from guardrails.verdict import Rejected
from hive_node.config.project import parse_project_spec
from hive_node.domain import Baseline, Experiment, Files, Idea, IdeaRecord, State, Trial, Verdict
from hive_node.improve.propose import make_idea
from hive_node.ports import Draft, Fault, Situation
from tests.fakes.improving import SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOBS = {"src/knobs.py": "SIZE = 8\nRATE = 2\n\n\ndef pack():\n    return SIZE\n"}


def experiment(extra: str = "", *, seed: int = 1, best: float = 10.0, is_noisy: bool = False) -> Experiment:
    baseline = Baseline(calibrate([best, best + is_noisy]), {"cost": best}, "test")
    return Experiment(
        id="p-1", project="p", task="0" * 64, spec=parse_project_spec(SPEC.format(extra=extra)), operator="auto",
        is_stepwise=False, state=State.BASELINED, branch="b", base="0", champion="0", seed=seed, created_at=NOW,
        baseline=baseline, best=best,
    )  # fmt: skip


def evidence(gain: float) -> Evidence:
    return Evidence(2, gain, 0.0, gain, None, None, None, True)


def record(
    number: int,
    operator: str = "tune",
    *,
    champion: Files = KNOBS,
    files: Files | None = None,
    gain: float | None = None,
    rule: str | None = "baseline.not-better",
    **parameters: Any,
) -> IdeaRecord:
    """An idea and its end. gain None: it crashed. rule None: it was promoted."""
    idea: Idea = make_idea(Draft(operator, f"idea {number}", files or {}, parameters=parameters), champion, number)
    rejected = Rejected(rule, "x") if rule else None
    failure = Rejected("trial.step-failed", "x") if gain is None else None
    trial = Trial(number, None if gain is None else evidence(gain), 0.01, {}, failure, 10.0, None)
    outcome = State.REJECTED if rejected else State.PROMOTED
    return IdeaRecord(idea, "", outcome, trial, Verdict(number, failure or rejected, NOW))


def ledger_of(outcomes: Mapping[str, tuple[int, int]]) -> list[IdeaRecord]:
    """By operator: how many of its ideas were promoted, and how many not."""
    lines: list[IdeaRecord] = []
    for operator, (promoted, failed) in outcomes.items():
        lines += [record(0, operator, gain=0.1, rule=None)] * promoted + [record(0, operator, gain=-0.1)] * failed
    return [replace(line, idea=replace(line.idea, number=number)) for number, line in enumerate(lines, 1)]


def situation(ledger: Sequence[IdeaRecord] = (), champion: Files = KNOBS, **options: Any) -> Situation:
    return Situation(experiment(**options), champion, KNOBS, list(ledger))


@dataclass
class Maker:
    """An operator with ideas without end, or none, or a fault."""

    name: str
    has_ideas: bool = True
    fault: Fault | None = None
    seen: list[Situation] = field(default_factory=list)

    async def draft(self, situation: Situation) -> Draft | None:
        self.seen.append(situation)
        if self.fault:
            raise self.fault
        return Draft(self.name, "x", {"src/knobs.py": "SIZE = 9\n"}) if self.has_ideas else None
