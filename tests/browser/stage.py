"""A node with something in every view: what really happened, and rows such as a year, a liar and a model would leave."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hive_node.adapters.store.skill_rows import version_row
from hive_node.advice.changes import TuneParam
from hive_node.advice.proposal import Confidence, Finding, Place, Proposal
from hive_node.skills.event import Scope
from hive_node.skills.skill import State, Tried, Version
from tests.integration.conftest import Daemon

TRIALS = 10_000
MARKUP = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
REORDERED = "invoice\u202efdp.exe"
LONG_IDEA = "widen the window " * 640  # 10 KB
SOURCE = 'def run(value):\n    return "<b>" + value  # \u202e hidden\n'
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DIFF = "--- a/hive.toml\n+++ b/hive.toml\n@@ -12,2 +12,2 @@\n [metric]\n-min_effect = 0.0\n+min_effect = 0.01\n"


def hostile(node: Daemon) -> None:
    """Write what peers and models could have said, while the node does not run."""
    with sqlite3.connect(node.home.database) as store:
        _ideas(store, "knob-1")
        _receipts(store)
        _joiner(store)
        _skills(store)
        _advice(store)
    store.close()


def hive(ada: Daemon, bo: Daemon) -> None:
    """A hive of two."""
    ada.client.post("/v1/hive", {"name": "team"})
    bo.client.post("/v1/hive/join", {"token": ada.client.post("/v1/hive/invites")["token"]})


def experiment(node: Daemon, project: Path) -> None:
    """One that is over."""
    node.client.post("/v1/projects", {"path": str(project)})
    node.client.post("/v1/experiments", {"project": "knob", "operator": "tune", "seed": 1})
    for event in node.client.events(0):
        if event["kind"] == "experiment" and event["data"]["state"] == "finalized":
            return


def contest(node: Daemon) -> None:
    """A coding agent in a contest, with two sessions of which something is known."""
    node.client.post("/v1/agents", {"kind": "generic", "name": "helper"})
    node.client.post("/v1/agents/helper/roll")
    for number in range(2):
        session = node.client.post("/v1/sessions", {"agent": "helper", "id": f"s{number}"})["session"]
        said = {"agent": "helper", "signals": {"tests": "green", "turns": 3}, "good": number}
        node.client.post(f"/v1/sessions/{session}/signals", said)
        node.client.post(f"/v1/sessions/{session}/end", {"agent": "helper"})


def _ideas(store: sqlite3.Connection, experiment: str) -> None:
    """Ten thousand trials that came to nothing, the last of them with words that want to be markup."""
    (first,) = store.execute("SELECT max(number) FROM ideas WHERE experiment = ?", (experiment,)).fetchone()
    store.execute(
        """WITH RECURSIVE n(i) AS (SELECT ?1 + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO ideas SELECT experiment, i, task, 'v' || i, 'd' || i, operator, NULL, 'rejected',
          'baseline.not-better', 13.0 + (i * 7919 % 1000) / 250.0, at,
          json_set(document, '$.number', i, '$.words', 'Set SIZE to ' || (i % 64)), NULL, NULL
        FROM ideas JOIN n WHERE experiment = ?3 AND number = 1""",
        (first, TRIALS, experiment),
    )
    for number, words in ((TRIALS, MARKUP), (TRIALS - 1, REORDERED), (TRIALS - 2, LONG_IDEA)):
        store.execute(
            "UPDATE ideas SET document = json_set(document, '$.words', ?) WHERE experiment = ? AND number = ?",
            (words, experiment, number),
        )
    store.execute("UPDATE experiments SET document = json_set(document, '$.iteration', ?)", (TRIALS,))


def _receipts(store: sqlite3.Connection) -> None:
    rows: list[tuple[str, str, str, str, dict[str, Any]]] = [
        ("out", "recipe:knob-1:3", "redacted", "scope.redacted", {"places": ["body.idea: email", MARKUP]}),
        ("out", "recipe:knob-1:4", "blocked", "scope.secret", {"places": ["body.edits.0.replace: GitHub token"]}),
        ("in", REORDERED, "blocked", "scope.secret", {"places": []}),
    ]
    for direction, subject, decision, rule, places in rows:
        store.execute(
            "INSERT INTO receipts (at, direction, subject, decision, document) VALUES (?, ?, ?, ?, ?)",
            ("2026-03-01T12:00:00Z", direction, subject, decision, json.dumps({"rule": rule, **places})),
        )


def _joiner(store: sqlite3.Connection) -> None:
    """Somebody who has an invite, and calls themselves what a page might run."""
    said = {"node": "a" * 52, "invite": "i1", "certificate": b"", "owner": MARKUP, "name": REORDERED}
    moments = {"asked_at": "2026-03-01T12:00:00Z", "expires_at": "2999-01-01T00:00:00Z"}
    _insert(store, "joiners", said | moments | {"state": "pending"})


def _skills(store: sqlite3.Connection) -> None:
    scope = Scope("ada", "parser", MARKUP)
    tried = Tried(cases=4, passed=4, held_out=1, seconds=0.02, backend="bubblewrap")
    said = {"task": "parse a date of any order", "at": NOW, "words": MARKUP, "source": SOURCE, "tried": tried}
    for number, state in ((1, State.PROMOTED), (2, State.VALIDATED)):
        parent = number - 1 or None
        version = Version("parse-a-date", number, scope, "memento", state, parent=parent, **said)  # type: ignore[arg-type]
        _insert(store, "skill_versions", version_row(version, f"origin-{number}"))


def _advice(store: sqlite3.Connection) -> None:
    change = TuneParam(table="metric", key="min_effect", value=0.01)
    place = Place("knob-1", "run-1", MARKUP)
    finding = Finding(change, Confidence.HIGH, f"Ask for more {MARKUP}", LONG_IDEA[:1200], (place,))
    proposal = Proposal("0123456789ab", "knob", "metric.min_effect", finding, DIFF, None, None, False, NOW, ("knob-1",))
    document = TypeAdapter(Proposal).dump_python(proposal, mode="json")
    row = {"id": proposal.id, "project": "knob", "standing": "open", "made_at": "2026-03-01T12:00:00Z"}
    _insert(store, "advice", row | {"document": document})


def _insert(store: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
    marks = ", ".join("?" * len(row))
    store.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", values)
