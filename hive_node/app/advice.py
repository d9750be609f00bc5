"""The side of the node that advises on a project's own spec."""

from dataclasses import dataclass

from hive_node.adapters.cleaning import GuardedText
from hive_node.adapters.git import GitRepository
from hive_node.adapters.llm.scanned import ScannedModel
from hive_node.adapters.spec_files import SpecOnDisk
from hive_node.adapters.store import AdviceStore, CallStore, RunStore
from hive_node.app.code import CodeParts
from hive_node.app.foundation import Foundation
from hive_node.domain import Experiment
from hive_node.improve.budget import money_of
from hive_node.improve.measuring import MAX_PAIRS
from hive_node.operators.purse import Purse
from hive_node.ports import Answer, Prompt
from hive_node.subjects.workflow.checking import Checker
from hive_node.subjects.workflow.service import AdviceService
from hive_node.subjects.workflow.track import TrackRecord

# On the books it stands beside an experiment's ideas, which count from 1.
_NO_IDEA = 0


def open_advice(ground: Foundation, code: CodeParts) -> AdviceService:
    """The service; nothing runs yet."""
    runs, shelf = RunStore(ground.database, code.experiments), AdviceStore(ground.database, ground.journal)
    cleaner = GuardedText(ground.guard, ground.own.refresh)
    return AdviceService(
        runs=runs,
        shelf=shelf,
        projects=code.projects,
        open_repository=GitRepository.open,
        specs=SpecOnDisk(ground.home.kept / "specs"),
        cleaner=cleaner,
        counsel=_PaidCounsel(ground),
        checker=Checker(runs, code.sandbox),
        clock=ground.clock,
        chance=ground.chance,
        track=TrackRecord(runs, shelf, cleaner),
        most_pairs=MAX_PAIRS,
    )


@dataclass(frozen=True, slots=True)
class _PaidCounsel:
    """The node's language model, within what is left of the experiment's own [budget]."""

    ground: Foundation

    async def ask(self, experiment: Experiment, prompt: Prompt) -> Answer:
        """One question. Raises ModelFault, OverBudget."""
        ground, models = self.ground, self.ground.models
        await models.check(experiment.spec)
        # A model on this very machine too: what runs printed and what hive.toml says was not written to be passed on.
        model = ScannedModel(await models.model(), ground.guard, ground.own.refresh)
        books = CallStore(ground.database, ground.journal)
        purse = Purse(model, books, models.price(), money_of(experiment), ground.clock, models.most_output())
        return await purse.ask(experiment.id, _NO_IDEA, prompt)
