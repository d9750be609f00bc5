"""The endpoints, by noun. Each module gives its rows of the route table."""

from hive_node.api.handlers import advice, agents, deltas, experiments, hive, node, page, projects, skills, task_events
from hive_node.api.parts import Parts
from hive_node.api.routing import Route


def all_routes(parts: Parts) -> list[Route]:
    """Every endpoint of the admin API."""
    return [
        *node.routes(parts),
        *projects.routes(parts),
        *experiments.routes(parts),
        *hive.routes(parts),
        *deltas.routes(parts),
        *agents.routes(parts),
        *advice.routes(parts),
        *task_events.routes(parts),
        *skills.routes(parts),
        *page.routes(parts),
    ]
