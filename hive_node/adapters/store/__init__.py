"""SQLite in WAL mode: everything that a failure could cut in two is a row here first."""

from hive_node.adapters.store.agents import AgentStore
from hive_node.adapters.store.calls import CallStore
from hive_node.adapters.store.charters import CharterStore
from hive_node.adapters.store.database import Database
from hive_node.adapters.store.experiments import ExperimentStore
from hive_node.adapters.store.feeds import FeedStore
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.peers import PeerStore
from hive_node.adapters.store.projects import ProjectStore

__all__ = [
    "AgentStore",
    "CallStore",
    "CharterStore",
    "Database",
    "ExperimentStore",
    "FeedStore",
    "Journal",
    "PeerStore",
    "ProjectStore",
]
