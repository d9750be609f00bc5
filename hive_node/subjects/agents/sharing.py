"""What contests tell the hive: sums by arm and the axis that was varied. Never a word of a variant, a prompt or a session."""

from dataclasses import dataclass

from guardrails.evidence.coin import ArmSums, Wager
from hive_node.agents.session import FELL, Agent, Contest, Ending
from hive_node.ports import News, Publisher
from protocol.deltas import Arm, ArmEvidence, Retract, ShareLevel
from protocol.ids import EntryId, sha256_hex

_DECIDED = frozenset({Ending.PROMOTED, Ending.REJECTED, Ending.EXPIRED})


def task_of(kind: str) -> str:
    """The digest that all nodes' contests of one kind of agent go by."""
    return sha256_hex(f"agent-config:{kind}".encode())


@dataclass(frozen=True, slots=True)
class AgentNews:
    """The share flow for contests. Told once each, whatever happens in between."""

    publisher: Publisher

    async def tell(self, agent: Agent, contest: Contest, wager: Wager) -> None:
        """The contest's sums, once it was decided; and that they are taken back, where what it promoted fell."""
        if agent.share is ShareLevel.NONE or contest.state not in _DECIDED or not wager.sessions:
            return
        arms = (_arm(wager.champion), _arm(wager.challenger))
        variants = (contest.champion, contest.challenger)
        body = ArmEvidence(task=task_of(agent.kind), variants=variants, axis=contest.operator, arms=arms)
        entry = await self.publisher.publish(News(f"arm-evidence:{agent.id}:{contest.number}", body, agent.share))
        if entry is not None and _has_fallen(agent, contest):
            await self._retract(agent, contest, entry)

    async def _retract(self, agent: Agent, contest: Contest, entry: EntryId) -> None:
        body = Retract(entry=entry, reason="what was promoted fell when it was watched")
        await self.publisher.publish(News(f"retract-arms:{agent.id}:{contest.number}", body, agent.share))


def _has_fallen(agent: Agent, contest: Contest) -> bool:
    """Whether a watch took back what this contest promoted."""
    following = [
        after
        for before, after in zip(agent.reigns, agent.reigns[1:], strict=False)
        if before.digest == contest.challenger
    ]
    return contest.state is Ending.PROMOTED and any(one.reason == FELL for one in following)


def _arm(sums: ArmSums) -> Arm:
    return Arm(n=sums.n, sum=sums.sum, sum_sq=sums.sum_sq)
