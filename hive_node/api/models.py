"""What the admin API takes and gives. The same models validate requests and make the OpenAPI document."""

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from protocol.limits import EDIT_CHARS, EDITS, MEMBERS, PATH_CHARS, TEXT_CHARS, WORD_CHARS

_T = TypeVar("_T")
Items: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False)]
Label: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


# Each model is built when it is first used (`defer_build`): a node that is left alone uses next to none of them.
class Request(BaseModel):
    """A request body: no coercion, no key that nobody reads."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class Response(BaseModel):
    """An answer. Fields may be added in later versions; none goes or changes its meaning."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class NoBody(Request):
    """Nothing."""


class NewProject(Request):
    """A repository to improve, by its absolute path; its hive.toml says how."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]


class CheckProject(Request):
    """How often the unchanged project is measured against itself; 0: its spec and commit are read, and nothing is run."""

    runs: Annotated[int, Field(ge=0, le=200)] = 6


class NewExperiment(Request):
    """One run of the loop. stepwise: driven by edit, run and decide; else by the node, with `operator`."""

    project: Annotated[str, Field(min_length=1, max_length=WORD_CHARS)]
    operator: Literal["auto", "tune", "recipe", "combine", "llm"] = "auto"
    iterations: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    stepwise: bool = False


class EditBody(Request):
    """One replacement: `search` occurs exactly once in the champion's file."""

    path: Annotated[str, Field(min_length=1, max_length=PATH_CHARS)]
    search: Annotated[str, Field(min_length=1, max_length=EDIT_CHARS)]
    replace: Annotated[str, Field(max_length=EDIT_CHARS)]


class NewIdea(Request):
    """An idea for the experiment's champion."""

    idea: Annotated[str, Field(min_length=1, max_length=TEXT_CHARS)]
    edits: Annotated[tuple[EditBody, ...], Field(strict=False, min_length=1, max_length=EDITS)]


class StopExperiment(Request):
    """Why it is stopped."""

    reason: Label = "user"


class RollBack(Request):
    """What to take back: the promotion of that idea and all that were built on it; the last one unless told."""

    idea: Annotated[int, Field(ge=1)] | None = None
    reason: Label = "user"


class NewHive(Request):
    """A new hive with this node as its admin."""

    name: Label


class JoinHive(Request):
    """The text that `hive-node hive invite` printed on the admin's machine."""

    token: Annotated[str, Field(min_length=1, max_length=8192)]


class HaltBody(Request):
    """Stop promotions and sends. local: on this node alone, which needs no admin."""

    reason: Label
    minutes: Annotated[int, Field(ge=1, le=43_200)] = 1440
    local: bool = False


class ResumeBody(Request):
    """Lift a halt. local: this node's own."""

    local: bool = False


class RevokeBody(Request):
    """Why a member is sent away. last_seq: the last number of its feed that stays; what is held here unless given."""

    reason: Label = "left the team"
    last_seq: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    keep_history: bool = False


class AdminsBody(Request):
    """Who becomes an admin, who is none any more (node ids), and how many must sign a change."""

    add: Annotated[str, Field(max_length=64)] | None = None
    drop: Annotated[str, Field(max_length=64)] | None = None
    threshold: Annotated[int, Field(ge=1, le=MEMBERS)] | None = None


class PolicyBody(Request):
    """One of the hive's policies."""

    key: Annotated[str, Field(min_length=1, max_length=WORD_CHARS)]
    value: Annotated[str, Field(min_length=1, max_length=WORD_CHARS)]


class ScanBody(Request):
    """Text to look through for secrets and personal data."""

    text: Annotated[str, Field(max_length=4_000_000)]


class Health(Response):
    """The daemon answers."""

    status: Literal["ok"]


class RunningContest(Response):
    """A coding agent's contest that is not decided. sessions: given each arm so far."""

    agent: str
    contest: int
    operator: str
    sessions: dict[str, int]


class AgentsInShort(Response):
    """Coding agents in figures. kept: looked after. contests: by how they stand. sessions: of contests, by arm. troubles: why an agent is put off, or its files are not as they should be."""

    kept: int
    contests: dict[str, int]
    sessions: dict[str, int]
    running: list[RunningContest]
    troubles: dict[str, str]


class StoreInShort(Response):
    """The database in figures. schema: its newest migration. database_bytes: with what is written ahead. free_bytes: on its disk."""

    database_schema: str
    database_bytes: int
    free_bytes: int


class Status(Response):
    """The node in a screenful. build: the commit that the program was built from, or "checkout"."""

    version: str
    build: str
    id: str
    name: str
    owner: str
    hive: dict[str, Any] | None
    peers: int
    projects: int
    experiments: dict[str, int]
    agents: AgentsInShort
    store: StoreInShort
    deltas: dict[str, int]
    scope_guard: dict[str, int]
    halted: str | None
    silent: str | None
    undiscovered: str | None


class ProjectOut(Response):
    """A project."""

    id: str
    path: str
    task: str
    metric: str
    direction: str
    share: str
    added_at: str
    warnings: list[str] = []
    check: dict[str, Any] | None = None


class ExperimentOut(Response):
    """An experiment in a line."""

    id: str
    project: str
    state: str
    operator: str
    metric: str
    direction: str
    baseline: float | None
    best: float | None
    gain: float | None
    iteration: int
    promotions: int
    reverted: int
    trials: int
    rejected: dict[str, int]
    last_rejection: str | None
    branch: str
    stop_reason: str | None
    costs: dict[str, Any]
    budget: dict[str, Any]
    protections: dict[str, Any]
    waiting: str | None
    next: list[str]


class CourseOut(Response):
    """A metric over an experiment's ideas, in columns. path: the champion's value after each promotion. noise: of one run, as a share of the value."""

    baseline: float | None
    noise: float | None
    path: list[dict[str, Any]]
    numbers: list[int]
    values: list[float | None]
    outcomes: list[str]
    next: str | None


class Page(Response):
    """A page of a list. next: the cursor of the page after it, or null."""

    items: list[Any]
    next: str | None


class Problem(BaseModel):
    """RFC 9457. code: stable. state: where an experiment stands that a step came too early or too late for."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    state: str | None = None
