"""What a learning engine may do by itself for one agent, earned by verified successes. Pure: records and counts are arguments.

The one place where a `Permit` is made. Nothing that an engine or an operator makes becomes a row without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NoReturn, final

from guardrails.verdict import Rejected

# A day's worth that a person can still look at. Each candidate may cost a call of a model, each mutation a run of all cases.
CANDIDATES_A_DAY: Final = 5
MUTATIONS_A_DAY: Final = 10
_SEAL: Final = object()


class Level(StrEnum):
    """How far an engine is trusted with one agent."""

    STUDENT = "student"
    INTERN = "intern"
    SUPERVISED = "supervised"
    AUTONOMOUS = "autonomous"


# Verified successes from which on a level holds.
THRESHOLDS: Final[Mapping[Level, int]] = {
    Level.STUDENT: 0,
    Level.INTERN: 5,
    Level.SUPERVISED: 20,
    Level.AUTONOMOUS: 50,
}


class Action(StrEnum):
    """What passes the gate."""

    GUIDE = "guide"
    PROPOSE = "propose"
    MUTATE = "mutate"
    PROMOTE = "promote"
    CALL = "call"


Asker = Literal["engine", "person"]

# From which level on an engine may do it by itself. What a person asks for is not a question of level, but of the rest.
_LEAST: Final[Mapping[Action, Level]] = {
    Action.GUIDE: Level.STUDENT,
    Action.PROPOSE: Level.STUDENT,
    Action.MUTATE: Level.INTERN,
    Action.PROMOTE: Level.AUTONOMOUS,
    Action.CALL: Level.STUDENT,
}


@dataclass(frozen=True, slots=True)
class Record:
    """What was verified of one engine's work for one agent.

    successes, failures: counted in all. credit: the successes that count now; a failure takes a level's worth away.
    Raises ValueError for a count below zero, or more credit than there were successes.
    """

    successes: int = 0
    failures: int = 0
    credit: int = 0

    def __post_init__(self) -> None:
        if min(self.successes, self.failures, self.credit) < 0 or self.credit > self.successes:
            raise ValueError("a record counts from 0, and its credit is no more than its successes")

    @property
    def level(self) -> Level:
        """The highest level whose threshold the credit reaches."""
        return max((level for level in Level if self.credit >= THRESHOLDS[level]), key=THRESHOLDS.__getitem__)

    def after(self, *, passed: bool) -> "Record":
        """The record after one more verified outcome: one more to the credit, or one level down, to that level's beginning."""
        if passed:
            return Record(self.successes + 1, self.failures, self.credit + 1)
        levels = list(Level)
        below = levels[max(0, levels.index(self.level) - 1)]
        return Record(self.successes, self.failures + 1, THRESHOLDS[below])


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to do, with all that decides on it.

    is_on: the user switched this engine on. today: how many candidates and mutations this agent was given today (UTC), attempts
    included.
    """

    action: Action
    by: Asker
    is_on: bool
    record: Record
    candidates_today: int
    mutations_today: int


@final
class Permit:
    """The gate's yes to one action. Holding one is the proof; only `permit` makes it."""

    __slots__ = ("_action",)

    def __init__(self, action: Action, seal: object) -> None:
        """Raises TypeError without the gate's own seal."""
        if seal is not _SEAL:
            raise TypeError("only the capability gate permits")
        object.__setattr__(self, "_action", action)

    @property
    def action(self) -> Action:
        """What was permitted, and nothing else."""
        action: Action = object.__getattribute__(self, "_action")
        return action

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a permit does not change")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a permit is not copied or stored: the gate is asked again")


def permit(asked: Asked) -> Permit | Rejected:
    """May it be done now? Rules: maturity.off, maturity.level, maturity.daily-limit."""
    if not asked.is_on:
        return Rejected(
            "maturity.off", "this engine is not switched on: name it under [skills] engines in config.toml, and restart"
        )
    level, least = asked.record.level, _LEAST[asked.action]
    if asked.by == "engine" and THRESHOLDS[level] < THRESHOLDS[least]:
        return Rejected(
            "maturity.level",
            f"at level {level} this waits for a person; from {THRESHOLDS[least]} verified successes on it does not",
            {"level": level.value, "least": least.value, "credit": asked.record.credit},
        )
    if limit := _reached(asked):
        return Rejected(
            "maturity.daily-limit", f"today's {limit} for this agent are used up: it goes on tomorrow (UTC)"
        )
    return Permit(asked.action, _SEAL)


def _reached(asked: Asked) -> str:
    """The daily limit that is reached, in words; empty where there is room."""
    match asked.action:
        case Action.PROPOSE if asked.candidates_today >= CANDIDATES_A_DAY:
            return f"{CANDIDATES_A_DAY} candidates"
        case Action.MUTATE if asked.mutations_today >= MUTATIONS_A_DAY:
            return f"{MUTATIONS_A_DAY} mutations"
        case _:
            return ""
