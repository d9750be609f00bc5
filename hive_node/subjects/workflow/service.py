"""Advice on a project's spec: read → find → ask → check → keep; and what a person decides on it. Nothing is applied by itself."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from guardrails.verdict import Rejected
from hive_node.advice.case import Case
from hive_node.advice.changes import Unfit, holds, identity_of
from hive_node.advice.editing import edited
from hive_node.advice.effect import Records, calibrated
from hive_node.advice.findings import doubted, find, recurring
from hive_node.advice.proposal import MOST_PROPOSALS, Confidence, Dropped, Finding, Proposal, Standing
from hive_node.domain import Experiment
from hive_node.ports import Chance, Clock, ModelFault, OverBudget, RepositoryOpener
from hive_node.ports.advice import AdviceFault, AdviceShelf, Cleaner, Counsel, Runs, SpecFiles
from hive_node.subjects.projects import Projects
from hive_node.subjects.workflow.asking import make_prompt, read_reply
from hive_node.subjects.workflow.checking import Checker, topic_in
from hive_node.subjects.workflow.reading import Site, read_case, read_site
from hive_node.subjects.workflow.track import Told, TrackRecord

logger = logging.getLogger(__name__)

_NONCE_BYTES: Final = 16
_MOST_EXPERIMENTS: Final = 20
_RANKS: Final = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Advised:
    """What came of one look. proposals: at most five, the surest first. unasked: why no language model was asked, None where one was."""

    proposals: Sequence[Proposal]
    dropped: Dropped
    unasked: str | None
    told: Told


@dataclass(slots=True)
class AdviceService:
    """One look at a time: of two who ask at once, the second sees what the first was told. A decision waits for no model.

    most_pairs: what a comparison may take.
    """

    runs: Runs
    shelf: AdviceShelf
    projects: Projects
    open_repository: RepositoryOpener
    specs: SpecFiles
    cleaner: Cleaner
    counsel: Counsel
    checker: Checker
    clock: Clock
    chance: Chance
    track: TrackRecord
    most_pairs: int
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def advise(self, identities: Sequence[str], *, asks_model: bool) -> Advised:
        """At most five proposals on what those experiments of one project showed. Raises Fault, NotFound."""
        async with self._asking:
            experiments = await self._experiments(identities)
            site = await self._site(experiments[0].project)
            cases = [await read_case(one, self.runs, self.cleaner, site, self.most_pairs) for one in experiments]
            dropped = Dropped()
            found = await self._check(await asyncio.to_thread(_find, cases, site), site, cases, dropped)
            unasked: str | None = "it was not wanted"
            if asks_model:
                suggested, unasked = await self._ask(site, cases, found, dropped)
                found += await self._check(suggested, site, cases, dropped)
            told = await self.track.read()
            chosen = await self._keep(found, told, dropped)
        logger.info("advised", extra={"project": site.project.id, "proposals": len(chosen), "dropped": dropped.reasons})
        return Advised(chosen, dropped, unasked, told)

    async def _keep(self, found: Sequence[Proposal], told: Told, dropped: Dropped) -> list[Proposal]:
        """The surest of them, as rows; a *no* that was said while a model was asked holds as well."""
        async with self._deciding:
            project = found[0].project if found else None
            refused = {one.topic for one in await self.shelf.all(project) if one.standing is Standing.REJECTED}
            chosen = _surest([one for one in found if one.topic not in refused], told.records, dropped)
            await self.shelf.keep(chosen)
        return chosen

    async def apply(self, identity: str) -> Proposal:
        """Make an open proposal's change in hive.toml as it is now, checked again. Raises AdviceFault, Fault, NotFound."""
        async with self._deciding:
            proposal = await self._open_one(identity)
            site = await self._site(proposal.project)
            # By hand, or by this node when it was killed before it could write that down.
            is_there = holds(proposal.finding.change, site.spec)
            copy = None if is_there else await self._write(proposal, site)
            applied = replace(proposal, standing=Standing.APPLIED, decided_at=self.clock.now(), backup=copy)
            await self.shelf.decide(applied)
            await self.projects.refresh(proposal.project)
            return applied

    async def _write(self, proposal: Proposal, site: Site) -> str:
        """The change in the file, checked against what it says now; where the copy of that lies. Raises AdviceFault, Fault."""
        change = proposal.finding.change
        experiments = [await self.runs.get(one) for one in proposal.experiments]
        cases = [await read_case(one, self.runs, self.cleaner, site, self.most_pairs) for one in experiments]
        changed = await self.checker.change(change, site, cases)
        if isinstance(changed, Rejected):
            raise AdviceFault(changed.rule, f"{changed.reason} Nothing was changed")
        made, _ = changed
        if identity_of(site.project.id, change, made.before, made.after) != proposal.id:
            raise AdviceFault(
                "advice.changed", "hive.toml was changed there since: ask for advice again; nothing was changed"
            )
        return str(await self.specs.replace(site.now, made.text, f"{proposal.project}-{proposal.id}"))

    async def reject(self, identity: str) -> Proposal:
        """Turn an open proposal down: nothing about the same is proposed again. Raises AdviceFault, NotFound."""
        async with self._deciding:
            proposal = await self._open_one(identity)
            rejected = replace(proposal, standing=Standing.REJECTED, decided_at=self.clock.now())
            await self.shelf.decide(rejected)
            return rejected

    async def _experiments(self, identities: Sequence[str]) -> list[Experiment]:
        names = list(dict.fromkeys(identities))
        if not 1 <= len(names) <= _MOST_EXPERIMENTS:
            raise AdviceFault("advice.experiments", f"name 1 to {_MOST_EXPERIMENTS} experiments")
        found = sorted([await self.runs.get(one) for one in names], key=lambda one: one.created_at)
        if len({one.project for one in found}) > 1:
            raise AdviceFault("advice.several-projects", "these experiments are of several projects: name those of one")
        return found

    async def _site(self, project: str) -> Site:
        return await read_site(await self.projects.shelf.get(project), self.open_repository, self.specs)

    async def _open_one(self, identity: str) -> Proposal:
        proposal = await self.shelf.get(identity)
        if proposal.standing is not Standing.OPEN:
            raise AdviceFault("advice.decided", f"proposal {identity} was {proposal.standing} before, and stays so")
        return proposal

    async def _ask(
        self, site: Site, cases: Sequence[Case], found: Sequence[Proposal], dropped: Dropped
    ) -> tuple[list[Finding], str | None]:
        """What a language model adds, and why none was asked."""
        if len(found) >= MOST_PROPOSALS:
            return [], "there is enough to decide on without one"
        refused = [
            one.finding.title for one in await self.shelf.all(site.project.id) if one.standing is Standing.REJECTED
        ]
        nonce = self.chance.token_bytes(_NONCE_BYTES).hex()
        prompt = make_prompt(site, cases, [one.finding.title for one in found], refused, nonce)
        try:
            answer = await self.counsel.ask(cases[-1].experiment, prompt)
        except (ModelFault, OverBudget) as fault:
            return [], f"{fault} [{fault.code}]"
        findings: list[Finding] = []
        for one in read_reply(answer, cases):
            if isinstance(one, Rejected):
                dropped.count(one.rule, one.reason)
            else:
                findings.append(one)
        return findings, None

    async def _check(
        self, findings: Sequence[Finding], site: Site, cases: Sequence[Case], dropped: Dropped
    ) -> list[Proposal]:
        """The findings that may be proposed, as they stand; each topic once."""
        kept = await self.shelf.all(site.project.id)
        decided = {one.topic: one.standing for one in kept if one.standing is not Standing.OPEN}
        waiting = {one.topic: one for one in kept if one.standing is Standing.OPEN}
        proposals: dict[str, Proposal] = {}
        for finding in findings:
            made = await self.checker.proposal(finding, site, cases, self.clock.now())
            if isinstance(made, Rejected):
                dropped.count(made.rule, f"{finding.title}: {made.reason}")
            elif decided.get(made.topic) is Standing.REJECTED:
                dropped.count("advice.turned-down", f"{finding.title}: it was turned down before.")
            else:
                proposals.setdefault(made.topic, await _still_fits(waiting.get(made.topic), site) or made)
        return list(proposals.values())


def rank(proposal: Proposal, known: Records) -> Confidence:
    """How sure a proposal is, by what its class was worth here."""
    return calibrated(proposal.finding.source, proposal.finding.confidence, known)


def _find(cases: Sequence[Case], site: Site) -> list[Finding]:
    found = [(case, finding) for case in cases for finding in find(case)]
    aged = [finding if case.experiment.task == site.evaluator.task else doubted(finding) for case, finding in found]
    return recurring([(topic_in(finding.change, site.spec), finding) for finding in aged], len(cases))


def _surest(found: Sequence[Proposal], known: Records, dropped: Dropped) -> list[Proposal]:
    by_topic = {one.topic: one for one in reversed(found)}  # of a rule and a model that say the same, the rule's
    ranked = sorted(by_topic.values(), key=lambda one: (_RANKS.index(rank(one, known)), one.finding.source != "rule"))
    for one in ranked[MOST_PROPOSALS:]:
        dropped.count("advice.too-many", f"{one.finding.title}: there were {MOST_PROPOSALS} surer ones.")
    return ranked[:MOST_PROPOSALS]


async def _still_fits(proposal: Proposal | None, site: Site) -> Proposal | None:
    """A proposal that waits for its decision, if it is still the same change: it keeps its id."""
    if proposal is None:
        return None
    try:
        made = await asyncio.to_thread(edited, site.now.text, proposal.finding.change)
    except Unfit:
        return None
    same = identity_of(site.project.id, proposal.finding.change, made.before, made.after) == proposal.id
    return replace(proposal, diff=made.diff) if same else None
