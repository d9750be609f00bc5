"""A real daemon asks a model over HTTP: what it proposes is promoted, what it costs is right, also after SIGKILL."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guardrails.prices import Usage
from hive_node.adapters.llm import price_of
from hive_node.adapters.llm.keys import VARIABLE
from hive_node.config.model import ModelSection
from tests.fakes.messages_api import KEY, MODEL, Line, MessagesApi
from tests.integration.conftest import repository

PRICE = price_of(ModelSection(name=MODEL))
assert PRICE is not None
NO_ENVIRONMENT = 'import os\nassert not [name for name in os.environ if "ANTHROPIC" in name], "a key is here"\n'


def knob(value: int) -> Callable[[dict[str, Any]], Line]:
    """Sets SIZE, whatever it is now, as a model does that reads the file it is shown."""

    def answer(body: dict[str, Any]) -> Line:
        shown = body["messages"][0]["content"][0]["text"].splitlines()
        line = next(line for line in shown if line.startswith("SIZE = "))
        edit = f'<edit path="src/knob.py">\n<search>\n{line}\n</search>\n<replace>\nSIZE = {value}\n</replace>\n</edit>'
        return Line(f"Let me think.\n<idea>\nA larger SIZE.\n</idea>\n{edit}\n", thinking=40)

    return answer


def budgeted(project: Path, dollars: str, iterations: int = 6) -> Path:
    """The project with money to spend, and a bench that fails where a key can be seen."""
    spec = project / "hive.toml"
    lines = [line for line in spec.read_text().splitlines() if not line.startswith(("iterations =", "dollars ="))]
    lines.insert(lines.index("[budget]") + 1, f"iterations = {iterations}\ndollars = {dollars}")
    spec.write_text("\n".join(lines) + "\n")
    bench = project / "bench" / "run.py"
    bench.write_text(NO_ENVIRONMENT + bench.read_text())
    return repository(project)


def books(node: Any) -> tuple[dict[str, Any], list[tuple[str, int, int]]]:
    """What the experiment has spent, and its calls, as one look at the file."""
    with sqlite3.connect(node.home.database) as connection:
        (document,) = connection.execute("SELECT document FROM experiments").fetchone()
        calls = connection.execute("SELECT state, micro_dollars, tokens FROM calls ORDER BY id").fetchall()
    spent: dict[str, Any] = json.loads(document)["spent"]
    assert spent["micro_dollars"] == sum(call[1] for call in calls)
    assert spent["tokens"] == sum(call[2] for call in calls)
    return spent, calls


def billed(api: MessagesApi) -> int:
    """What the server's own answers cost, in micro-dollars."""
    return sum(PRICE.cost(_usage(usage)) for usage in api.usages)


def ended(node: Any, identity: str) -> dict[str, Any]:
    for event in node.client.events(0):
        data = event["data"]
        if event["kind"] == "experiment" and data["experiment"] == identity and data["stop_reason"] is not None:
            break
    shown: dict[str, Any] = node.client.get(f"/v1/experiments/{identity}")
    return shown


def test_a_project_gets_better_until_its_money_ends_and_not_a_micro_dollar_longer(
    served: Any, asking: Any, knob_project: Path
) -> None:
    api = served(*[knob(value) for value in range(9, 20)])
    node = asking(api)
    project = node.cli("project", "add", str(budgeted(knob_project, "0.0165", iterations=20)))
    assert project.returncode == 0, project.stderr
    done = node.cli("experiment", "start", "--operator", "llm", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    report = node.client.get("/v1/experiments/knob-1/report")
    assert (report["state"], report["stop_reason"], report["operators"].keys()) == (
        "finalized",
        "dollars",
        {"llm", "tune"},
    )
    assert report["promotions"] >= 1
    assert report["best"] < report["baseline"]
    spent, calls = books(node)
    assert 0 < spent["micro_dollars"] == billed(api) <= 16_500
    assert report["costs"]["dollars"] == billed(api) / 1_000_000
    assert {call[0] for call in calls} == {"settled"}
    log = node.log.read_text()
    assert "model answered" in log
    for secret in (KEY, "Let me think", "A larger SIZE", "You improve a software"):
        assert secret not in log


def test_a_call_that_sigkill_cut_off_counts_in_full_and_the_experiment_goes_on(
    served: Any, asking: Any, knob_project: Path
) -> None:
    api = served(Line("x" * 100_000, pause_s=0.05), knob(20), Line("No.", stop="refusal"))
    node = asking(api)
    node.client.post("/v1/projects", {"path": str(budgeted(knob_project, "0.2", iterations=1))})
    node.client.post("/v1/experiments", {"project": "knob", "operator": "llm"})
    assert api.arrived.wait(30)
    node.kill()
    before, ((state, micro_dollars, tokens),) = books(node)
    assert state == "reserved"
    assert micro_dollars == before["micro_dollars"] > 4000 * 10
    node.start()
    shown = ended(node, "knob-1")
    assert (shown["promotions"], shown["stop_reason"]) == (1, "iterations")
    spent, calls = books(node)
    assert calls[0] == ("reserved", micro_dollars, tokens)
    assert spent["micro_dollars"] - micro_dollars == calls[1][1] == PRICE.cost(_usage(api.usages[-1]))


def test_without_a_model_or_a_key_the_state_is_clear_and_everything_else_works(
    served: Any, daemon: Any, knob_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    node = daemon()
    node.client.post("/v1/projects", {"path": str(budgeted(knob_project, "1.0", iterations=2))})
    refused = node.cli("experiment", "start", "--operator", "llm")
    assert refused.returncode == 1
    assert "names no model" in refused.stderr
    assert "model: none" in node.cli("doctor").stdout
    node.stop()
    api = served(knob(20))
    with node.home.config.open("a") as config:
        config.write(f'\n[model]\nname = "{MODEL}"\nbase_url = "{api.url}"\n')
    node.start()
    refused = node.cli("experiment", "start", "--operator", "llm")
    assert "model.no-key" in refused.stderr
    assert "set ANTHROPIC_API_KEY" in refused.stderr
    assert node.client.get("/v1/experiments")["items"] == []
    said = node.cli("doctor").stdout
    assert "WARN model: there is no key for the model [model.no-key]" in said
    done = node.cli("experiment", "start", "--wait")
    assert done.returncode == 0, done.stderr
    assert api.asked == []


def test_the_doctor_reaches_the_model_only_when_asked_and_spends_nothing(
    served: Any, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = served(Line("never said"))
    node = asking(api, start=False)
    assert f"{MODEL} has a price, key from the environment\n" in node.cli("doctor").stdout
    assert (api.counted, api.asked) == (0, [])
    assert "; it answers" in node.cli("doctor", "--ask-model").stdout
    monkeypatch.setenv(VARIABLE, "sk-ant-of-somebody-else")
    refused = node.cli("doctor", "--ask-model").stdout
    assert "[model.key-refused]" in refused
    assert "sk-ant" not in refused
    assert api.asked == []


def _usage(told: dict[str, Any]) -> Usage:
    return Usage(
        told["input_tokens"],
        told["cache_creation_input_tokens"],
        0,
        told["cache_read_input_tokens"],
        told["output_tokens"],
    )
