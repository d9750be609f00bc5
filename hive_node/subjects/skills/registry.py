"""The registry: what an agent may list and call, and what a person decides."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from guardrails.verdict import Rejected
from hive_node.ports import Chance, NotFound
from hive_node.ports.skills import SkillCounts, SkillFault, SkillShelf, Tell, Which
from hive_node.skills.case import Case, digest_of, is_same
from hive_node.skills.event import Kind, Report
from hive_node.skills.fitness import Fitness, Score
from hive_node.skills.skill import State, Version
from hive_node.subjects.skills.promoting import Promoter
from hive_node.subjects.skills.trial import Called, SkillTrials
from protocol.wire import JsonValue, dump_json

# What is kept of a call's input and answer for whoever learns from it; more is somebody's file.
_KEPT_BYTES: Final = 64 * 1024
_KEY_BYTES: Final = 16
_REJECTABLE: Final = frozenset({State.WANTED, State.UNAVAILABLE, State.PROPOSED, State.REFUSED, State.VALIDATED})


@dataclass(frozen=True, slots=True)
class Execution:
    """One call. is_right: None where nobody said what is right. key: of the event that tells of it."""

    version: Version
    called: Called
    is_right: bool | None
    key: str


@dataclass(frozen=True, slots=True)
class Registry:
    """records: what is counted while skills are used. tell: takes in the event of a call. wanted: wakes the bench."""

    shelf: SkillShelf
    records: SkillCounts
    trials: SkillTrials
    promoter: Promoter
    fitness: Fitness
    tell: Tell
    wanted: asyncio.Event
    chance: Chance

    async def listed(self, which: Which, *, every: bool) -> list[Version]:
        """Promoted versions; of each skill the newest state where `every` is asked for."""
        return await self.shelf.newest(which) if every else await self.shelf.all(which, frozenset({State.PROMOTED}))

    async def call(
        self, skill: str, given: JsonValue, which: Which, expected: JsonValue = None, *, is_known: bool = False
    ) -> Execution:
        """Call the promoted version. is_known: `expected` is the right answer. Raises NotFound, SkillFault, SandboxFault."""
        version = await self._promoted(skill, which)
        if (rejected := await self.shelf.ask_to_call(version)) is not None:
            raise SkillFault(rejected.rule, rejected.reason)
        called = await self.trials.call(version.source, given)
        is_right = (not called.problem and is_same(called.answer, expected)) if is_known else None
        if is_right is not None:
            await self.records.verified(version, digest_of(given), passed=is_right)
        key = f"call-{self.chance.token_bytes(_KEY_BYTES).hex()}"
        await self.tell([_report(version, called, key, given, {"expected": expected} if is_known else {}, is_right)])
        return Execution(version, called, is_right, key)

    async def approve(self, skill: str, number: int | None) -> Version:
        """A person's *yes* to a validated version, the newest unless told. Raises NotFound, SkillFault, SandboxFault."""
        return await self.promoter.approve(await self._chosen(skill, number, frozenset({State.VALIDATED})))

    async def reject(self, skill: str, number: int | None, reason: str) -> Version:
        """A person's *no*; it is not asked again. Raises NotFound, SkillFault."""
        version = await self._chosen(skill, number, _REJECTABLE)
        rejected = Rejected("skill.rejected", reason)
        return await self.shelf.move(version.state, replace(version, state=State.REJECTED, reason=rejected))

    async def retry(self, skill: str) -> Version:
        """Another attempt where the last came to nothing. Raises NotFound, SkillFault."""
        return self._begun(await self.shelf.reopen(skill, by="person"))

    async def mutate(self, skill: str, words: str) -> Version:
        """A change of the promoted version, as a person wishes it. Raises NotFound, SkillFault."""
        return self._begun(await self.shelf.mutate(skill, words, by="person"))

    async def add_case(self, skill: str, given: JsonValue, expected: JsonValue) -> int:
        """One more case; 0 where only the answer to a known input was corrected. Raises NotFound."""
        return await self.shelf.add_cases(skill, [Case(given, expected)])

    async def signal(self, skill: str, key: str, objective: str, value: float) -> bool:
        """What was told later of the promoted version; False where the key was told before. Raises NotFound."""
        version = await self._promoted(skill, Which())
        return await self.records.signal(skill, version.number, key, objective, value)

    async def score(self, version: Version) -> Score:
        """How good it is, by all that is known."""
        return self.fitness.score(await self.records.measures(version))

    async def _promoted(self, skill: str, which: Which) -> Version:
        versions = await self.shelf.versions(skill)
        if not which.holds(versions[0].scope):
            raise NotFound("skill.unknown", f"there is no skill {skill!r}: `hive-node skill list` shows them")
        found = next((one for one in versions if one.state is State.PROMOTED), None)
        if found is None:
            raise SkillFault(
                "skill.not-promoted", f"{skill} has no promoted version yet: `hive-node skill show {skill}` tells why"
            )
        return found

    async def _chosen(self, skill: str, number: int | None, states: frozenset[State]) -> Version:
        versions = await self.shelf.versions(skill)
        if number is not None:
            versions = [one for one in versions if one.number == number]
            if not versions:
                raise NotFound("skill.unknown", f"{skill} has no version {number}")
        return next((one for one in reversed(versions) if one.state in states), versions[-1])

    def _begun(self, answer: Version | Rejected) -> Version:
        if isinstance(answer, Rejected):
            raise SkillFault(answer.rule, answer.reason)
        self.wanted.set()
        return answer


def _report(
    version: Version,
    called: Called,
    key: str,
    given: JsonValue,
    expected: dict[str, JsonValue],
    is_right: bool | None,
) -> Report:
    """The event of a call, for whoever learns from it."""
    io = {"input": given} | expected
    return Report(
        kind=Kind.SKILL_EXECUTED,
        scope=version.scope,
        key=key,
        task=version.task,
        error=called.problem,
        outcome="failed" if called.problem or is_right is False else "done",
        skill=version.skill,
        seconds=called.seconds,
        passed=not called.problem and is_right is not False,
        io=io if len(dump_json(io)) <= _KEPT_BYTES else {},
        metadata={"version": version.number},
    )
