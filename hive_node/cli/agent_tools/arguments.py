"""What each tool takes. The schemas that an agent is shown are made from these, and its arguments are checked by them."""

from typing import Annotated, Any

from pydantic import Field, JsonValue

from hive_node.api.models import Label, NewIdea, Request, ScanBody, StopExperiment
from protocol.limits import WORD_CHARS

Name = Annotated[str, Field(min_length=1, max_length=WORD_CHARS)]
Whose = Annotated[Label | None, Field(description="Only what is this one's.")]


class Nothing(Request):
    """No arguments."""


class OfProject(Request):
    """A project, as the tool `projects` lists it."""

    project: Name


class OfProjects(Request):
    """All, or only one project's."""

    project: Name | None = None


class OfExperiment(Request):
    """An experiment, as the tool `experiments` lists it."""

    experiment: Name


class TrialsOf(OfExperiment):
    """A page of an experiment's ideas. cursor: `next` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = None


class Setup(OfProject):
    """A new experiment that the caller drives. iterations: ideas at most; hive.toml's unless told."""

    iterations: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Edit(OfExperiment, NewIdea):
    """An idea for the champion. edits: each `search` occurs exactly once in its file; applied one after another."""


class Stop(OfExperiment, StopExperiment):
    """Which experiment, and why it is stopped."""


class Scan(ScanBody):
    """A text, as it would be sent."""


class Skills(Request):
    """Whose skills; all unless told."""

    agent: Whose = None
    project: Whose = None
    owner: Whose = None


class CallSkill(Request):
    """input: any JSON value; it reaches the skill unchanged. agent, project, owner: whose skill it must be."""

    name: Name
    input: JsonValue
    agent: Whose = None
    project: Whose = None
    owner: Whose = None


def schema_of(model: type[Request]) -> dict[str, Any]:
    """JSON Schema of the arguments, as an agent is shown it."""
    return model.model_json_schema()
