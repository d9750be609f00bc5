"""What happened in an experiment, read once from its first run to its last: every failure, an even sample of the rest, sums. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from hive_node.domain import Arm, StepRun

# A failure each is told to a person or a model; beyond this they are counted, and evenly chosen among.
MOST_FAILURES: Final = 400
# What went well is told by example.
SAMPLED: Final = 60
EventKind: TypeAlias = Literal["run", "verdict", "end"]
Signature: TypeAlias = tuple[str, str]
"""Step and rule of a failure."""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of an experiment. id: `run-17`, `idea-4` or `end`; never used again for another.

    run: one run of the steps over one tree, for an idea (0: the baseline). verdict: what the gates said of an idea. end: how the
    experiment ended. rule: why it failed or was rejected, None where it was not. outcome: of a verdict. step: the one that failed.
    said: the last thing that it printed; cleaned, wherever it came through `History.say`. is_held_out: a run of the holdout, whose numbers are nobody's to see.
    """

    id: str
    at: str
    kind: EventKind
    idea: int
    arm: Arm | None = None
    rule: str | None = None
    outcome: str = ""
    step: str | None = None
    said: str = ""
    steps: tuple[StepRun, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    is_held_out: bool = False

    @property
    def is_failure(self) -> bool:
        """A run without a measurement, or an experiment that could not go on. That an idea is no better is none."""
        return self.rule is not None and self.kind != "verdict"

    @property
    def is_unchanged(self) -> bool:
        """A run of code that no idea of this moment changes."""
        return self.kind == "run" and self.arm != "candidate"

    @property
    def signature(self) -> Signature:
        """What failures of one kind have in common."""
        return self.step or "", self.rule or ""

    def line(self) -> str:
        """The event in a line."""
        where = (
            f"{self.arm} of idea {self.idea}" if self.arm else f"idea {self.idea}" if self.idea else "the experiment"
        )
        failed = f" failed in step `{self.step}`" if self.step else f" {self.rule}" if self.rule else ""
        return f"{where}{failed}{f': {self.said}' if self.said else ''}"


@dataclass(slots=True)
class StepTally:
    """What became of one step over all runs that came to it. slowest: seconds of the longest that ended by itself.

    unchanged: of those, runs over code that no idea changed; unchanged_failed, unchanged_timed_out: how many of these failed.
    """

    runs: int = 0
    failed: int = 0
    timed_out: int = 0
    slowest: float = 0.0
    lost_s: float = 0.0
    unchanged: int = 0
    unchanged_failed: int = 0
    unchanged_timed_out: int = 0

    def count(self, step: StepRun, *, is_unchanged: bool) -> None:
        """One more run of it."""
        is_late, has_failed = step.ending == "timed-out", step.ending != "exited" or step.exit_code != 0
        self.runs += 1
        self.failed += has_failed
        self.timed_out += is_late
        self.lost_s += step.wall_s if is_late else 0.0
        self.slowest = max(self.slowest, 0.0 if has_failed else step.wall_s)
        self.unchanged += is_unchanged
        self.unchanged_failed += is_unchanged and has_failed
        self.unchanged_timed_out += is_unchanged and is_late


@dataclass(slots=True)
class History:
    """An experiment's events, read one by one with `take`. total: how many are to come, so that the sample is even over all of them.

    failures: all of them, or `MOST_FAILURES` evenly chosen where there are more. runs, failed: without those of the holdout.
    signatures: how many failures of each kind there were.
    """

    experiment: str
    total: int
    events: int = 0
    runs: int = 0
    failed: int = 0
    failed_s: float = 0.0
    signatures: dict[Signature, int] = field(default_factory=dict)
    steps: dict[str, StepTally] = field(default_factory=dict)
    sample: list[RunEvent] = field(default_factory=list)
    failed_ideas: dict[int, RunEvent] = field(default_factory=dict)
    measured_ideas: set[int] = field(default_factory=set)
    _kept: list[RunEvent] = field(default_factory=list)
    _stride: int = 1

    def take(self, event: RunEvent) -> None:
        """The next event, in order."""
        if event.kind == "run" and not event.is_held_out:
            self._count(event)
        if event.is_failure:
            self._keep_failure(event)
        elif self._is_sampled():
            self.sample.append(event)
        self.events += 1

    def say(self, words: Mapping[str, str]) -> None:
        """Put cleaned words in the place of what runs printed; where there are none, nothing is said."""
        self._kept = [replace(event, said=words.get(event.said, "")) for event in self._kept]
        self.sample = [replace(event, said=words.get(event.said, "")) for event in self.sample]
        self.failed_ideas = {
            number: replace(event, said=words.get(event.said, "")) for number, event in self.failed_ideas.items()
        }

    @property
    def failures(self) -> list[RunEvent]:
        """In order; the last one is always among them."""
        return self._kept

    @property
    def told(self) -> list[RunEvent]:
        """Everything that is kept."""
        return [*self.failures, *self.sample]

    def of_step(self, step: str) -> list[RunEvent]:
        """The failures of one step."""
        return [event for event in self.failures if event.step == step]

    def _count(self, event: RunEvent) -> None:
        self.runs += 1
        for step in event.steps:
            self.steps.setdefault(step.name, StepTally()).count(step, is_unchanged=event.is_unchanged)
        if event.rule is not None:
            self.failed += 1
            self.failed_s += event.wall_s
        elif event.arm == "candidate":
            self.measured_ideas.add(event.idea)

    def _is_sampled(self) -> bool:
        # The events whose number crosses a multiple of total / SAMPLED: as many from the last tenth as from the first.
        return (
            self.total <= SAMPLED
            or (self.events * SAMPLED) // self.total != ((self.events - 1) * SAMPLED) // self.total
        )

    def _keep_failure(self, event: RunEvent) -> None:
        if event.kind == "run" and event.arm == "candidate":
            self.failed_ideas.setdefault(event.idea, event)
        if self._kept and sum(self.signatures.values()) % self._stride:
            self._kept[-1] = event  # the newest stands last, whatever the stride is
        else:
            self._kept.append(event)
        self.signatures[event.signature] = self.signatures.get(event.signature, 0) + 1
        if len(self._kept) > MOST_FAILURES:
            self._kept = [*self._kept[:-1:2], self._kept[-1]]
            self._stride *= 2


def evenly(events: Sequence[RunEvent], most: int) -> list[RunEvent]:
    """At most so many of them, spread over all, the first and the last among them."""
    if len(events) <= most:
        return list(events)
    return [events[round(number * (len(events) - 1) / (most - 1))] for number in range(most)]


def by_signature(events: Sequence[RunEvent]) -> dict[Signature, list[RunEvent]]:
    """Failures that are one and the same but for when."""
    found: dict[Signature, list[RunEvent]] = {}
    for event in events:
        found.setdefault(event.signature, []).append(event)
    return found
