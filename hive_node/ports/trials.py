"""Repositories, operators, and what an operator may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from hive_node.domain import Experiment, Files, Idea, IdeaRecord
from protocol.deltas import Recipe
from protocol.ids import EntryId, NodeId


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file of a commit: its mode (`100644`, `100755`, `120000` for a link) and its blob's id."""

    mode: str
    blob: str


class Repository(Protocol):
    """A user's repository, read and given branches; its checkout is never touched. Raises RepositoryError."""

    root: Path

    async def head(self) -> str: ...

    async def is_dirty(self, besides: str) -> bool: ...

    async def entries(self, commit: str) -> dict[str, TreeEntry]: ...

    async def read(self, blobs: Sequence[str]) -> list[bytes]: ...

    async def lay_out(self, folder: Path, commit: str) -> Path: ...

    async def reset(
        self, folder: Path, git_folder: Path, commit: str, fresh: Mapping[str, bytes], known: Mapping[str, bytes]
    ) -> None: ...

    async def remove(self, folder: Path) -> None: ...

    async def commit(self, parent: str, files: Mapping[str, bytes | None], message: str, when: datetime) -> str: ...

    async def is_same_change(self, one: str, other: str) -> bool: ...

    async def branch(self, name: str) -> str | None: ...

    async def move_branch(self, name: str, new: str, old: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A recipe that the hive believes in, for a task that is ours too.

    lower: bound on its relative gain. total: the same with what its author had gained before it, from the unchanged project on.
    """

    id: EntryId
    author: NodeId
    owner: str
    recipe: Recipe
    lower: float
    is_corroborated: bool
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What an operator came up with: whole new texts of editable files, and why."""

    operator: str
    words: str
    files: Files
    recipe: EntryId | None = None
    parameters: Mapping[str, float | int | str | bool] = field(default_factory=dict)
    is_like_for_like: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """What an operator may look at: the champion's files, the ledger, the spec. Never the holdout, never a protected file.

    start: the base commit's editable files. is_exploring: a radical change is wanted now, not one more step.
    """

    experiment: Experiment
    champion: Files
    start: Files
    ledger: Sequence[IdeaRecord]
    is_exploring: bool = False


class Operator(Protocol):
    """Something that makes ideas."""

    @property
    def name(self) -> str: ...

    async def draft(self, situation: Situation) -> Draft | None:
        """The next idea, or None where there is none left."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one operator's ideas: how many were decided on, and how many of them promoted."""

    decided: float
    promoted: float


class Experience(Protocol):
    """What is known of operators on an experiment's task, but for the experiment itself."""

    async def tallies(self, experiment: Experiment) -> Mapping[str, Tally]:
        """By operator."""
        ...


class Elsewhere(Protocol):
    """What this node's other experiments on the same task came to."""

    async def promoted_elsewhere(self, experiment: Experiment) -> Sequence[Idea]:
        """The ideas that they promoted, newest first; a few."""
        ...


class RepositoryOpener(Protocol):
    """Opens the repository at a path. Raises RepositoryError."""

    async def __call__(self, path: Path) -> Repository: ...
