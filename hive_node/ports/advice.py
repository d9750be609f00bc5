"""What advice needs of the outside: an experiment's events, a place for proposals, the user's hive.toml, somebody to ask."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hive_node.advice.history import RunEvent
from hive_node.advice.proposal import Proposal
from hive_node.domain import Experiment, IdeaRecord
from hive_node.ports.faults import Fault
from hive_node.ports.model import Answer, Prompt


class AdviceFault(Fault):
    """Advice cannot be given, or not be followed. Nothing was changed."""


class Runs(Protocol):
    """Experiments, and what happened in them. Raises StoreError, NotFound."""

    async def get(self, identity: str) -> Experiment: ...

    async def all(self, project: str | None = None) -> list[Experiment]: ...

    async def ideas(self, experiment: str, *, after: int = 0) -> list[IdeaRecord]: ...

    async def count_events(self, experiment: str) -> int:
        """How many events there are: runs, verdicts, and the end."""
        ...

    async def known_events(self, experiment: Experiment, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are events of it."""
        ...

    async def event(self, experiment: Experiment, identity: str) -> RunEvent:
        """One event; what was printed is as it came. Raises NotFound."""
        ...

    def events(self, experiment: Experiment) -> AsyncIterator[RunEvent]:
        """Each run in order, then each verdict, then the end; what was printed is as it came."""
        ...


class AdviceShelf(Protocol):
    """Proposals, and what was decided on them. Raises StoreError, NotFound."""

    async def keep(self, proposals: Sequence[Proposal]) -> None:
        """Write those that are new; one that is there stays as it stands."""
        ...

    async def get(self, identity: str) -> Proposal: ...

    async def all(self, project: str | None = None) -> list[Proposal]: ...

    async def decide(self, proposal: Proposal) -> None:
        """Write what was decided over what stood."""
        ...


@dataclass(frozen=True, slots=True)
class SpecText:
    """A hive.toml as it is on disk now."""

    path: Path
    text: str


class SpecFiles(Protocol):
    """The user's own hive.toml. Raises AdviceFault."""

    async def read(self, repository: Path) -> SpecText: ...

    async def replace(self, now: SpecText, text: str, name: str) -> Path:
        """Write `text` over what `now` was read from, whole or not at all, if it still is that; where the copy of it lies."""
        ...


class Cleaner(Protocol):
    """The scope guard over what a stranger printed. Raises Fault where it cannot look."""

    async def clean(self, text: str) -> str:
        """The text without secrets, personal data and this machine's own names."""
        ...

    async def without_secrets(self, text: str) -> str:
        """The text without secrets: for this machine's user alone."""
        ...


class Counsel(Protocol):
    """A language model, paid from what is left of an experiment's own budget. Raises ModelFault, OverBudget."""

    async def ask(self, experiment: Experiment, prompt: Prompt) -> Answer: ...
