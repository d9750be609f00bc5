"""What the admin API needs of the node, as its user declares it; hive_node.app fills it in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from guardrails.constitution import Constitution
from guardrails.scope import ScopeGuard
from hive_node.api.sessions import Sessions
from hive_node.domain import Experiment, IdeaRecord, Project
from hive_node.hive import Hive
from hive_node.improve.checking import Checker
from hive_node.improve.runner import Runner
from hive_node.improve.steps import Steps
from hive_node.improve.watch import Watchman
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.suggest import Suggest
from hive_node.ports import (
    CallerOf,
    Clock,
    Event,
    Feed,
    Invite,
    Joiner,
    Ledger,
    PeerLine,
    Standing,
    StoredEntry,
    StoredProposal,
)
from hive_node.share.issuing import Issued
from hive_node.share.proposals import Seen
from hive_node.subjects.agents.service import AgentService
from hive_node.subjects.projects import Projects
from hive_node.subjects.skills.service import SkillService
from hive_node.subjects.workflow.service import AdviceService
from protocol.ids import NodeId
from protocol.verification import Membership
from protocol.wire import JsonValue


class Experiments(Ledger, Protocol):
    """The ledger, and its lists."""

    async def all(self, project: str | None = None) -> list[Experiment]: ...

    async def costs(self, experiment: str) -> dict[int, tuple[int, float]]: ...

    async def ideas_page(self, experiment: str, after: int, limit: int) -> list[IdeaRecord]: ...

    async def course(self, experiment: str, after: int, limit: int) -> list[tuple[int, float | None, str | None]]: ...


class Deltas(Feed, Protocol):
    """The feed, and its lists."""

    async def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        kind: str | None = None,
        author: str | None = None,
        standing: Standing = "good",
    ) -> list[tuple[int, StoredEntry]]: ...

    async def counts(self, own: NodeId | None) -> dict[str, int]: ...


class Diary(Protocol):
    """Events to listen to, receipts to look at."""

    async def after(self, last: int, limit: int = 500) -> list[Event]: ...

    async def last_event(self) -> int: ...

    def tellings(self) -> int: ...

    async def wait_past(self, tellings: int) -> None: ...

    async def receipts(self, limit: int = 100) -> list[dict[str, Any]]: ...

    async def receipts_of(self, identities: Sequence[str]) -> dict[str, dict[str, Any]]: ...

    async def receipt_counts(self) -> dict[str, int]: ...

    async def recall(self, name: str) -> Any: ...


class Membering(Protocol):
    """What a person does with the hive. Raises Fault, RemoteProtocolError."""

    async def create(self, name: str) -> Membership: ...

    async def invite(self) -> str: ...

    async def leave(self) -> None: ...

    async def revoke(self, node: str, reason: str, *, last_seq: int | None, keep_history: bool) -> Issued: ...

    async def set_admins(self, add: str | None, drop: str | None, threshold: int | None) -> Issued: ...

    async def raise_epoch(self, node: str) -> Issued: ...

    async def set_policy(self, key: str, value: str) -> Issued: ...

    async def adopt_constitution(self) -> Issued: ...

    async def halt(self, reason: str, minutes: int, *, is_local: bool) -> Issued | None: ...

    async def resume(self, *, is_local: bool) -> Issued | None: ...


class Charters(Protocol):
    """The chain of charters, a page at a time."""

    async def charters(self, first: int = 1) -> list[bytes]: ...


class Waiting(Protocol):
    """This node's own joining. Raises Fault, RemoteProtocolError."""

    async def ask(self, token: str) -> Membership | None: ...

    async def state(self) -> dict[str, JsonValue] | None: ...

    async def give_up(self) -> bool: ...


class Desk(Protocol):
    """Who wants to be let in here. Raises Fault."""

    async def open_invites(self) -> list[Invite]: ...

    async def joiners(self) -> list[Joiner]: ...

    async def approve(self, beginning: str) -> Joiner: ...

    async def deny(self, beginning: str) -> Joiner: ...


class Proposals(Protocol):
    """Changes that more than one admin must sign. Raises Fault, RemoteProtocolError."""

    async def open(self) -> list[Seen]: ...

    async def sign(self, beginning: str) -> Issued: ...

    async def turn_down(self, beginning: str) -> StoredProposal: ...


class Starting(Protocol):
    """Making experiments. Raises Fault, ConfigError."""

    async def start(
        self, project: Project, operator: str, *, iterations: int | None, seed: int | None, is_stepwise: bool
    ) -> Experiment: ...


class Peers(Protocol):
    """Who is out there."""

    def lines(self) -> Sequence[PeerLine]: ...

    async def lasting(self) -> Sequence[PeerLine]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The node as the API sees it.

    doors: what is open now, by name (`api`, `peer`), as host:port. writes: grows with each write to the store.
    undiscovered: why members on the local network cannot be found now. sessions: who is signed in on the web page.
    caller_of: whose program connected. build: of the program. store_size: the answer's `store`.
    """

    name: str
    owner: str
    hive: Hive
    projects: Projects
    experiments: Experiments
    starting: Starting
    runner: Runner
    steps: Steps
    watchman: Watchman
    checker: Checker
    deltas: Deltas
    beliefs: Beliefs
    suggest: Suggest
    guard: ScopeGuard
    constitution: Constitution
    diary: Diary
    membering: Membering
    chain: Charters
    proposals: Proposals
    waiting: Waiting
    desk: Desk
    peers: Peers
    agents: AgentService
    advice: AdviceService
    skills: SkillService
    clock: Clock
    restarts: Mapping[str, int]
    doors: Mapping[str, str]
    undiscovered: Callable[[], str | None]
    sessions: Sessions
    caller_of: CallerOf
    writes: Callable[[], int]
    build: str
    store_size: Callable[[], Mapping[str, JsonValue]]
