"""The last step: a version that holds takes the promoted one's place. It is validated again, whoever asks for it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guardrails.maturity import Asker
from guardrails.verdict import Rejected
from hive_node.ports.skills import SkillFault, SkillShelf
from hive_node.skills.engine import Trials
from hive_node.skills.skill import State, Version

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Promoter:
    """halt: why nothing may be promoted now. tell: the hive, where the user shares skills."""

    shelf: SkillShelf
    trials: Trials
    halt: Callable[[], str | None]
    tell: Callable[[Version], Awaitable[None]]

    async def promote_alone(self, version: Version) -> Version:
        """What an engine may promote by itself is promoted; all else waits for a person. Raises SandboxFault, StoreError."""
        answer = await self._promote(version, by="engine")
        if isinstance(answer, Rejected):
            logger.info("waits for a person", extra={"skill": version.skill, "rule": answer.rule})
            return version
        return answer

    async def approve(self, version: Version) -> Version:
        """A person's *yes*. Raises SkillFault where the version does not hold any more, or may not be promoted now."""
        if version.state is not State.VALIDATED:
            raise SkillFault(
                "skill.wrong-state",
                f"version {version.number} of {version.skill} is {version.state.value}: only a validated one is approved",
            )
        tried = await self.trials.validate(version.source, await self.shelf.cases(version.skill))
        if tried.rejected is not None:
            await self.shelf.fail(version, tried)
            raise SkillFault(tried.rejected.rule, f"it does not hold any more: {tried.rejected.reason}")
        answer = await self._promote(version, by="person")
        if isinstance(answer, Rejected):
            raise SkillFault(answer.rule, answer.reason)
        return answer

    async def _promote(self, version: Version, by: Asker) -> Version | Rejected:
        if (halted := self.halt()) is not None:
            return Rejected("hive.halted", f"nothing is promoted now: {halted}")
        if version.tried is None:
            return Rejected("skill.not-tried", "it was never tried")
        answer = await self.shelf.promote(version, version.tried, by=by)
        if isinstance(answer, Version):
            logger.info("skill promoted", extra={"skill": version.skill, "version": version.number, "by": by})
            await self.tell(answer)
        return answer
