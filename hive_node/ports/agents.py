"""A coding agent as the outside has it: its files, its sessions' records, its place in the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hive_node.agents.session import Agent, Contest, Session
from hive_node.agents.signals import Signals
from hive_node.agents.variant import Descent, Digest, Variant
from hive_node.ports.faults import Fault


class AgentFault(Fault):
    """An agent's files or records are not as they would have to be. Nothing was changed."""


class Piece(Protocol):
    """What this node puts into one file of an agent's. Pure: bytes in, bytes out. Raises AgentFault for a file it cannot read."""

    @property
    def path(self) -> str:
        """The file, relative to the agent's folder."""
        ...

    def put(self, before: bytes | None) -> bytes | None:
        """The file with this piece, in the place of an older one of ours if there is one; None: there should be no such file."""
        ...

    def take(self, now: bytes, original: bytes | None) -> bytes | None:
        """The file without anything of ours; everything else as it stands. None: nothing is left that was not ours."""
        ...

    def ours(self, now: bytes) -> bytes | None:
        """What stands in the file as ours now, to see whether somebody edited it; None where nothing does."""
        ...


class AgentAdapter(Protocol):
    """One kind of coding agent. Pure but for `detect` and `read`.

    tells_sessions: its hooks say when a session begins and ends; else sessions are blocks of time.
    """

    @property
    def kind(self) -> str: ...

    @property
    def tells_sessions(self) -> bool: ...

    @property
    def needs_folder(self) -> bool: ...

    def detect(self, folder: Path) -> bool:
        """Whether the agent was used in this folder."""
        ...

    def render(self, variant: Variant) -> Mapping[str, bytes]:
        """What the agent is given of a variant, by the place where it reads it."""
        ...

    def pieces(self, variant: Variant, hook: str) -> Sequence[Piece]:
        """What its files hold while `variant` is in force. hook: the command line of this node's hook, without the event."""
        ...

    def answer(self, variant: Variant) -> str:
        """What its hook prints when a session begins; nothing where there is nothing to say."""
        ...

    def read(self, transcript: str | None, folder: Path | None, since: datetime, until: datetime) -> Signals | None:
        """What its own records say of a session; None where there are none. Blocks; reads on the spot, keeps no text."""
        ...


@dataclass(frozen=True, slots=True)
class TouchedFile:
    """A file that this node writes into. original: its bytes without anything of ours, None: there was no such file. written: as it was left last.

    made_folders: those that were made for it, innermost first, relative to the agent's folder.
    """

    agent: str
    path: str
    original: bytes | None
    written: bytes | None
    made_folders: tuple[str, ...] = ()


class FileNotes(Protocol):
    """What is known of files that were written into. A row is there before the file is touched. Raises StoreError."""

    async def touched(self, agent: str) -> list[TouchedFile]: ...

    async def keep_touched(self, file: TouchedFile) -> None: ...

    async def forget_touched(self, agent: str, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What a user had changed between our marks, set aside before it went. path: of the file; copy: where it lies now."""

    path: str
    copy: Path


class PlacesFiles(Protocol):
    """An agent's files on disk. Raises AgentFault, StoreError."""

    async def place(self, agent: str, folder: Path, pieces: Sequence[Piece]) -> list[Kept]: ...

    async def is_in_place(self, folder: Path, pieces: Sequence[Piece]) -> bool: ...

    async def forget(self, agent: str, folder: Path, pieces: Sequence[Piece]) -> list[Kept]: ...


@dataclass(frozen=True, slots=True)
class HookTrial:
    """How a hook did. problem: why an agent would hear nothing of us; None where it answered as it should."""

    took_s: float
    problem: str | None


class TriesHook(Protocol):
    """The hook as agents run it."""

    @property
    def command(self) -> str: ...

    async def try_in(self, folder: Path) -> HookTrial:
        """Run it in an agent's folder, with an event of which no session comes."""
        ...


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """How many sessions there were. missing: over, and without a signal."""

    all: int
    open: int
    scored: int
    missing: int


@dataclass(frozen=True, slots=True)
class Running:
    """A contest that is not decided. sessions: given each arm so far, by its name."""

    agent: str
    number: int
    operator: str
    sessions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AgentTally:
    """All agents in figures. contests: by how they stand. sessions: of contests, by the arm that they were given."""

    agents: int
    contests: Mapping[str, int]
    sessions: Mapping[str, int]
    running: Sequence[Running]


class AgentShelf(FileNotes, Protocol):
    """Agents, their variants, sessions and contests. Raises StoreError, NotFound."""

    async def add(self, agent: Agent, first: Descent) -> None: ...

    async def get(self, identity: str) -> Agent: ...

    async def all(self) -> list[Agent]: ...

    async def keep(self, agent: Agent, **told: str | int | None) -> None: ...

    async def remove(self, identity: str) -> None: ...

    async def descent(self, agent: str, digest: Digest) -> Descent: ...

    async def descents(self, agent: str) -> list[Descent]: ...

    async def begin(self, session: Session) -> Session: ...

    async def session(self, agent: str, identity: str) -> Session | None: ...

    async def keep_session(self, session: Session) -> None: ...

    async def sessions(self, agent: str, *, contest: int | None = None) -> list[Session]: ...

    async def latest(self, agent: str, limit: int) -> list[Session]: ...

    async def counts(self, agent: str) -> SessionCounts: ...

    async def tally(self) -> AgentTally: ...

    async def open_sessions(self) -> list[Session]: ...

    async def signalled_since(self, agent: str, moment: datetime) -> list[Session]: ...

    async def contests(self, agent: str) -> list[Contest]: ...

    async def running(self, agent: str) -> Contest | None: ...

    async def start(self, agent: Agent, contest: Contest, challenger: Descent) -> None: ...

    async def end(self, agent: Agent, contest: Contest) -> None: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a language model is told of an agent. losers: ideas that were tried and did not win. signals: sums over its last sessions."""

    champion: Variant
    losers: Sequence[str]
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An answer of a model's. words: a new prefix and the idea behind it; None where it was of no use. It costs either way."""

    words: tuple[str, str] | None
    micro_dollars: int


class Rewriter(Protocol):
    """A language model that changes a prefix. Raises ModelFault."""

    async def is_there(self, *, may_cost: bool) -> bool:
        """Whether it can be asked here; without leave to cost anything, only one that is free."""
        ...

    async def most(self, told: Told) -> int:
        """What an answer costs at most, in micro-dollars. Costs nothing."""
        ...

    async def rewrite(self, told: Told) -> Rewritten:
        """One attempt."""
        ...
