"""Advice from a real daemon over real runs: asked on the command line, decided there, and seen at the model's own server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakes.messages_api import Line
from tests.integration.conftest import make_knob_project, repository

SECRET = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
# Fails for what is large, and says more than it should.
BENCH = f"""\
import pathlib, re, sys
size = int(re.search(r"^SIZE = (\\d+)$", pathlib.Path("src/knob.py").read_text(), re.M)[1])
if size > 40:
    sys.exit("refused by {SECRET}: too large")
print(f"METRIC cost={{abs(size - 20) + 1}}")
"""


def advising(body: dict[str, Any]) -> Line:
    """A model that reads the events it is told, and rests what it says on one of them."""
    told = "\n".join(block["text"] for block in body["messages"][0]["content"])
    event = next(line for line in told.splitlines() if '"failed": "trial.step-failed"' in line)
    change = {"operation": "tune-param", "table": "metric", "which": None, "key": "min_effect", "value": 0.01}
    said = {
        "title": "Ask for more",
        "rationale": "Small gains only cost time.",
        "confidence": "medium",
        "change": change,
    }
    return Line(json.dumps({"proposals": [said | {"evidence": [json.loads(event)["event"]]}]}))


def test_from_a_run_that_failed_to_a_changed_file(
    served: Callable[..., Any], asking: Callable[..., Any], tmp_path: Path
) -> None:
    project = make_knob_project(tmp_path / "knob")
    (project / "bench" / "run.py").write_text(BENCH)
    spec = project / "hive.toml"
    spec.write_text(
        f"# not for a model: {SECRET}\n" + spec.read_text().replace("[budget]", "[budget]  # mine\ndollars = 0.5")
    )
    api = served(advising)
    node = asking(api)
    assert node.cli("project", "add", str(repository(project))).returncode == 0
    assert node.cli("experiment", "setup", "knob").returncode == 0
    change = ("--file", "src/knob.py", "--search", "SIZE = 8", "--replace", "SIZE = 60")
    assert node.cli("experiment", "edit", "knob-1", "--idea", "Larger.", *change).returncode == 0
    assert node.cli("experiment", "run", "knob-1").returncode == 0
    assert node.cli("experiment", "decide", "knob-1").returncode == 1

    asked = node.cli("advise", "--json")
    assert asked.returncode == 0, asked.stderr
    tree = json.loads(asked.stdout)
    by_source = {one["source"]: one for one in tree["items"]}
    assert (len(api.asked), tree["unasked"], by_source.keys()) == (1, None, {"rule", "model"})
    assert by_source["rule"]["evidence"][0]["event"] == by_source["model"]["evidence"][0]["event"]
    for told in (json.dumps(api.asked), tree["markdown"], node.log.read_text(), asked.stdout):
        assert SECRET not in told
    assert "# not for a model: [secret]" in api.asked[0]["messages"][0]["content"][0]["text"]
    assert "refused by \\[secret\\]: too large" in tree["markdown"]
    assert "refused by [secret]: too large" in by_source["rule"]["rationale"]
    assert node.client.get("/v1/experiments/knob-1")["costs"]["dollars"] > 0, "it is on the experiment's books"
    assert api.asked[0]["messages"][0]["content"][0]["text"].count("BEGIN DATA") == 3

    cited = by_source["rule"]["evidence"][0]
    shown = node.cli("advise", "event", f"{cited['experiment']}/{cited['event']}")
    assert "step bench: exited with 1" in shown.stdout
    assert "said: refused by [secret]: too large" in shown.stdout
    assert "outcome: rejected" in node.cli("advise", "event", "knob-1/idea-1").stdout
    for event in ("run-999", "run-x", "idea-0", "end", "run-99999999999999999999"):
        assert "[event.unknown]" in node.cli("advise", "event", f"knob-1/{event}").stderr

    rule, model = by_source["rule"]["id"], by_source["model"]["id"]
    before = spec.read_text()
    assert "```diff\n--- a/hive.toml" in node.cli("advise", "show", rule).stdout
    assert node.cli("advise", "reject", model).returncode == 0
    assert spec.read_text() == before
    done = node.cli("advise", "apply", rule)
    assert done.returncode == 0, done.stderr
    assert '[[step]]\nname = "parse"\n' in spec.read_text()
    assert "[budget]  # mine" in spec.read_text()
    assert Path(node.client.get(f"/v1/advice/{rule}")["backup"]).read_text() == before
    assert node.cli("advise", "apply", rule).returncode == 1
    listed = node.cli("advise", "list")
    assert [line.split()[2] for line in listed.stdout.splitlines()[1:3]] == ["applied", "rejected"]
    again = json.loads(node.cli("advise", "knob-1", "--json").stdout)
    assert again["items"] == []
    assert "baselined" in node.cli("experiment", "setup", "knob").stdout, "the new step runs in the sandbox"
    assert again["dropped"] == {"advice.superseded": 1, "advice.turned-down": 1}


def test_what_cannot_be_answered_is_said_with_its_code(daemon: Callable[..., Any]) -> None:
    node = daemon()
    unknown = node.cli("advise", "knob-7")
    assert (unknown.returncode, "[experiment.unknown]" in unknown.stderr) == (1, True)
    assert "there is no experiment yet" in node.cli("advise").stderr
    assert "[advice.unknown]" in node.cli("advise", "apply", "0123456789ab").stderr
    assert "standing is open, applied or rejected" in node.cli("advise", "list", "--standing", "maybe").stderr
    assert "No proposals yet" in node.cli("advise", "list").stdout
    assert "about" in node.cli("advise", "--help").stdout
