"""Keeps what the guard knows of this machine as the machine is: a `.env` edited, a repository handed over, a network joined."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from guardrails.scope import LocalFacts, ScopeGuard
from hive_node.adapters.dictionary.files import Looked
from hive_node.adapters.dictionary.names import collect_names, machine_names
from hive_node.adapters.dictionary.secrets import collect_secrets
from hive_node.ports import Chance, Clock

logger = logging.getLogger(__name__)

# Nothing leaves before it was looked again anyway; this is for what arrives.
_POLL_S: Final = 10.0
_KEY_BYTES: Final = 32

# What the machine is called and where it is reached, which is in no file.
_Machine: TypeAlias = frozenset[tuple[str, str]]


@dataclass(slots=True)
class OwnFacts:
    """Gathers again when something that was looked at changed; never on the event loop, and for one asker at a time.

    guard: told of what is known. repositories: whose people and settings are this machine's. kept: files of the node's own
    that are a secret.
    """

    guard: ScopeGuard
    repositories: Callable[[], Awaitable[list[Path]]]
    environment: Mapping[str, str]
    home: Path
    kept: Sequence[Path]
    clock: Clock
    chance: Chance
    _looked: Looked = field(default_factory=Looked)
    _machine: _Machine | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def serve(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.clock.sleep(_POLL_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Gather again if something changed; a millisecond in a thread where nothing did."""
        async with self._turn:
            if await asyncio.to_thread(self._has_changed):
                await self._gather()

    async def gather(self) -> None:
        """Gather again: there are other repositories now."""
        async with self._turn:
            await self._gather()

    def _has_changed(self) -> bool:
        return self._machine != _machine_now() or self._looked.has_changed()

    async def _gather(self) -> None:
        repositories = await self.repositories()
        machine, looked, facts = await asyncio.to_thread(self._collect, repositories)
        self.guard.know(facts)
        self._machine, self._looked = machine, looked
        logger.info("own names and secrets gathered", extra={"known": repr(facts)})

    def _collect(self, repositories: list[Path]) -> tuple[_Machine, Looked, LocalFacts]:
        machine, looked = _machine_now(), Looked()
        names = collect_names(repositories, looked)
        secrets = collect_secrets(repositories, self.environment, self.home, looked, self.kept)
        return machine, looked, LocalFacts.of([*names, *secrets], self.chance.token_bytes(_KEY_BYTES))


def _machine_now() -> _Machine:
    return frozenset((fact.kind, fact.value) for fact in machine_names(Looked()))
