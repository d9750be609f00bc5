"""What a session's course says of it, as counts; and the score that they make. No text of anybody's is in here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from guardrails.evidence.pairs import median

TestState: TypeAlias = Literal["green", "red"]

# What a person says of a session outweighs what its course suggests.
EXPLICIT_WEIGHT: Final = 5.0
IMPLICIT_WEIGHT: Final = 1.0
# A median of fewer sessions says too little of what is usual here.
LEAST_FOR_MEDIAN: Final = 5
# One failed tool call in ten is an ordinary day; one in two is a session that went wrong throughout.
_ERRORS_AT_NOTHING: Final = 0.5


@dataclass(frozen=True, slots=True)
class Signals:
    """Counts of one session.

    good, bad: what people said of it in so many words. tests: how they ended; a red that turned green is green. tool_calls,
    tool_errors: results, and those that were errors other than tests. interruptions: the agent was stopped by hand. thanks,
    corrections, undos: of the user's messages, how many were one. cleared: it ended by throwing its context away. tokens:
    read and written, what came from a cache left out. seconds: from its first line to its last.
    """

    good: int = 0
    bad: int = 0
    tests: TestState | None = None
    tool_calls: int = 0
    tool_errors: int = 0
    interruptions: int = 0
    thanks: int = 0
    corrections: int = 0
    undos: int = 0
    cleared: bool = False
    turns: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def with_course(self, course: "Signals") -> "Signals":
        """The same words of people, with a later reading of the session's course."""
        return replace(course, good=self.good, bad=self.bad, cleared=self.cleared or course.cleared)

    def plus(self, other: "Signals") -> "Signals":
        """Both together, `other` the later one: for agents of which several runs make one session."""
        return Signals(
            good=self.good + other.good,
            bad=self.bad + other.bad,
            tests=other.tests or self.tests,
            tool_calls=self.tool_calls + other.tool_calls,
            tool_errors=self.tool_errors + other.tool_errors,
            interruptions=self.interruptions + other.interruptions,
            thanks=self.thanks + other.thanks,
            corrections=self.corrections + other.corrections,
            undos=self.undos + other.undos,
            cleared=self.cleared or other.cleared,
            turns=self.turns + other.turns,
            tokens=self.tokens + other.tokens,
            seconds=self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Usual:
    """What sessions of a project take: medians. None while too few are known."""

    tokens: float | None = None
    seconds: float | None = None


def usual(sessions: Sequence[Signals]) -> Usual:
    """The medians of these sessions, those left out that took nothing."""
    return Usual(
        _median([float(one.tokens) for one in sessions if one.tokens]),
        _median([one.seconds for one in sessions if one.seconds]),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that speaks for or against a session. value: 0 to 1."""

    name: str
    value: float
    weight: float


def parts(signals: Signals, usually: Usual) -> list[Part]:
    """Everything that the session said of itself. What it took speaks only beside something else: short is not yet good."""
    found = [*_explicit(signals), *_implicit(signals)]
    return found + _costs(signals, usually) if found else []


def score(signals: Signals, usually: Usual) -> float | None:
    """The weighted mean, 0 to 1; None where there was no signal: the session is missing, and counts as that."""
    found = parts(signals, usually)
    weight = sum(part.weight for part in found)
    return sum(part.value * part.weight for part in found) / weight if found else None


def _explicit(signals: Signals) -> list[Part]:
    said = signals.good + signals.bad
    return [Part("explicit", signals.good / said, EXPLICIT_WEIGHT)] if said else []


def _implicit(signals: Signals) -> list[Part]:
    spoken = signals.thanks + signals.corrections
    found: list[tuple[str, float | None]] = [
        ("tests", {"green": 1.0, "red": 0.0, None: None}[signals.tests]),
        ("cleared", 0.0 if signals.cleared else None),
        ("undo", 0.0 if signals.undos else None),
        ("words", signals.thanks / spoken if spoken else None),
        ("tool-errors", _of_errors(signals) if signals.tool_calls else None),
        ("interruptions", 1.0 / (1 + 2 * signals.interruptions) if signals.interruptions else None),
    ]
    return [Part(name, value, IMPLICIT_WEIGHT) for name, value in found if value is not None]


def _of_errors(signals: Signals) -> float:
    return max(0.0, 1.0 - signals.tool_errors / signals.tool_calls / _ERRORS_AT_NOTHING)


def _costs(signals: Signals, usually: Usual) -> list[Part]:
    """½ for the usual, 1 for nothing at all, 0 for twice as much."""
    pairs = (("tokens", float(signals.tokens), usually.tokens), ("seconds", signals.seconds, usually.seconds))
    return [Part(name, max(0.0, 1.0 - took / 2 / mid), IMPLICIT_WEIGHT) for name, took, mid in pairs if took and mid]


def _median(values: list[float]) -> float | None:
    return median(values) if len(values) >= LEAST_FOR_MEDIAN else None
