"""The tables of learning from what happened. One METADATA with the others."""

from typing import Final

from sqlalchemy import JSON, Column, Float, Index, Integer, Table, Text

from hive_node.adapters.store.tables import METADATA

# What agents reported, in the order it was stored. `position`s of handlers point into it.
task_events: Final = Table(
    "task_events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("skill", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Index("task_events_by_key", "owner", "project", "agent", "key", unique=True),
    Index("task_events_by_skill", "skill", "id"),
)

# How far each handler has come: everything up to `position` is done, or a row of `deliveries`.
handlers: Final = Table(
    "handlers",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("handled", Integer, nullable=False),
)

# What a handler made of an event, where that is more than nothing: a result, or a failure that is tried again.
deliveries: Final = Table(
    "deliveries",
    METADATA,
    Column("handler", Text, primary_key=True),
    Column("event", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Text),
    Column("error", Text),
    Column("result", JSON),
    Index("deliveries_by_state", "handler", "state", "due_at"),
)

# What an agent should be told, by what it is about.
guidance: Final = Table(
    "guidance",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("signature", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
)

# Every attempt at a skill. `parent` is its lineage; `origin` is what it came from, once for ever.
skill_versions: Final = Table(
    "skill_versions",
    METADATA,
    Column("skill", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("parent", Integer),
    Column("origin", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index("skill_versions_by_origin", "origin", unique=True),
    Index("skill_versions_by_state", "state"),
    Index("skill_versions_by_scope", "owner", "project", "agent"),
)

# Inputs and right answers, in the order in which a skill got them.
skill_cases: Final = Table(
    "skill_cases",
    METADATA,
    Column("skill", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("is_held_out", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Index("skill_cases_by_digest", "skill", "digest", unique=True),
)

# What was told of a version after the fact; a key counts once.
skill_signals: Final = Table(
    "skill_signals",
    METADATA,
    Column("skill", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("objective", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("at", Text, nullable=False),
)

# Calls whose right answer was known, by their input: the same one proves nothing twice.
skill_outcomes: Final = Table(
    "skill_outcomes",
    METADATA,
    Column("skill", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("passed", Integer, nullable=False),
)

# What was verified of an engine's work for an agent.
capabilities: Final = Table(
    "capabilities",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("engine", Text, primary_key=True),
    Column("successes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("credit", Integer, nullable=False),
)

# What an agent was given on one day.
capability_days: Final = Table(
    "capability_days",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("project", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("candidates", Integer, nullable=False),
    Column("mutations", Integer, nullable=False),
)
