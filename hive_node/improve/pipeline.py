"""The improve flow. Each stage writes its row before what follows begins, and takes up its own row after a restart."""

from hive_node.domain import Experiment
from hive_node.improve.judge import gate
from hive_node.improve.promote import promote
from hive_node.improve.propose import propose
from hive_node.improve.run import run
from hive_node.improve.workshop import Workshop


async def improve(experiment: Experiment, workshop: Workshop) -> Experiment | None:
    """Take one idea from its draft to its end. None: the operator has no idea left."""
    proposed = await propose(experiment, workshop)
    if proposed is None:
        return None
    tried = await run(proposed, workshop)
    judged = await gate(tried, workshop)
    return await promote(judged, workshop)
