"""The nouns of the daemon: project, idea, trial, verdict, promotion, experiment, finding; and the table of an experiment's states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from guardrails.budget import Spent
from guardrails.evidence import Calibration, Evidence
from guardrails.verdict import Rejected
from hive_node.config.project import ProjectSpec
from protocol.deltas import Edit
from protocol.ids import EntryId


class State(StrEnum):
    """Where an experiment stands. Each is a row before what it leads to is begun."""

    CREATED = "created"
    BASELINED = "baselined"
    PROPOSED = "proposed"
    TRIED = "tried"
    JUDGED = "judged"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    FINALIZED = "finalized"
    STOPPED = "stopped"
    FAILED = "failed"


_ENDS: Final = frozenset({State.FINALIZED, State.STOPPED, State.FAILED})
_BETWEEN: Final = frozenset({State.PROPOSED}) | _ENDS
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.CREATED: frozenset({State.BASELINED, State.STOPPED, State.FAILED}),
    State.BASELINED: _BETWEEN,
    State.PROPOSED: frozenset({State.TRIED, State.REJECTED, State.STOPPED, State.FAILED}),
    State.TRIED: frozenset({State.JUDGED, State.STOPPED, State.FAILED}),
    State.JUDGED: frozenset({State.PROMOTED, State.REJECTED, State.STOPPED, State.FAILED}),
    State.PROMOTED: _BETWEEN,
    State.REJECTED: _BETWEEN,
    State.FINALIZED: frozenset(),
    State.STOPPED: frozenset(),
    State.FAILED: frozenset(),
}


class WrongState(Exception):
    """A step out of order."""

    def __init__(self, experiment: str, state: State, wanted: str) -> None:
        super().__init__(f"experiment {experiment} is {state}: it cannot {wanted} now")
        self.state = state


CheckState = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One of a doctor's checks. fix: what a person can do; empty where all is well."""

    check: str
    state: CheckState
    found: str
    fix: str = ""


Digest = str
Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Project:
    """A repository that its user handed over to be improved. task: digest of its evaluator."""

    id: str
    path: Path
    spec: ProjectSpec
    spec_text: str
    task: Digest
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Idea:
    """One variant to try: what it changes, relative to the champion it was made for, and why.

    files: every editable file that it changes, path to whole new text. variant: digest of the editable surface with it, and
    diff: of the step from the champion's surface to that one; by both the ledger knows it again, whatever its comments say.
    recipe: the entry that it came from. is_like_for_like: the champion's files were those that the recipe was measured on.
    """

    number: int
    operator: str
    words: str
    files: Files
    edits: tuple[Edit, ...]
    variant: Digest
    diff: Digest
    recipe: EntryId | None = None
    parameters: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    is_like_for_like: bool = False


@dataclass(frozen=True, slots=True)
class StepRun:
    """How one step of a run went. exit_code: None where the sandbox killed it; `ending` says why."""

    name: str
    argv: tuple[str, ...]
    exit_code: int | None
    ending: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of all steps over one tree. metrics holds only what was read without doubt.

    failure: None, or why the run gives no measurement (a rule id, then words). receipt: what was run, and where: commit, diff,
    task, environment, sandbox, limits.
    """

    metrics: Mapping[str, float]
    wall_s: float
    cpu_s: float
    failure: Rejected | None = None
    receipt: Mapping[str, object] = field(default_factory=dict)
    steps: tuple[StepRun, ...] = ()


Arm = Literal["baseline", "champion", "candidate"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What was measured of one idea.

    evidence: None when the candidate crashed or lacked a metric. guards: (pinned baseline, candidate) values by metric.
    """

    idea: int
    evidence: Evidence | None
    alpha: float
    guards: Mapping[str, tuple[tuple[float, float], ...]]
    failure: Rejected | None
    champion_value: float | None
    candidate_value: float | None
    holdout: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said of one idea, and when. rejected is None when both passed."""

    idea: int
    rejected: Rejected | None
    at: datetime


@dataclass(frozen=True, slots=True)
class IdeaRecord:
    """A line of the ledger. outcome: promoted, rejected, or None while it is open."""

    idea: Idea
    at: str
    outcome: State | None
    trial: Trial | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """An idea that passed both gates: one commit on the experiment's branch.

    guards: median change of each guard metric against the pinned baseline, positive is worse. recipe: the entry that tells the
    hive, if one does. parents: recipes that the champion holds already,
    oldest first. parent: the commit that it was measured against. is_reverted: it was taken back since.
    """

    idea: Idea
    commit: str
    before: float
    after: float
    evidence: Evidence
    guards: Mapping[str, float]
    parents: tuple[EntryId, ...] = ()
    recipe: EntryId | None = None
    parent: str = ""
    is_reverted: bool = False


class WatchState(StrEnum):
    """Where the watch over a promotion stands. `reverting` is a row before anything is taken back."""

    OPEN = "open"
    REVERTING = "reverting"
    REVERTED = "reverted"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Watch:
    """A promotion that is measured again, at intervals, beside what it replaced.

    looks: how often that was done. due_at: when it is done next. reason, decided_at: why it was taken back, or is being, and
    since when. cause: what became of the recipe behind it, `retracted` or `refuted`; is_called: that look is still to come.
    """

    experiment: str
    idea: int
    state: WatchState
    looks: int
    due_at: datetime
    reason: Rejected | None = None
    decided_at: datetime | None = None
    cause: str | None = None
    is_called: bool = False


@dataclass(frozen=True, slots=True)
class Adopted:
    """A promotion that stands and came from a recipe."""

    experiment: str
    idea: int
    task: Digest
    recipe: EntryId


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the experiment began from, measured before anything was changed, and pinned. protections: its runs' sandbox and limits."""

    calibration: Calibration
    metrics: Mapping[str, float]
    environment: str
    protections: Mapping[str, object] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The primary metric's mean."""
        return self.calibration.mean


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run of the loop over a project.

    base, champion: commits. best: the champion's metric as last measured. iteration: ideas taken up so far.
    comparisons: those among them that drew on the error budget.
    idle: rejections since the last promotion. promotions: those that stand; reverted: those that were taken back.
    gained: the sum of what stands, each measured beside its champion, as a share of the pinned baseline.
    """

    id: str
    project: str
    task: Digest
    spec: ProjectSpec
    operator: str
    is_stepwise: bool
    state: State
    branch: str
    base: str
    champion: str
    seed: int
    created_at: datetime
    baseline: Baseline | None = None
    best: float | None = None
    iteration: int = 0
    comparisons: int = 0
    idle: int = 0
    promotions: int = 0
    reverted: int = 0
    gained: float = 0.0
    rejected_constitution: int = 0
    rejected_baseline: int = 0
    spent: Spent = field(default_factory=Spent)
    stop_reason: str | None = None
    last_rejection: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in _ENDS
