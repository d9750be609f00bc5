"""SQLite in WAL mode: everything that a failure could cut in two is a row here first."""

from hive_node.adapters.store.advice import AdviceStore, RunStore
from hive_node.adapters.store.agents import AgentStore
from hive_node.adapters.store.calls import AccountStore, CallStore
from hive_node.adapters.store.charters import CharterStore
from hive_node.adapters.store.committing import Committer
from hive_node.adapters.store.database import Database
from hive_node.adapters.store.experiments import ExperimentStore
from hive_node.adapters.store.feeds import FeedStore
from hive_node.adapters.store.gatekeeping import Gatekeeper
from hive_node.adapters.store.journal import Journal
from hive_node.adapters.store.peers import PeerStore
from hive_node.adapters.store.projects import ProjectStore
from hive_node.adapters.store.retention import Retention
from hive_node.adapters.store.skill_cases import SkillRecords
from hive_node.adapters.store.skills import SkillStore
from hive_node.adapters.store.task_events import TaskEventStore

__all__ = [
    "AccountStore",
    "AdviceStore",
    "AgentStore",
    "CallStore",
    "CharterStore",
    "Committer",
    "Database",
    "ExperimentStore",
    "FeedStore",
    "Gatekeeper",
    "Journal",
    "PeerStore",
    "ProjectStore",
    "Retention",
    "RunStore",
    "SkillRecords",
    "SkillStore",
    "TaskEventStore",
]
