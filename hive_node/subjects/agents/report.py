"""What a person or a program is told of an agent: who leads, by how much, how sure, what happens next, and all that was tried."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from guardrails.evidence.coin import ArmSums, Wager
from hive_node.agents.session import (
    SESSIONS_BETWEEN,
    WATCHED_SESSIONS,
    Agent,
    Arm,
    Contest,
    Ending,
    Session,
    evidence,
    missing,
    outcomes,
)
from hive_node.agents.signals import parts, usual
from hive_node.agents.variant import Descent, Variant, difference
from hive_node.agents.wording import instructions
from hive_node.ports.agents import AgentShelf, SessionCounts

# Scores of fewer sessions are no ground for a word about who leads.
_LEAST_TOLD: Final = 5
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that is known of an agent, read at one time."""

    agent: Agent
    descents: Mapping[str, Descent]
    contests: Sequence[Contest]
    sessions: Sequence[Session]
    counts: SessionCounts
    fresh: int
    trouble: str | None
    now: datetime

    @property
    def running(self) -> Contest | None:
        found = [one for one in self.contests if one.state is Ending.RUNNING]
        return found[0] if found else None


async def dossier(
    shelf: AgentShelf, agent: Agent, trouble: str | None, now: datetime, *, is_whole: bool = False
) -> Dossier:
    """Read it; only what an overview needs, unless the whole is wanted. Raises StoreError."""
    descents = {one.digest: one for one in await shelf.descents(agent.id)}
    fresh = len(await shelf.signalled_since(agent.id, agent.decided_at))
    contests, counts = await shelf.contests(agent.id), await shelf.counts(agent.id)
    running = next((one.number for one in contests if one.state is Ending.RUNNING), 0)
    sessions = await shelf.sessions(agent.id, contest=None if is_whole else running)
    return Dossier(agent, descents, contests, sessions, counts, fresh, trouble, now)


def overview(found: Dossier) -> dict[str, Any]:
    """The agent in a screenful."""
    agent, running = found.agent, found.running
    return {
        "id": agent.id,
        "kind": agent.kind,
        "folder": str(agent.folder) if agent.folder else None,
        "share": agent.share.value,
        "added_at": agent.added_at.isoformat(),
        "champion": _variant(found, agent.champion),
        "reigns": [_reign(found, index) for index in range(len(agent.reigns))],
        "sessions": asdict(found.counts),
        "contest": _contest(found, running) if running else None,
        "next": _next(found),
        "costs": {"dollars": agent.spent / _MICRO, "cap": agent.micro_dollars / _MICRO},
        "trouble": found.trouble,
    }


def report(found: Dossier) -> dict[str, Any]:
    """The overview with every contest, and the lineage."""
    lineage = [_variant(found, digest) for digest in found.descents]
    return {**overview(found), "contests": [_contest(found, one) for one in found.contests], "variants": lineage}


def session_row(session: Session, others: Sequence[Session]) -> dict[str, Any]:
    """One session: its arm, its score, and what the score is made of."""
    usually = usual([one.signals for one in others if one.id != session.id])
    return {
        "id": session.id,
        "agent": session.agent,
        "arm": session.arm.value,
        "contest": session.contest,
        "variant": session.variant,
        "started_at": session.started_at.isoformat(),
        "seen_at": session.seen_at.isoformat(),
        "open": session.is_open,
        "score": session.score,
        "signals": {part.name: round(part.value, 4) for part in parts(session.signals, usually)},
    }


def _variant(found: Dossier, digest: str) -> dict[str, Any]:
    descent = found.descents[digest]
    return {
        "digest": digest,
        "parent": descent.parent,
        "operator": descent.operator,
        "idea": descent.idea,
        "at": descent.at.isoformat(),
        "variant": descent.variant.tree(),
    }


def _reign(found: Dossier, index: int) -> dict[str, Any]:
    reign = found.agent.reigns[index]
    return {"digest": reign.digest, "since": reign.at.isoformat(), "reason": reign.reason}


def _contest(found: Dossier, contest: Contest) -> dict[str, Any]:
    wager = evidence(contest, found.sessions, found.agent.policy)
    before, after = found.descents[contest.champion].variant, found.descents[contest.challenger].variant
    return {
        "number": contest.number,
        "operator": contest.operator,
        "idea": contest.idea,
        "changes": {name: list(pair) for name, pair in difference(before, after).items()},
        "says": {"more": _lines(after, before), "less": _lines(before, after)},
        "champion": contest.champion,
        "challenger": contest.challenger,
        "state": contest.state.value,
        "reason": contest.reason,
        "started_at": contest.started_at.isoformat(),
        "ended_at": contest.ended_at.isoformat() if contest.ended_at else None,
        "arms": {
            "champion": _arm(wager.champion, missing(contest, found.sessions, Arm.CHAMPION)),
            "challenger": _arm(wager.challenger, missing(contest, found.sessions, Arm.CHALLENGER)),
        },
        "gain": wager.gain,
        "e_value": wager.wealth,
        "threshold": found.agent.policy.threshold,
        "leads": _leads(wager),
        "path": _path(found, contest),
        "sessions_left": max(0, found.agent.max_sessions - wager.sessions),
        "ends_at": (contest.started_at + timedelta(days=found.agent.max_days)).isoformat(),
    }


def _lines(one: Variant, other: Variant) -> list[str]:
    """What the first is told and the second is not."""
    known = set(instructions(other).split("\n"))
    return [line for line in instructions(one).split("\n") if line and line not in known]


def _path(found: Dossier, contest: Contest) -> list[float]:
    """The e-value after each session."""
    wager, path = Wager(found.agent.policy), []
    for outcome in outcomes(contest, found.sessions):
        wager.add(outcome)
        path.append(wager.wealth)
    return path


def _arm(sums: ArmSums, without: int) -> dict[str, Any]:
    return {"n": sums.n, "mean": sums.mean, "missing": without}


def _leads(wager: Wager) -> str | None:
    """The arm with the better mean; None while that says nothing."""
    if wager.gain is None or min(wager.champion.n, wager.challenger.n) < _LEAST_TOLD or not wager.gain:
        return None
    return (Arm.CHALLENGER if wager.gain > 0 else Arm.CHAMPION).value


def _next(found: Dossier) -> str:
    """What happens next, in a sentence."""
    agent, running = found.agent, found.running
    if running is not None:
        return (
            f"Each new session draws its arm. The challenger is promoted at an e-value of {agent.policy.threshold:.1f}, and let go where it can no longer "
            f"be reached. After {agent.max_sessions} scored sessions a lot drawn beforehand says how much less is enough; on "
            f"{running.started_at + timedelta(days=agent.max_days):%Y-%m-%d} the contest ends undecided."
        )
    if agent.watched_floor is not None:
        return (
            f"The champion is watched for its first {WATCHED_SESSIONS} scored sessions ({min(found.fresh, WATCHED_SESSIONS)} so far): should their mean be below "
            f"{agent.watched_floor:.2f} by evidence, the one before it returns."
        )
    left = max(0, SESSIONS_BETWEEN - found.fresh)
    return f"A challenger is made after {left} more scored {'session' if left == 1 else 'sessions'}; `agent roll` makes one now."
