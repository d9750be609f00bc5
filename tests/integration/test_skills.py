"""A real daemon learns a skill from failures: real events, sandbox, model server and processes of handlers."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.llm.keys import VARIABLE
from hive_node.cli.client import Refusal
from tests.fakes.messages_api import KEY, MODEL, Line, MessagesApi, serving
from tests.integration.conftest import Daemon
from tests.integration.test_mcp import agent, asked, refused

_LOOK_AGAIN_S = 0.05
_SHIPPED = '["memento", "evolver", "tool-errors"]'
WRONG = "def run(value):\n    return value.split('-')\n"
RIGHT = "def run(value):\n    return [int(part) for part in value.split('-')]\n"
ECHO = "def run(value):\n    return value\n"
QUICKER = '"""Quicker."""\n' + RIGHT
MINE = """
import os, time
from hive_node.skills.handlers import on_skill_executed, on_task_failed

@on_task_failed
def notes(event):
    print("this is no answer")
    return {"seen": event["key"]}

@on_task_failed
def raises(event):
    raise ValueError("no")

@on_task_failed
def sleeps(event):
    time.sleep(3600)

@on_task_failed
def dies(event):
    os.kill(os.getpid(), 9)

@on_skill_executed
def called(event):
    return event["skill"]
"""
NASTY: list[Any] = [
    "\" ' \\ ''' \"\"\" \n\r\t \0 \u2028 😀 {} $(touch /tmp/x) `id`; exit 1 #",
    {"a": [[[{"b": [1, -2.5, 1e-9, None, True, {"'": '"""'}]}]]], "": {}, "\0": []},
    "x" * 1_000_000,
    9_007_199_254_740_992,
    None,
    [],
]


def says(source: str) -> Line:
    return Line(f"<words>\nIt parses dates.\n</words>\n<source>\n{source}</source>")


@pytest.fixture
def learning(daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Daemon]]:
    """learning(*lines of the model) -> a node with every engine on, asking that model; without lines there is none."""
    monkeypatch.setenv(VARIABLE, KEY)
    opened: list[Any] = []

    def make(*script: Line, handlers: str = "", start: bool = True, more: str = "", engines: str = _SHIPPED) -> Daemon:
        node: Daemon = daemon(start=False)
        with node.home.config.open("a") as config:
            config.write(f"\n[skills]\nengines = {engines}\ndollars = 1.0\n{more}")
            if handlers:
                (tmp_path / "mine.py").write_text(handlers)
                config.write(f"handlers = [{json.dumps(str(tmp_path / 'mine.py'))}]\n")
            if script:
                api = opened.append(serving(MessagesApi(script))) or opened[-1].__enter__()
                config.write(f'\n[model]\nname = "{MODEL}"\nbase_url = "{api.url}"\n')
        return node.start() if start else node

    yield make
    for manager in opened:
        manager.__exit__(None, None, None)


def failure(number: int, **changes: Any) -> dict[str, Any]:
    event = {"kind": "task_failed", "agent": "bot", "project": "parser", "task": "parse a date", "key": f"f{number}"}
    event |= {"error": f"Traceback\nValueError: no date: '2024-01-0{number}'"}
    return event | {"input": f"2024-01-0{number}", "expected": [2024, 1, number]} | changes


def versions(node: Daemon, *states: str) -> list[dict[str, Any]]:
    """The versions of the one skill there is, once the newest is in one of these states."""
    for event in node.client.events(0):
        if event["kind"] == "skill" and event["data"]["state"] in states:
            found: list[dict[str, Any]] = node.client.get(f"/v1/skills/{event['data']['skill']}")["versions"]
            if found[-1]["state"] in states:
                return found
    raise AssertionError("the daemon went away")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def handled(node: Daemon, name: str, least: int) -> dict[str, Any]:
    """How a handler stands, once it has come so far."""
    while True:
        lines = {one["name"]: one for one in node.client.get("/v1/handlers")["items"]}
        if name in lines and lines[name]["handled"] >= least:
            return dict(lines)
        time.sleep(_LOOK_AGAIN_S)


def test_from_three_failures_to_a_skill_that_is_called_and_changed(learning: Any) -> None:
    node = learning(says(WRONG), says(RIGHT), says(QUICKER))
    node.client.post("/v1/events", {"events": [failure(number) for number in (1, 2, 3)]})
    (first,) = versions(node, "refused")
    name = first["name"]
    assert first["reason"]["rule"] == "skill.case.failed"
    assert refusal(lambda: node.client.post(f"/v1/skills/{name}/approve")) == "skill.wrong-state"
    assert refusal(lambda: node.client.post(f"/v1/skills/{name}/call", {"input": "2024-02-03"})) == "skill.not-promoted"
    done = node.cli("skill", "retry", name)
    assert done.returncode == 0, done.stderr
    assert versions(node, "validated")[-1]["tried"]["held_out"] == 1
    assert node.cli("skill", "approve", name).returncode == 0
    assert [one["name"] for one in node.client.get("/v1/skills", agent="bot", project="parser")["items"]] == [name]
    assert node.client.get("/v1/skills", agent="somebody else")["items"] == []
    called = node.client.post(f"/v1/skills/{name}/call", {"input": "1999-12-31", "agent": "bot"})
    assert (called["ok"], called["answer"]) == (True, [1999, 12, 31])
    stranger = {"input": "1999-12-31", "agent": "somebody else"}
    assert refusal(lambda: node.client.post(f"/v1/skills/{name}/call", stranger)) == "skill.unknown"
    assert node.cli("skill", "mutate", name).returncode == 0
    assert versions(node, "refused", "validated")[-1]["parent"] == 2
    lineage = node.client.get(f"/v1/skills/{name}/lineage", version=2)["items"]
    assert [(one["version"], one["generation"]) for one in lineage] == [(1, -1), (2, 0), (3, 1)]
    assert "version 3 of 2" in node.cli("skill", "lineage", name).stdout
    shown = node.cli("skill", "show", name)
    assert shown.returncode == 0, shown.stderr
    assert "3 cases, 1 of them held out" in shown.stdout
    by_hand = node.cli("skill", "call", name, "--input", '"2001-02-03"', "--expected", "[2001, 2, 4]")
    assert by_hand.returncode == 1
    assert "not the expected answer" in by_hand.stdout


def test_an_agent_calls_its_skill_over_mcp_with_any_input_and_nobody_elses(learning: Any) -> None:
    node = learning(says(ECHO))
    for number in (1, 2, 3):
        node.client.post("/v1/events", failure(number, expected=f"2024-01-0{number}"))
    name = versions(node, "validated")[-1]["name"]
    node.client.post(f"/v1/skills/{name}/approve")

    async def story() -> None:
        async with agent(node, "--allow", "skills", "--agent", "bot") as bot:
            assert [one["name"] for one in (await asked(bot, "skills"))["items"]] == [name]
            for value in NASTY:
                called = await asked(bot, "skill_call", name=name, input=value)
                assert (called["ok"], called["answer"]) == (True, value)
            assert "`bot` alone [agent.another]" in await refused(bot, "skills", agent="somebody else")
            assert "[skill.unknown]" in await refused(bot, "skill_call", name="no-such-skill", input=1)
            assert "`input`: Field required" in await refused(bot, "skill_call", name=name)
        async with agent(node, "--allow", "skills", "--agent", "somebody else") as other:
            assert (await asked(other, "skills"))["items"] == []
            assert "[skill.unknown]" in await refused(other, "skill_call", name=name, input="x")

    asyncio.run(story())


def test_on_a_fresh_node_events_are_kept_and_nothing_is_made_of_them(daemon: Any) -> None:
    node = daemon()
    for number in (1, 2, 3):
        assert node.client.post("/v1/events", failure(number))["stored"] == 1
    assert node.client.get("/v1/skills", all="1")["items"] == []
    assert node.client.get("/v1/guidance")["items"] == []
    assert node.client.get("/v1/handlers")["items"] == []
    assert len(node.client.get("/v1/events/reported")["items"]) == 3


def test_what_is_switched_off_again_is_neither_called_nor_approved_nor_changed(learning: Any) -> None:
    node = learning(says(RIGHT))
    node.client.post("/v1/events", {"events": [failure(1), failure(2)]})
    (version,) = versions(node, "validated")
    node.client.post(f"/v1/skills/{version['name']}/approve")
    node.stop()
    config = node.home.config
    config.write_text(config.read_text().replace('engines = ["memento", "evolver", "tool-errors"]', "engines = []"))
    node.start()
    path = f"/v1/skills/{version['name']}"
    assert refusal(lambda: node.client.post(f"{path}/call", {"input": "2024-01-01"})) == "maturity.off"
    assert refusal(lambda: node.client.post(f"{path}/mutate")) == "maturity.off"


def test_inputs_reach_a_skill_unchanged(learning: Any) -> None:
    node = learning(says(ECHO))
    pairs = [{"input": given, "expected": given} for given in NASTY[:2]]
    node.client.post("/v1/events", {"events": [failure(number, **pair) for number, pair in enumerate(pairs)]})
    (version,) = versions(node, "validated")
    node.client.post(f"/v1/skills/{version['name']}/approve")
    for given in NASTY:
        called = node.client.post(f"/v1/skills/{version['name']}/call", {"input": given, "expected": given})
        assert called["ok"], called["problem"]
        assert called["answer"] == given


def test_a_handler_that_raises_sleeps_an_hour_or_dies_delays_no_other_and_loses_nothing(learning: Any) -> None:
    node = learning(handlers=MINE)
    node.client.post("/v1/events", {"events": [failure(number) for number in range(5)]})
    lines = handled(node, "mine.notes", 5)
    results = node.client.get("/v1/handlers/mine.notes/deliveries")["items"]
    assert [row["result"]["seen"] for row in reversed(results)] == [f"f{number}" for number in range(5)]
    assert lines["mine.sleeps"]["behind"] == 5
    handled(node, "engine:memento", 5)
    while (lines := handled(node, "mine.notes", 5))["mine.dies"]["waiting"] < 5 or lines["mine.raises"]["waiting"] < 5:
        time.sleep(_LOOK_AGAIN_S)
    assert "ValueError: no" in lines["mine.raises"]["last_error"]
    assert "ended" in lines["mine.dies"]["last_error"]


def test_sigkill_with_a_thousand_events_queued_and_each_is_handled_exactly_once_in_effect(learning: Any) -> None:
    node = learning(handlers=MINE)
    for start in range(0, 1000, 250):
        events = [failure(1, key=f"k{start + number}") for number in range(250)]
        assert node.client.post("/v1/events", {"events": events})["stored"] == 250
    handled(node, "mine.notes", 20)
    node.kill()
    node.start()
    again = [failure(1, key=f"k{number}") for number in range(1000)]
    assert node.client.post("/v1/events", {"events": again})["duplicates"] == 1000
    assert handled(node, "mine.notes", 1000)["mine.notes"]["behind"] == 0
    with sqlite3.connect(node.home.database) as connection:
        rows = connection.execute(
            "SELECT json_extract(result, '$.seen') FROM deliveries WHERE handler = 'mine.notes' AND state = 'done'"
        ).fetchall()
    assert sorted(row[0] for row in rows) == sorted(f"k{number}" for number in range(1000))
    (told,) = node.client.get("/v1/guidance")["items"]
    assert "ValueError" in told["text"]
    assert len(node.client.get("/v1/skills", all="1")["items"]) == 1


def test_a_promoted_skill_is_told_to_the_hive_and_tried_there_on_local_cases_before_it_is_offered(
    learning: Any,
) -> None:
    anna, ben = learning(says(RIGHT), more='share = "recipes"\n'), learning(engines='["memento", "peer"]')
    anna.client.post("/v1/hive", {"name": "team"})
    ben.client.post("/v1/hive/join", {"token": anna.client.post("/v1/hive/invites")["token"]})
    own = [failure(number, project="ben's own", error="ValueError: so what", agent="other") for number in (4, 5, 6)]
    ben.client.post("/v1/events", {"events": own})
    (lacking,) = versions(ben, "unavailable")
    anna.client.post("/v1/events", {"events": [failure(1), failure(2)]})
    (version,) = versions(anna, "validated")
    assert anna.client.post(f"/v1/skills/{version['name']}/approve")["state"] == "promoted"
    (told,) = anna.client.get("/v1/deltas", kind="skill")["items"]
    for event in ben.client.events(0):
        if event["kind"] == "skill" and event["data"]["state"] == "validated":
            break
    *_, offered = ben.client.get(f"/v1/skills/{lacking['name']}")["versions"]
    assert (offered["engine"], offered["entry"], offered["state"]) == ("peer", told["id"], "validated")
    assert offered["tried"]["cases"] == 3
    assert ben.client.get("/v1/skills")["items"] == [], "it waits for a person"


def test_without_a_sandbox_no_skill_is_run(learning: Any) -> None:
    node = learning(says(RIGHT), start=False)
    node.home.config.write_text(node.home.config.read_text().replace('backend = "auto"', 'backend = "none"'))
    node.start()
    node.client.post("/v1/events", {"events": [failure(1), failure(2)]})
    assert versions(node, "proposed")[-1]["tried"] is None
    name = node.client.get("/v1/skills", all="1")["items"][0]["name"]
    assert refusal(lambda: node.client.post(f"/v1/skills/{name}/approve")) == "skill.wrong-state"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "task_failed", "agent": "bot"}, "events.0.task"),
        ({"kind": "lost", "agent": "bot", "task": "t"}, "events.0.kind"),
        ({"kind": "task_failed", "agent": "bot", "task": "t", "seconds": -1}, "events.0.seconds"),
        ({"kind": "task_failed", "agent": "bot", "task": "t", "secs": 1}, "events.0.secs"),
        ({"kind": "task_failed", "agent": "bot", "task": "t", "metadata": {"x": "y" * 70_000}}, "metadata"),
        ({"events": []}, "events"),
        ({}, "events"),
    ],
)
def test_a_bad_event_is_refused_with_its_field_and_nothing_of_its_request_is_stored(
    quiet: Daemon, body: dict[str, Any], named: str
) -> None:
    with pytest.raises(Refusal, match=named) as caught:
        quiet.client.post("/v1/events", body)
    assert caught.value.code == "request.invalid"
    assert quiet.client.get("/v1/events/reported")["items"] == []


@pytest.fixture(scope="module")
def quiet(module_daemon: Any) -> Daemon:
    node: Daemon = module_daemon()
    return node


def test_the_commands_speak_of_what_is_there(quiet: Daemon) -> None:
    for arguments in (
        ("skill", "list"),
        ("skill", "levels"),
        ("event", "list"),
        ("event", "handlers"),
        ("event", "guidance"),
    ):
        done = quiet.cli(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
    assert quiet.cli("skill", "show", "none").returncode == 1
    assert "skill.unknown" in quiet.cli("skill", "call", "none", "--input", "1").stderr
    assert quiet.cli("skill", "call", "none", "--input", "{").returncode == 2
