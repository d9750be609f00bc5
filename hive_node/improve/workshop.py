"""What the stages of one experiment share, and the values that move from stage to stage."""

from collections.abc import Callable
from dataclasses import dataclass, field

from guardrails.constitution import Constitution
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Idea, Trial, Verdict
from hive_node.improve.brake import Brake
from hive_node.improve.past import Past
from hive_node.ports import Chance, Clock, Ledger, Operator, Publisher
from hive_node.subjects.code import CodeSubject


@dataclass(frozen=True, slots=True)
class Workshop:
    """One experiment's parts. halt: why nothing may be promoted now, or None. brake: how it is made to end early."""

    ledger: Ledger
    subject: CodeSubject
    operator: Operator
    constitution: Constitution
    publisher: Publisher
    clock: Clock
    chance: Chance
    halt: Callable[[], str | None]
    brake: Brake = field(default_factory=Brake)
    past: Past = field(default_factory=Past)


@dataclass(frozen=True, slots=True)
class Proposed:
    """An idea that is a row."""

    experiment: Experiment
    idea: Idea


@dataclass(frozen=True, slots=True)
class Tried:
    """An idea with its measurement, or with the reason why it was not run."""

    experiment: Experiment
    idea: Idea
    trial: Trial | Rejected


@dataclass(frozen=True, slots=True)
class Judged:
    """An idea with what the gates said. trial is None where it was not run."""

    experiment: Experiment
    idea: Idea
    trial: Trial | None
    verdict: Verdict


class Halted(Exception):
    """Nothing is promoted while the hive, or this node, is halted. The experiment waits where it is."""
