"""Findings as SARIF 2.1.0 (OASIS), which code hosts and editors show."""

import os
from typing import Any, Final
from urllib.parse import quote

from hive_node import __version__
from hive_node.cli.scanning.found import Found, Scan

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {"secret": "error", "pii": "warning"}


def sarif(scan: Scan) -> dict[str, Any]:
    """The log: one run, one result for each finding, and what could not be read as notifications."""
    rules = {one.rule: one for one in sorted(scan.items, key=lambda one: one.rule)}
    index = {rule: number for number, rule in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hive-node scan",
                        "semanticVersion": __version__,
                        "rules": [_rule(one) for one in rules.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not scan.unread,
                        "toolExecutionNotifications": [_notification(*one) for one in scan.unread],
                    }
                ],
                "results": [_result(one, index[one.rule]) for one in scan.items],
            }
        ],
    }


def _rule(found: Found) -> dict[str, Any]:
    what = "a secret" if found.kind == "secret" else "personal data"
    return {"id": found.rule, "shortDescription": {"text": f"{what}: {found.entity}"}}


def _notification(path: str, problem: str) -> dict[str, Any]:
    return {"level": "error", "message": {"text": f"{path} was not looked at: {problem}"}}


def _result(found: Found, rule: int) -> dict[str, Any]:
    region = {
        "startLine": found.line,
        "startColumn": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
        "charOffset": found.start,
        "charLength": found.end - found.start,
    }
    return {
        "ruleId": found.rule,
        "ruleIndex": rule,
        "level": _LEVELS[found.kind],
        "message": {"text": f"{found.entity} ({found.rule})"},
        "rank": round(100 * found.confidence, 1),
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": _uri(found.path)}, "region": region}},
        ],
    }


def _uri(path: str) -> str:
    if path == "-":
        return "stdin"
    return ("file://" if os.path.isabs(path) else "") + quote(os.fsencode(path))
