"""NDJSON in, NDJSON out: one text a line, answered before the next is read."""

import json
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from hive_node.cli.scanning.found import brief, with_lines
from hive_node.cli.scanning.knowledge import Scanner


def answer_lines(
    scanner: Scanner, questions: Iterable[bytes], out: BinaryIO, complain: Callable[[str], None], least: float = 0.0
) -> tuple[int, int]:
    """Answer `{"id", "text"}` with `{"id", "findings"}`. Returns how many texts had findings, and how many lines were no text.

    A line that is none is answered with `{"id": null, "error"}`, and named to `complain` by its number.
    """
    flagged = bad = 0
    for number, line in enumerate(questions, 1):
        if not line.strip():
            continue
        answer = _answer(scanner, line, least)
        if "error" in answer:
            bad += 1
            complain(f"line {number}: {answer['error']}")
        flagged += bool(answer.get("findings"))
        out.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        out.flush()  # who waits for this answer before asking again must get it
    return flagged, bad


def _answer(scanner: Scanner, line: bytes, least: float) -> dict[str, Any]:
    try:
        question = json.loads(line)
        identity, text = question["id"], question["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"id": None, "error": 'no {"id", "text"}'}
    if not isinstance(text, str):
        return {"id": identity, "error": "the text is no string"}
    found = with_lines(text, scanner.scan(text, least))
    findings = [brief(finding, line_number) for finding, line_number in found]
    return {"id": identity, "findings": findings}
