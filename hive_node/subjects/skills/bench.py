"""The bench: versions that are wanted get a source, and every source is tried. Each step is a row before the next is begun."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from guardrails.verdict import Rejected
from hive_node.ports import Clock, SandboxFault, StoreError
from hive_node.ports.skills import SkillFault, SkillShelf, Which
from hive_node.skills.case import Case
from hive_node.skills.engine import Engine, Model, Order, Proposal, Trials, Unavailable
from hive_node.skills.fitness import Fitness
from hive_node.skills.skill import State, Tried, Version
from hive_node.subjects.skills.comparing import Comparison
from hive_node.subjects.skills.promoting import Promoter

logger = logging.getLogger(__name__)

# A model thinks for minutes; an engine that thinks longer has hung.
PROPOSAL_S: Final = 900.0
# A sandbox or a disk that does not work is looked at again after so long.
_PAUSE_S: Final = 60.0


@dataclass(slots=True)
class Bench:
    """engines: those that are switched on, by name. model: gives None where there is none. wanted: set when there may be work."""

    shelf: SkillShelf
    engines: Mapping[str, Engine]
    trials: Trials
    fitness: Fitness
    promoter: Promoter
    model: Callable[[], Awaitable[Model | None]]
    clock: Clock
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Until cancelled. What was open when the node ended is taken up where its row says."""
        self.wanted.set()
        while True:
            await self.wanted.wait()
            self.wanted.clear()
            for version in await self.shelf.wanted():
                await self._carry_on(version)

    async def _carry_on(self, version: Version) -> None:
        try:
            await self.work(version)
        except SkillFault as fault:  # somebody decided on it meanwhile
            logger.info("version left alone", extra={"skill": version.skill, "code": fault.code})
        except (SandboxFault, StoreError) as fault:
            logger.warning("bench waits", extra={"skill": version.skill, "code": fault.code})
            self.wanted.set()
            await self.clock.sleep(_PAUSE_S)

    async def work(self, version: Version) -> Version:
        """Carry one version as far as it goes without a person. Raises SkillFault, SandboxFault, StoreError."""
        if version.state is State.WANTED:
            version = await self._write(version)
        if version.state is not State.PROPOSED:
            return version
        version = await self._try(version)
        if version.state is State.VALIDATED:
            version = await self.promoter.promote_alone(version)
        return version

    async def _write(self, version: Version) -> Version:
        answer = await self._proposal(version)
        if isinstance(answer, Unavailable):
            reason = Rejected(answer.code, answer.reason)
            return await self.shelf.move(State.WANTED, replace(version, state=State.UNAVAILABLE, reason=reason))
        words = f"{version.words}; {answer.words}" if version.words else answer.words
        proposed = replace(
            version, state=State.PROPOSED, source=answer.source, words=words, tokens=answer.tokens, reason=None
        )
        return await self.shelf.move(State.WANTED, proposed)

    async def _proposal(self, version: Version) -> Proposal | Unavailable:
        engine = self.engines.get(version.engine)
        if engine is None:
            return Unavailable("engine.off", f"the engine {version.engine} is not switched on")
        order = await self._order(version)
        try:
            async with asyncio.timeout(PROPOSAL_S):
                return await engine.propose_change(order, await self.model())
        except TimeoutError:
            return Unavailable("engine.too-slow", f"{version.engine} gave no proposal within {PROPOSAL_S:g} s")
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  the boundary: an engine's fault is no proposal, and ends nothing else
            logger.warning("engine failed", extra={"engine": version.engine, "error": type(error).__name__})
            return Unavailable("engine.raised", f"{version.engine} failed: {type(error).__name__}: {error}"[:500])

    async def _order(self, version: Version) -> Order:
        scope = version.scope
        cases = await self.shelf.cases(version.skill)
        versions = await self.shelf.versions(version.skill)
        known = await self.shelf.all(Which(scope.owner, scope.project, scope.agent), frozenset({State.PROMOTED}))
        return Order(
            version=version,
            cases=tuple(case for case in cases if not case.is_held_out),
            errors=tuple(await self.shelf.errors(version)),
            parent=next((one for one in versions if one.number == version.parent), None),
            known=tuple(known),
        )

    async def _try(self, version: Version) -> Version:
        """The engine's own validation, and the node's: one that the engine had made of exactly this is not made again."""
        cases = await self.shelf.cases(version.skill)
        trials = _Remembering(self.trials)
        rejected = await self._engines_word(version, cases, trials)
        tried = trials.of(version.source, cases) or await self.trials.validate(version.source, cases)
        rejected = tried.rejected or rejected
        if rejected is None and version.is_mutation:
            rejected = await Comparison(self.shelf, self.trials, self.fitness).why_no_better(version, cases)
        state = State.REFUSED if rejected else State.VALIDATED
        judged = replace(version, state=state, tried=replace(tried, rejected=rejected), reason=rejected)
        logger.info("version tried", extra={"skill": version.skill, "version": version.number, "state": state.value})
        return await self.shelf.move(State.PROPOSED, judged)

    async def _engines_word(self, version: Version, cases: Sequence[Case], trials: Trials) -> Rejected | None:
        engine = self.engines.get(version.engine)
        if engine is None:
            return None  # a peer's: the node's own trial is all there is
        proposal = Proposal(version.source, version.words, version.tokens)
        try:
            async with asyncio.timeout(PROPOSAL_S):
                return (await engine.validate_change(proposal, cases, trials)).rejected
        except (SandboxFault, StoreError):
            raise
        except Exception as error:  # noqa: BLE001  the boundary, as above: an engine that cannot validate refuses
            return Rejected("engine.raised", f"{version.engine} could not validate it: {type(error).__name__}")


@dataclass(slots=True)
class _Remembering:
    """Trials that remember what was found of what."""

    trials: Trials
    _found: list[tuple[str, tuple[Case, ...], Tried]] = field(default_factory=list)

    async def validate(self, source: str, cases: Sequence[Case]) -> Tried:
        """As Trials.validate."""
        tried = await self.trials.validate(source, cases)
        self._found.append((source, tuple(cases), tried))
        return tried

    def of(self, source: str, cases: Sequence[Case]) -> Tried | None:
        """What the node itself found of exactly this source on exactly these cases."""
        with suppress(StopIteration):
            return next(tried for made, used, tried in self._found if (made, used) == (source, tuple(cases)))
        return None
