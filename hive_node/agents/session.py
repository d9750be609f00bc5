"""An agent that is looked after, its sessions, and the contests between its champion and a challenger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from guardrails.evidence.coin import ArmsEnd, CoinPolicy, Outcome, Wager, weigh
from hive_node.agents.signals import Signals
from hive_node.agents.variant import Digest
from protocol.deltas import ShareLevel

# A new challenger when so many sessions had a signal since the last decision.
SESSIONS_BETWEEN: Final = 20
# A contest that nobody decides is over after so many days: what was true of the agent when it began may be no more.
MOST_DAYS: Final = 60
# A promotion is looked after for so many scored sessions.
WATCHED_SESSIONS: Final = 20
# Why a watch took a champion back, as its successor's reign says it.
FELL: Final = "fell under watch"


class Ending(StrEnum):
    """Where a contest stands. Everything but `running` is final."""

    RUNNING = "running"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABORTED = "aborted"


_ENDINGS: Final[Mapping[ArmsEnd, tuple[Ending, str]]] = {
    ArmsEnd.PROMOTED: (Ending.PROMOTED, "better by evidence"),
    ArmsEnd.HARM: (Ending.REJECTED, "harm: its sessions went worse"),
    ArmsEnd.FUTILITY: (Ending.REJECTED, "futility: it will not be shown to be better any more"),
    ArmsEnd.EXPIRED: (Ending.EXPIRED, "sessions: as many as it was given, and no decision"),
}


class Arm(StrEnum):
    """Which of the two a session was given."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True)
class Reign:
    """A champion since `at`. before: index of the reign that it is taken back to; None for the first."""

    digest: Digest
    at: datetime
    reason: str
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A coding agent in a folder (or anywhere, for `generic`) whose configuration evolves.

    reigns: its champions, oldest first, each rollback a reign of its own. decided_at: the last decision of any kind; sessions are
    counted from there for the next challenger. seed: of every draw that makes a challenger. watched_floor: while a promotion is
    looked after, the mean score of what it replaced. micro_dollars: what its language model may cost; spent: what it did, or may
    have, each call written down at its most before it is made.
    """

    id: str
    kind: str
    folder: Path | None
    share: ShareLevel
    seed: int
    added_at: datetime
    decided_at: datetime
    reigns: tuple[Reign, ...]
    max_sessions: int = CoinPolicy().max_sessions
    max_days: int = MOST_DAYS
    weights: Mapping[str, float] = field(default_factory=dict)
    watched_floor: float | None = None
    micro_dollars: int = 0
    spent: int = 0

    @property
    def champion(self) -> Digest:
        return self.reigns[-1].digest

    @property
    def policy(self) -> CoinPolicy:
        return CoinPolicy(max_sessions=self.max_sessions)

    def crown(self, digest: Digest, at: datetime, reason: str) -> "Agent":
        """With a new champion."""
        reign = Reign(digest, at, reason, len(self.reigns) - 1)
        return replace(self, reigns=(*self.reigns, reign), decided_at=at, watched_floor=None)

    def earlier(self, digest: Digest | None) -> int | None:
        """The reign to go back to: of `digest`, or the one that the present champion replaced; None where there is none."""
        if digest is None:
            return self.reigns[-1].before
        found = [index for index, reign in enumerate(self.reigns) if reign.digest == digest]
        return found[-1] if found and digest != self.champion else None

    def return_to(self, reign: int, at: datetime, reason: str) -> "Agent":
        """With an earlier champion again, and what it replaced in its time below it: twice in a row goes back twice."""
        earlier = self.reigns[reign]
        again = Reign(earlier.digest, at, reason, earlier.before)
        return replace(self, reigns=(*self.reigns, again), decided_at=at, watched_floor=None)


@dataclass(frozen=True, slots=True)
class Contest:
    """Champion against challenger over live sessions. operator: the axis that was varied.

    lot: as Wager.lot; told to nobody while it runs, so that nobody can end it where the lot is good.
    """

    agent: str
    number: int
    champion: Digest
    challenger: Digest
    operator: str
    idea: str
    started_at: datetime
    state: Ending = Ending.RUNNING
    reason: str | None = None
    ended_at: datetime | None = None
    lot: float = 1.0

    def of(self, arm: Arm) -> Digest:
        """The variant that sessions of this arm are given."""
        return self.champion if arm is Arm.CHAMPION else self.challenger


@dataclass(frozen=True, slots=True)
class Session:
    """One session of an agent; a row before it begins.

    contest: the number of the one that was running when it began. scored_at: when it first had a score, at its end or by a
    later word of its user's; it counts from then on, and its place among the others stays. transcript: where the agent writes
    down what happened, for as long as the session is open; is_pending: there may be something new in it.
    """

    agent: str
    id: str
    variant: Digest
    arm: Arm
    contest: int | None
    started_at: datetime
    seen_at: datetime
    closed_at: datetime | None = None
    scored_at: datetime | None = None
    is_open: bool = True
    is_pending: bool = False
    transcript: str | None = None
    signals: Signals = field(default_factory=Signals)
    score: float | None = None

    @property
    def counts(self) -> bool:
        """Whether it was over, and had a signal."""
        return self.scored_at is not None and self.score is not None


def outcomes(contest: Contest, sessions: Iterable[Session]) -> list[Outcome]:
    """What decides a contest: its sessions that count, in the order in which they were first scored.

    What was first scored after the contest had ended decided nothing, and is not among them.
    """
    its = [one for one in sessions if one.counts and one.contest == contest.number]
    counted = [(one.scored_at, one.id, one) for one in its if one.scored_at is not None]
    if contest.ended_at is not None:
        counted = [entry for entry in counted if entry[0] <= contest.ended_at]
    counted.sort(key=lambda entry: entry[:2])
    scored = [(one.arm is Arm.CHALLENGER, one.score) for _, _, one in counted]
    return [Outcome(challenged, value) for challenged, value in scored if value is not None]


def evidence(contest: Contest, sessions: Iterable[Session], policy: CoinPolicy) -> Wager:
    """What those sessions say."""
    return weigh(outcomes(contest, sessions), policy, contest.lot)


def ending(wager: Wager) -> tuple[Ending, str] | None:
    """How a contest ends by its evidence, and why; None while it goes on."""
    end = wager.end()
    if end is None:
        return None
    state, reason = _ENDINGS[end]
    if end is ArmsEnd.EXPIRED or (end is ArmsEnd.PROMOTED and not wager.has_reached_the_goal):
        asked = max(1.0, wager.policy.threshold * wager.lot)
        reason += (
            f"; {wager.wealth:.1f} after the last session, where a lot drawn before the first one asked for {asked:.1f}"
        )
    return state, reason


def missing(contest: Contest, sessions: Iterable[Session], arm: Arm) -> int:
    """Sessions of that arm that are over and had no signal."""
    return sum(
        one.contest == contest.number and one.arm is arm and one.closed_at is not None and one.score is None
        for one in sessions
    )
