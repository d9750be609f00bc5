"""The tables. Columns that are searched stand alone; the rest of a noun is one JSON document beside them."""

from typing import Final

from sqlalchemy import JSON, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

METADATA: Final = MetaData()

projects: Final = Table(
    "projects",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("document", JSON, nullable=False),
)

experiments: Final = Table(
    "experiments",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("project", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("document", JSON, nullable=False),
)

transitions: Final = Table(
    "transitions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("experiment", Text, nullable=False, index=True),
    Column("iteration", Integer, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("at", Text, nullable=False),
)

# The ledger of ideas: every one that was ever taken up, its trial, and what the gates said.
ideas: Final = Table(
    "ideas",
    METADATA,
    Column("experiment", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("task", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("diff", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("recipe", Text),
    Column("outcome", Text),
    Column("rule", Text),
    Column("value", Float),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Column("trial", JSON),
    Column("verdict", JSON),
    Index("ideas_by_diff", "task", "diff"),
)

samples: Final = Table(
    "samples",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("experiment", Text, nullable=False),
    Column("idea", Integer, nullable=False),
    Column("arm", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index("samples_by_idea", "experiment", "idea"),
)

promotions: Final = Table(
    "promotions",
    METADATA,
    Column("experiment", Text, primary_key=True),
    Column("idea", Integer, primary_key=True),
    Column("commit", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
)

# One for each promotion that is to be measured again.
watches: Final = Table(
    "watches",
    METADATA,
    Column("experiment", Text, primary_key=True),
    Column("idea", Integer, primary_key=True),
    Column("state", Text, nullable=False, index=True),
    Column("due_at", Text, nullable=False),
    Column("document", JSON, nullable=False),
)

# The books of a language model's calls. A row is there before its call is made; `state` says whether the sums are what it
# may cost (reserved), what it did (settled), or nothing (released).
calls: Final = Table(
    "calls",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("experiment", Text, nullable=False, index=True),
    Column("idea", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("micro_dollars", Integer, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("reason", Text),
    Column("at", Text, nullable=False),
    Column("usage", JSON),
)

charters: Final = Table(
    "charters",
    METADATA,
    Column("version", Integer, primary_key=True),
    Column("envelope", LargeBinary, nullable=False),
)

# Changes of this node's own that lost to another branch of the charter, to be issued again on top of it.
amendments: Final = Table(
    "amendments",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("at", Text, nullable=False),
)

# Next versions that too few admins have signed as yet: nothing here has any effect.
proposals: Final = Table(
    "proposals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("change", JSON, nullable=False),
    Column("turned_down", JSON, nullable=False),
    Column("at", Text, nullable=False),
)

# One entry at one place: a second one is a proof of equivocation and goes to `proofs`, never here.
entries: Final = Table(
    "entries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("author", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("task", Text, index=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("standing", Text, nullable=False),
    Column("purpose", Text, unique=True),
    Column("received_at", Text, nullable=False),
    UniqueConstraint("author", "epoch", "seq"),
)

held: Final = Table(
    "held",
    METADATA,
    Column("author", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("envelope", LargeBinary, nullable=False),
)

proofs: Final = Table(
    "proofs",
    METADATA,
    Column("author", Text, primary_key=True),
    Column("first", LargeBinary, nullable=False),
    Column("second", LargeBinary, nullable=False),
    Column("at", Text, nullable=False),
)

peers: Final = Table(
    "peers",
    METADATA,
    Column("node", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("last_seen", Text),
    Column("failures", Integer, nullable=False, default=0),
    Column("retry_at", Text),
)

invites: Final = Table(
    "invites",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("wrong", Integer, nullable=False, default=0),
    Column("used_by", Text),
)

# Who proved to have an invite and is let in by hand.
joiners: Final = Table(
    "joiners",
    METADATA,
    Column("node", Text, primary_key=True),
    Column("invite", Text, nullable=False),
    Column("certificate", LargeBinary, nullable=False),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("asked_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("state", Text, nullable=False),
)

# Coding agents whose configuration evolves.
agents: Final = Table(
    "agents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("folder", Text),
    Column("document", JSON, nullable=False),
)

# Every variant that an agent ever had or tried; `parent` is its lineage.
variants: Final = Table(
    "variants",
    METADATA,
    Column("agent", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("parent", Text),
    Column("operator", Text, nullable=False),
    Column("idea", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("document", JSON, nullable=False),
)

contests: Final = Table(
    "contests",
    METADATA,
    Column("agent", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False, index=True),
    Column("document", JSON, nullable=False),
)

# One row a session of an agent, there before it begins: counts and a score, and no text of anybody's.
sessions: Final = Table(
    "sessions",
    METADATA,
    Column("agent", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("contest", Integer),
    Column("is_open", Integer, nullable=False, index=True),
    Column("seen_at", Text, nullable=False),
    Column("scored_at", Text),
    Column("score", Float),
    Column("document", JSON, nullable=False),
    Index("sessions_by_contest", "agent", "contest"),
)

# Files of agents that were written into, as they were without it.
agent_files: Final = Table(
    "agent_files",
    METADATA,
    Column("agent", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("original", LargeBinary),
    Column("written", LargeBinary),
    Column("made_folders", JSON, nullable=False),
)

# Proposals to change a project's hive.toml; a row stays for ever, so that a *no* does.
advice: Final = Table(
    "advice",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("project", Text, nullable=False, index=True),
    Column("standing", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("document", JSON, nullable=False),
)

# Ids without gaps, so that a listener knows when it missed one.
events: Final = Table(
    "events",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSON, nullable=False),
)

# What the scope guard did, by kind and place, never by value. Stays on this machine.
receipts: Final = Table(
    "receipts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("document", JSON, nullable=False),
    Index("receipts_by_subject", "subject"),
)

facts: Final = Table(
    "facts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)
