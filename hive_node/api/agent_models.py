"""What the admin API takes and gives of agents and their sessions."""

from typing import Annotated, Any, Literal

from pydantic import Field

from hive_node.api.models import Label, Request, Response
from protocol.limits import PATH_CHARS, WORD_CHARS

Identity = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")]
Path = Annotated[str, Field(min_length=1, max_length=4096)]
Weight = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Axis = Literal["llm_rewrite", "behavioral_rules", "response_style", "model_pref", "tool_permissions"]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


class NewAgent(Request):
    """A coding agent to look after. kind: the one that was used in the folder, unless told. folder: where it works; none for `generic`. model: one that may be swapped for a neighbour.

    dollars: what its language model may cost in all; a model that is free needs none. share: whether the sums of its contests may leave for the hive. weights: of operators, over the usual ones.
    """

    kind: Literal["claude-code", "codex", "cursor", "aider", "generic"] | None = None
    folder: Path | None = None
    name: Identity | None = None
    share: Literal["none", "summaries", "recipes"] = "none"
    model: Annotated[str, Field(min_length=1, max_length=WORD_CHARS, pattern=r"^[A-Za-z0-9./:_-]+$")] | None = None
    max_sessions: Annotated[int, Field(ge=20, le=100_000)] | None = None
    max_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    dollars: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 0.0
    weights: dict[Axis, Weight] = {}


class Say(Request):
    """What a person says of a session, the last one unless told."""

    good: bool
    session: Annotated[str, Field(min_length=1, max_length=256)] | None = None


class ReturnTo(Request):
    """The beginning of an earlier champion's digest; the one before the present one unless told."""

    to: Annotated[str, Field(pattern=r"^[0-9a-f]{6,64}$")] | None = None


class NewSession(Request):
    """A session of an agent that tells of its own. id: the integration's own; one is made up where there is none."""

    agent: Label
    id: Identity | None = None


class SignalCounts(Request):
    """The course of a session so far, whole, not what is new of it. seconds and tokens: what it took."""

    tests: Literal["green", "red"] | None = None
    tool_calls: Count = 0
    tool_errors: Count = 0
    interruptions: Count = 0
    thanks: Count = 0
    corrections: Count = 0
    undos: Count = 0
    cleared: bool = False
    turns: Count = 0
    tokens: Count = 0
    seconds: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = 0.0


class ReportSignals(Request):
    """What was seen of a session; good, bad: how often its user said so, each time anew."""

    agent: Label
    signals: SignalCounts = SignalCounts()
    good: Annotated[int, Field(ge=0, le=10)] = 0
    bad: Annotated[int, Field(ge=0, le=10)] = 0


class EndSession(Request):
    """Whose session it is."""

    agent: Label


class HookBody(Request):
    """What an agent's hook is told, but for every text of its user's and its own. Check: the doctor's, of which no session comes."""

    kind: Literal["claude-code"]
    event: Literal["SessionStart", "Stop", "SessionEnd", "Check"]
    session_id: Identity
    cwd: Annotated[str, Field(min_length=1, max_length=PATH_CHARS * 16)]
    transcript_path: Path | None = None
    source: Annotated[str, Field(max_length=64)] | None = None
    reason: Annotated[str, Field(max_length=64)] | None = None


class HookOut(Response):
    """What the hook is to print."""

    stdout: str


class AgentOut(Response):
    """An agent in a screenful. contest: the running one, with both arms' sessions. next: what happens next, in words."""

    id: str
    kind: str
    folder: str | None
    share: str
    champion: dict[str, Any]
    reigns: list[dict[str, Any]]
    sessions: dict[str, int]
    contest: dict[str, Any] | None
    next: str
    costs: dict[str, float]
    trouble: str | None
