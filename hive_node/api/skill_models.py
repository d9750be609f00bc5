"""What the admin API takes and gives of events and skills."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, model_validator

from hive_node.api.models import Items, Label, Request, Response

# A trace and what an agent notes of a task; an input may be a file.
ERROR_CHARS: Final = 64_000
METADATA_BYTES: Final = 64_000
EVENTS_AT_ONCE: Final = 1_000

Short = Annotated[str, Field(max_length=256)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Version = Annotated[int, Field(ge=1, le=1_000_000)] | None


class NewEvent(Request):
    """Something that happened to an agent. key: the reporter's own; a second event of the same agent with it is a replay.

    owner: this node's unless told. input, expected: what the task was given, and the right answer, where they are known.
    error: the trace. passed: how the call of a skill ended. seconds, tokens: what it took.
    """

    kind: Literal["task_succeeded", "task_failed", "skill_executed"]
    agent: Label
    project: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    owner: Label | None = None
    task: Annotated[str, Field(min_length=1, max_length=4_000)]
    key: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    episode: Short = ""
    error: Annotated[str, Field(max_length=ERROR_CHARS)] = ""
    outcome: Short = ""
    skill: Annotated[str, Field(max_length=128)] = ""
    passed: bool | None = None
    seconds: Seconds | None = None
    tokens: Tokens | None = None
    input: JsonValue = None
    expected: JsonValue = None
    metadata: dict[str, JsonValue] = {}


class NewEvents(Request):
    """Events, in order. One event alone may also be the body itself."""

    events: Annotated[tuple[NewEvent, ...], Field(strict=False, min_length=1, max_length=EVENTS_AT_ONCE)]

    @model_validator(mode="before")
    @classmethod
    def _one_alone(cls, tree: Any) -> Any:
        return tree if not isinstance(tree, dict) or "events" in tree or "kind" not in tree else {"events": [tree]}


class EventsOut(Response):
    """Where the events stand now, in their order. duplicates: how many of them were there before."""

    ids: Items[int]
    stored: int
    duplicates: int


class CallSkill(Request):
    """input: any JSON value. expected: the right answer, where it is known. agent, project, owner: whose skill it must be."""

    input: JsonValue
    expected: JsonValue = None
    agent: Label | None = None
    project: Annotated[str, Field(max_length=64)] | None = None
    owner: Label | None = None


class CallOut(Response):
    """What the skill answered. ok: False where it gave no answer, or not the expected one; `problem` then says why."""

    ok: bool
    answer: Any
    problem: str
    seconds: float
    skill: str
    version: int
    key: str


class Decide(Request):
    """Which version; the newest that can be decided on unless told."""

    version: Version = None


class Decline(Decide):
    """A no, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=256)] = "a person said no"


class Change(Request):
    """What should get better."""

    words: Annotated[str, Field(min_length=1, max_length=1_000)] = "it should be quicker, and as right as it is"


class NewCase(Request):
    """An input and its right answer."""

    input: JsonValue
    expected: JsonValue


class NewSignal(Request):
    """Something that is known only later. key: the teller's own; told twice, it counts once. value: 0 to 1, more is better."""

    key: Name
    objective: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_-]*$")]
    value: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
