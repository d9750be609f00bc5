"""What programs read: SARIF, and NDJSON line by line."""

import io
import json
from typing import Any

import pytest

from hive_node.cli.scanning.found import Found, Scan
from hive_node.cli.scanning.lines import answer_lines
from hive_node.cli.scanning.sarif import sarif
from tests.unit.cli.scanning.looking import LINE, SECRET, scanner


def answers(*questions: Any, least: float = 0.0) -> tuple[list[Any], list[str], tuple[int, int]]:
    out, complaints = io.BytesIO(), list[str]()
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in questions]
    counts = answer_lines(scanner(), lines, out, complaints.append, least)
    return [json.loads(line) for line in out.getvalue().splitlines()], complaints, counts


def test_each_text_is_answered_under_its_own_id() -> None:
    told, complaints, counts = answers({"id": "a", "text": "\n" + LINE}, {"id": 7, "text": "well"})
    assert [(one["id"], len(one["findings"])) for one in told] == [("a", 1), (7, 0)]
    (finding,) = told[0]["findings"]
    assert finding.keys() == {"kind", "entity", "rule", "start", "end", "line", "confidence", "decoded_from"}
    assert ("\n" + LINE)[finding["start"] : finding["end"]] == SECRET
    assert (finding["kind"], finding["line"], finding["decoded_from"]) == ("secret", 2, None)
    assert (complaints, counts) == ([], (1, 0))


def test_offsets_are_characters_of_the_text_and_not_bytes() -> None:
    text = "\U0001f600 ß \u200b " + LINE
    (answer,), _, _ = answers({"id": 1, "text": text})
    (finding,) = answer["findings"]
    assert text[finding["start"] : finding["end"]] == SECRET


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"[]\n", b"null\n", b'{"id": 1}\n', b'{"text": "x"}\n', b'{"id": 1, "text": 2}\n', b"\xff\n", b"[" * 100_000 + b"\n"],
    ids=range(8),
)  # fmt: skip
def test_a_line_that_is_no_text_is_named_and_the_others_are_answered(line: bytes) -> None:
    told, complaints, counts = answers({"id": 1, "text": ""}, line, {"id": 2, "text": LINE})
    assert [len(one.get("findings", ())) for one in told] == [0, 0, 1]
    assert "error" in told[1]
    assert complaints[0].startswith("line 2: ")
    assert counts == (1, 1)


def test_text_that_no_encoding_has_is_scanned() -> None:
    (answer,), _, _ = answers(b'{"id": 1, "text": "\\ud800 ' + LINE.strip().replace('"', '\\"').encode() + b'"}\n')
    assert len(answer["findings"]) == 1


def test_what_is_not_sure_enough_is_left_out() -> None:
    (answer,), _, counts = answers({"id": 1, "text": LINE}, least=1.0)
    assert (answer["findings"], counts) == ([], (0, 0))


def found(path: str = "src/a b.py", kind: str = "secret", rule: str = "x.y") -> Found:
    return Found(path, kind, "token", rule, 10, 20, 2, 3, 2, 13, 0.9, None)


def test_sarif_names_rule_level_and_region() -> None:
    log = sarif(Scan(items=[found(), found(kind="pii", rule="a.b"), found()], unread=[("locked", "Permission denied")]))
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["a.b", "x.y"]
    assert [(one["ruleId"], one["ruleIndex"], one["level"]) for one in run["results"]] == [
        ("x.y", 1, "error"),
        ("a.b", 0, "warning"),
        ("x.y", 1, "error"),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "src/a%20b.py"}
    assert (place["region"]["startLine"], place["region"]["startColumn"], place["region"]["charLength"]) == (2, 3, 10)
    assert not run["invocations"][0]["executionSuccessful"]


def test_sarif_of_names_that_are_no_text() -> None:
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in
            sarif(Scan(items=[found("-"), found("/abs/é"), found("caf\udce9")]))["runs"][0]["results"]]  # fmt: skip
    assert uris == ["stdin", "file:///abs/%C3%A9", "caf%E9"]
    json.dumps(uris).encode()
