"""The tools: a name, what it is for, what it takes, and the request of the admin API that it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hive_node.api.models import Request
from hive_node.cli.agent_tools.allowed import Allowed
from hive_node.cli.agent_tools.arguments import (
    CallSkill,
    Edit,
    Nothing,
    OfExperiment,
    OfProject,
    OfProjects,
    Scan,
    Setup,
    Skills,
    Stop,
    TrialsOf,
)
from hive_node.cli.client import Client
from hive_node.cli.context import at


@dataclass(frozen=True, slots=True)
class Tool:
    """needs: what must be allowed for it; None: it changes nothing. is_final: what it does cannot be taken back."""

    name: str
    purpose: str
    takes: type[Request]
    call: Callable[[Client, Any], Any]
    needs: Allowed | None = None
    is_final: bool = False


def offered(allowed: Sequence[Allowed]) -> dict[str, Tool]:
    """The tools that an agent is shown, by name."""
    return {tool.name: tool for tool in TOOLS if tool.needs is None or tool.needs in allowed}


def _setup(client: Client, given: Setup) -> Any:
    wanted = {"project": given.project, "stepwise": True, "iterations": given.iterations}
    started = client.post(at("experiments"), {name: value for name, value in wanted.items() if value is not None})
    return client.post(at("experiments", started["id"], "run"))


def _edit(client: Client, given: Edit) -> Any:
    body = given.model_dump(mode="json", exclude={"experiment"})
    return client.post(at("experiments", given.experiment, "edit"), body)


def _step(name: str) -> Callable[[Client, OfExperiment], Any]:
    return lambda client, given: client.post(at("experiments", given.experiment, name))


def _call_skill(client: Client, given: CallSkill) -> Any:
    body = given.model_dump(mode="json", exclude={"name"}, exclude_none=True) | {"input": given.input}
    return client.post(at("skills", given.name, "call"), body)


TOOLS: Final[Sequence[Tool]] = (
    Tool(
        "status",
        "The node in a screenful: its hive, its experiments, what the scope guard did.",
        Nothing,
        lambda client, _given: client.get(at("status")),
    ),
    Tool(
        "projects", "The projects that this node improves.", Nothing, lambda client, _given: client.get(at("projects"))
    ),
    Tool(
        "view",
        "What the hive believes of a project: gains that other nodes measured, and recipes that wait to be tried.",
        OfProject,
        lambda client, given: client.get(at("projects", given.project, "view")),
    ),
    Tool(
        "experiments",
        "The experiments, oldest first: state, metric, best value.",
        OfProjects,
        lambda client, given: client.get(at("experiments"), project=given.project),
    ),
    Tool(
        "experiment_status",
        "Where an experiment stands, what it has cost, and which steps may follow (`next`).",
        OfExperiment,
        lambda client, given: client.get(at("experiments", given.experiment)),
    ),
    Tool(
        "experiment_trials",
        "What was tried in an experiment, and why each idea was kept or not: learn from it before the next one.",
        TrialsOf,
        lambda client, given: client.get(
            at("experiments", given.experiment, "trials"), limit=given.limit, cursor=given.cursor
        ),
    ),
    Tool(
        "scan",
        "Secrets and personal data in a text: kind and place, never the value.",
        Scan,
        lambda client, given: client.post(at("scan"), {"text": given.text}),
    ),
    Tool(
        "skills",
        "Skills that can be called: small tools that were written from failures and tried.",
        Skills,
        lambda client, given: client.get(at("skills"), **given.model_dump()),
    ),
    Tool("skill_call", "Call a skill in the sandbox.", CallSkill, _call_skill, Allowed.SKILLS),
    Tool(
        "experiment_setup",
        "Begin an experiment that you drive: a branch of its own, and its baseline measured. Takes a few runs of the project.",
        Setup,
        _setup,
        Allowed.STEPS,
    ),
    Tool(
        "experiment_edit",
        "Step: propose one change of the champion's editable files. Nothing of the user's checkout is touched.",
        Edit,
        _edit,
        Allowed.STEPS,
    ),
    Tool(
        "experiment_run",
        "Step: measure what was proposed, beside the champion, in the sandbox. Takes many runs of the project.",
        OfExperiment,
        _step("run"),
        Allowed.STEPS,
    ),
    Tool(
        "experiment_decide",
        "Step: let the gates judge what was measured; what passes both is committed on the experiment's branch.",
        OfExperiment,
        _step("decide"),
        Allowed.STEPS,
    ),
    Tool(
        "experiment_finalize",
        "Step: end an experiment that you drove, and tell the hive what its project allows.",
        OfExperiment,
        _step("finalize"),
        Allowed.STEPS,
        is_final=True,
    ),
    Tool(
        "experiment_stop",
        "End an experiment now; what was promoted stays on its branch.",
        Stop,
        lambda client, given: client.post(at("experiments", given.experiment, "stop"), {"reason": given.reason}),
        Allowed.STEPS,
        is_final=True,
    ),
)
