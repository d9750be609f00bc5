"""What every part of a node stands on: its home, key and rules, time and chance, the store, the scope guard, the language model."""

import os
from pathlib import Path
from typing import Final

from guardrails.constitution import Constitution
from guardrails.scope import LocalFacts, ScopeGuard
from hive_node.adapters.clock import SystemChance, SystemClock
from hive_node.adapters.dictionary.keeping import OwnFacts
from hive_node.adapters.keyfile import NodeKey
from hive_node.adapters.llm import ModelDesk
from hive_node.adapters.llm.scanned import ScannedModel
from hive_node.adapters.plugins import MODELS, check
from hive_node.adapters.resting import RestingEngine
from hive_node.adapters.scope_engine import borrow_engine
from hive_node.adapters.store import CharterStore, Database, FeedStore, Journal, PeerStore, ProjectStore
from hive_node.config.home import Home, pattern_cache
from hive_node.config.node import NodeConfig
from hive_node.hive import Hive
from hive_node.ports import LanguageModel

_SCOPE_KEY_BYTES: Final = 32


class Foundation:
    """Made once, and never replaced. Raises FatalError where config.toml names a model's plug-in that is not installed."""

    def __init__(
        self,
        home: Home,
        config: NodeConfig,
        key: NodeKey,
        token: str,
        constitution: Constitution,
        database: Database,
        clock: SystemClock,
    ) -> None:
        self.home = home
        self.config = config
        self.key = key
        self.token = token
        self.constitution = constitution
        self.database = database
        self.clock = clock
        self.chance = SystemChance()
        self.journal = Journal(database, clock)
        self.feed = FeedStore(database, self.journal)
        self.charters = CharterStore(database, self.journal)
        self.peers = PeerStore(database, clock)
        self.shelf = ProjectStore(database)
        self.hive = Hive(key.node_id, rules=constitution.digest)
        # Nothing is judged before the node is restored: that gathers what this machine is.
        self.engine = RestingEngine(lambda: borrow_engine(pattern_cache()), clock)
        self.guard = ScopeGuard(self.engine, LocalFacts.of([], self.chance.token_bytes(_SCOPE_KEY_BYTES)))
        kept = (home.key, home.token)
        self.own = OwnFacts(self.guard, self._repositories, os.environ, Path.home(), kept, clock, self.chance)
        if config.model is not None and config.model.plugin is not None:
            check(MODELS, config.model.plugin)
        self.models = ModelDesk(config.model)

    def why_halted(self) -> str | None:
        """Why nothing may be promoted now; None where it may."""
        return self.hive.why_halted(self.clock.now())

    async def model(self) -> LanguageModel:
        """The model; one that is somewhere else is told nothing that the scope guard would not let leave."""
        model = await self.models.model()
        return model if self.models.is_local else ScannedModel(model, self.guard, self.own.refresh)

    async def _repositories(self) -> list[Path]:
        return [project.path for project in await self.shelf.all()]
