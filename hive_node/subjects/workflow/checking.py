"""Check: a finding becomes a proposal only if its evidence exists, its diff applies and parses, and no gate becomes weaker."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from guardrails.verdict import Rejected
from hive_node.advice.case import Case
from hive_node.advice.changes import Change, TuneParam, Unfit, holds, identity_of, number_in, topic_of
from hive_node.advice.editing import Edited, edited
from hive_node.advice.effect import level, measure_of
from hive_node.advice.limits import judge_change
from hive_node.advice.proposal import Finding, Proposal
from hive_node.config.project import ProjectSpec
from hive_node.ports import Fault, Sandbox
from hive_node.ports.advice import Runs
from hive_node.subjects.evaluator import Evaluator
from hive_node.subjects.projects import check_project
from hive_node.subjects.workflow.reading import Site, ground_of


@dataclass(frozen=True, slots=True)
class Checker:
    """Asks of each finding what a careful person would."""

    runs: Runs
    sandbox: Sandbox

    async def proposal(
        self, finding: Finding, site: Site, cases: Sequence[Case], moment: datetime
    ) -> Proposal | Rejected:
        """The finding as a proposal, or why it is none. cases: those that it was found in, the newest last."""
        if refused := await self._judge_evidence(finding, cases):
            return refused
        if refused := _judge_age(finding.change, cases[-1].experiment.spec, site.spec):
            return refused
        changed = await self.change(finding.change, site, cases)
        if isinstance(changed, Rejected):
            return changed
        made, evaluator = changed
        measure = measure_of(finding.change, _present(finding.change, site.spec))
        now = level(measure, cases[-1])
        return Proposal(
            id=identity_of(site.project.id, finding.change, made.before, made.after),
            project=site.project.id,
            topic=topic_in(finding.change, site.spec),
            finding=finding,
            diff=made.diff,
            measure=measure,
            level=now.value if now else None,
            is_new_task=evaluator.task != site.evaluator.task,
            made_at=moment,
            experiments=tuple(case.experiment.id for case in cases),
        )

    async def change(self, change: Change, site: Site, cases: Sequence[Case]) -> tuple[Edited, Evaluator] | Rejected:
        """hive.toml as it is now with the change, and the evaluator that it means; or why there may be no such thing."""
        try:
            made = await asyncio.to_thread(edited, site.now.text, change)
        except Unfit as unfit:
            return Rejected("advice.unfit", str(unfit))
        if refused := judge_change(site.spec, made.spec, ground_of(site, cases)):
            return refused
        try:
            return made, await check_project(site.repository, made.spec, site.head, self.sandbox)
        except Fault as fault:
            return Rejected(fault.code, str(fault))

    async def _judge_evidence(self, finding: Finding, cases: Sequence[Case]) -> Rejected | None:
        experiments = {case.experiment.id: case.experiment for case in cases}
        if not finding.evidence:
            return Rejected("advice.no-evidence", "It names no event of any run.")
        for identity in {place.experiment for place in finding.evidence}:
            ids = [place.event for place in finding.evidence if place.experiment == identity]
            experiment = experiments.get(identity)
            unknown = set(ids) - await self.runs.known_events(experiment, ids) if experiment else set(ids)
            if unknown:
                return Rejected("advice.no-evidence", f"There is no event {identity}/{min(unknown)}.")
        return None


def topic_in(change: Change, spec: ProjectSpec) -> str:
    """What the change is about, in a project whose hive.toml says `spec`."""
    return topic_of(change, _present(change, spec))


def _present(change: Change, spec: ProjectSpec) -> float | int | None:
    return number_in(spec, change) if isinstance(change, TuneParam) else None


def _judge_age(change: Change, then: ProjectSpec, now: ProjectSpec) -> Rejected | None:
    """Runs say nothing of a setting that is another one by now."""
    if holds(change, now):
        return Rejected("advice.superseded", "hive.toml says so already.")
    if isinstance(change, TuneParam) and number_in(then, change) != number_in(now, change):
        return Rejected("advice.superseded", "hive.toml was changed there since those runs.")
    return None
