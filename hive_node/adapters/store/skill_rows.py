"""Versions, cases and what was tried of them, as rows and back."""

from datetime import datetime
from typing import Any, Final

from guardrails.verdict import Rejected
from hive_node.adapters.store.task_events import moment
from hive_node.skills.case import Case
from hive_node.skills.event import Scope
from hive_node.skills.skill import State, Tried, Version
from protocol.wire import JsonValue

# What is a column of its own; the rest of a version is its document.
_PLAIN: Final = ("signature", "source", "words", "task", "tokens", "entry", "is_mutation")


def version_row(version: Version, origin: str) -> dict[str, Any]:
    """A version as its row. origin: what it came from, as no other version does."""
    return {
        "skill": version.skill,
        "number": version.number,
        "owner": version.scope.owner,
        "project": version.scope.project,
        "agent": version.scope.agent,
        "engine": version.engine,
        "parent": version.parent,
        "origin": origin,
        "at": moment(version.at),
        **moving(version),
    }


def moving(version: Version) -> dict[str, Any]:
    """What changes of a version's row as it moves on."""
    document = {name: getattr(version, name) for name in _PLAIN}
    document |= {
        "events": list(version.events),
        "reason": _rejected_tree(version.reason),
        "tried": _tried_tree(version.tried),
    }
    return {"state": version.state.value, "document": document}


def version_of(row: Any) -> Version:
    """The version of a row."""
    document = row.document
    return Version(
        skill=row.skill,
        number=row.number,
        scope=Scope(row.owner, row.project, row.agent),
        engine=row.engine,
        state=State(row.state),
        parent=row.parent,
        at=datetime.fromisoformat(row.at),
        events=tuple(document["events"]),
        reason=_rejected(document["reason"]),
        tried=_tried(document["tried"]),
        **{name: document[name] for name in _PLAIN},
    )


def case_row(skill: str, number: int, case: Case) -> dict[str, Any]:
    """A case as its row."""
    document = {"given": case.given, "expected": case.expected, "event": case.event}
    return {
        "skill": skill,
        "number": number,
        "digest": case.digest,
        "is_held_out": int(case.is_held_out),
        "document": document,
    }


def case_of_row(row: Any) -> Case:
    """The case of a row."""
    document = row.document
    return Case(document["given"], document["expected"], bool(row.is_held_out), document["event"])


def _rejected_tree(rejected: Rejected | None) -> JsonValue:
    if rejected is None:
        return None
    return {"rule": rejected.rule, "reason": rejected.reason, "details": dict(rejected.details)}


def _rejected(tree: Any) -> Rejected | None:
    return Rejected(tree["rule"], tree["reason"], tree["details"]) if tree else None


def _tried_tree(tried: Tried | None) -> JsonValue:
    if tried is None:
        return None
    tree: dict[str, JsonValue] = {
        name: getattr(tried, name) for name in ("cases", "passed", "held_out", "seconds", "backend")
    }
    return tree | {"rejected": _rejected_tree(tried.rejected)}


def _tried(tree: Any) -> Tried | None:
    return Tried(**{**tree, "rejected": _rejected(tree["rejected"])}) if tree else None
