"""Claude Code, played exactly: its settings, its hooks with JSON on standard input, its transcripts; and all that may go wrong around it."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hive_node.cli.agent_hook import _LIMIT_S as HOOK_LIMIT_S
from hive_node.cli.client import Refusal
from tests.fakes.transcripts import MARKER, Transcript, a_day_of_work
from tests.integration.conftest import Daemon, environment
from tests.integration.processes import hive_node
from tests.integration.test_recovery_full_disk import SmallDisk

COMMENTED = '{\n  // how I like it\n  "model": "opus",\n  "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]},\n}\n'


class Claude:
    """Claude Code as this node meets it: it reads its settings, and runs what they say."""

    def __init__(self, node: Daemon, folder: Path, home: Path | None = None) -> None:
        self.node, self.folder, self.home = node, folder, home or node.home.root
        self.transcripts = folder.parent / "transcripts"

    def settings(self) -> str:
        return (self.folder / ".claude" / "settings.json").read_text()

    def hook(
        self, event: str, session: str, *, stdin: str | None = None, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        """The hook with what Claude Code hands it, prompts and all."""
        told = {
            "session_id": session,
            "transcript_path": str(self.transcripts / f"{session}.jsonl"),
            "cwd": str(self.folder),
            "hook_event_name": event,
            "permission_mode": "default",
            "prompt": MARKER,
            **more,
        }
        given = json.dumps(told) if stdin is None else stdin
        arguments = ("--home", str(self.home), "agent", "hook", event)
        # Twice its own limit: that it ends is what is asked, not how quick this machine is today.
        return hive_node(*arguments, stdin=given, environment=environment(), timeout=20 * HOOK_LIMIT_S)

    def context(self, event: str, session: str, **more: Any) -> str:
        """What the agent reads of the hook's output; a failing hook or an output in another shape is a failed test."""
        done = self.hook(event, session, **more)
        assert (done.returncode, done.stderr) == (0, "")
        if not done.stdout:
            return ""
        tree = json.loads(done.stdout)
        assert set(tree) == {"hookSpecificOutput"}
        assert tree["hookSpecificOutput"]["hookEventName"] == "SessionStart"
        assert event in {"SessionStart", "Check"}
        return str(tree["hookSpecificOutput"]["additionalContext"])

    def write(self, transcript: Transcript, session: str) -> None:
        transcript.write(self.transcripts / f"{session}.jsonl")

    def sessions(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in self.node.client.get("/v1/sessions", agent="repo-claude-code")["items"]}

    def contest(self) -> dict[str, Any]:
        """The running contest; a new one where the last is decided."""
        agent = self.node.client.get("/v1/agents/repo-claude-code")
        agent = agent if agent["contest"] else self.node.client.post("/v1/agents/repo-claude-code/roll")
        contest: dict[str, Any] = agent["contest"]
        return contest

    def play(self, session: str) -> dict[str, Any]:
        """A whole session, as scored."""
        self.context("SessionStart", session, source="startup")
        self.write(a_day_of_work(session, self.folder), session)
        self.hook("SessionEnd", session, reason="prompt_input_exit")
        return self.until_scored(session)

    def until_scored(self, session: str) -> dict[str, Any]:
        """The session, once the daemon has read its transcript; its events say when to look."""
        for _ in range(1500):
            found = self.sessions()[session]
            if not found["open"] and found["score"] is not None:
                return found
            threading.Event().wait(0.02)
        raise AssertionError(self.node.log.read_text()[-2000:])


@pytest.fixture(scope="module")
def claude(module_daemon: Callable[..., Daemon], tmp_path_factory: pytest.TempPathFactory) -> Claude:
    node = module_daemon()
    node.client.post("/v1/hive", {"name": "team"})
    folder = tmp_path_factory.mktemp("work") / "repo"
    (folder / ".claude").mkdir(parents=True)
    (folder / ".claude" / "settings.json").write_text(COMMENTED)
    added = node.cli(
        "agent", "add", "claude-code", "--folder", str(folder), "--share", "summaries", "--max-sessions", "20"
    )
    assert added.returncode == 0, added.stderr
    rolled = node.cli("agent", "roll")
    assert rolled.returncode == 0, rolled.stderr
    return Claude(node, folder)


def test_what_claude_code_runs_is_what_its_settings_say(claude: Claude) -> None:
    settings = claude.settings()
    for words in ("// how I like it", '"model": "opus",', '{"type": "command", "command": "true"}'):
        assert words in settings
    command = next(line for line in settings.splitlines() if "agent hook SessionStart" in line)
    done = subprocess.run(
        ["sh", "-c", json.loads("{" + command.strip().rstrip(",") + "}")["command"]],
        input=json.dumps({"session_id": "shell", "cwd": str(claude.folder), "hook_event_name": "SessionStart", "source": "startup"}),
        capture_output=True, text=True, timeout=30, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "shell" in claude.sessions()


def test_the_doctor_runs_the_hook_and_leaves_no_session(claude: Claude) -> None:
    before = claude.sessions()
    done = claude.node.cli("agent", "doctor", "--json")
    assert done.returncode == 0, done.stdout
    hook = next(one for one in json.loads(done.stdout)["items"] if one["check"] == "hook")
    assert hook["found"].startswith("it answers within ")
    assert claude.sessions() == before
    assert claude.context("Check", "nobody") == "nobody"
    assert claude.sessions() == before


def test_status_metrics_and_the_doctor_know_the_agents(claude: Claude) -> None:
    claude.contest()
    claude.play("counted")
    agents = claude.node.client.get("/v1/status")["agents"]
    assert agents["kept"] == 1
    assert agents["contests"]["running"] == 1
    assert agents["troubles"] == {}
    (running,) = agents["running"]
    assert running["agent"] == "repo-claude-code"
    given = sum(agents["sessions"].values())
    assert 1 <= sum(running["sessions"].values()) <= given <= len(claude.sessions())
    exposed = claude.node.client.text("GET", "/metrics")
    assert "hive_node_agents 1.0" in exposed
    assert 'hive_node_agent_contests{state="running"} 1.0' in exposed
    arm, count = next(iter(agents["sessions"].items()))
    assert f'hive_node_agent_sessions{{arm="{arm}"}} {count:.1f}' in exposed
    assert "1 coding agent; contests: 1 running" in claude.node.cli("status").stdout
    found = claude.node.cli("doctor", "--json").stdout
    assert "1 agent looked after; contests running: repo-claude-code" in found


def test_two_sessions_at_once_each_get_their_own_arm_and_keep_it(claude: Claude) -> None:
    (changed,) = claude.contest()["changes"]
    given: dict[str, str] = {}
    arms: dict[str, str] = {}
    while set(arms.values()) != {"champion", "challenger"} and len(given) < 64:  # coins fall as they like
        names = [f"s{len(given) + number}" for number in range(4)]
        with ThreadPoolExecutor(4) as pool:
            said = pool.map(lambda name: claude.context("SessionStart", name, source="startup"), names)
            given |= dict(zip(names, said, strict=True))
        rows = claude.sessions()
        arms = {name: rows[name]["arm"] for name in given}
    assert changed in {"behavioral_rules", "response_style", "tool_permissions"}
    words = {arm: {given[name] for name in given if arms[name] == arm} for arm in ("champion", "challenger")}
    assert words["champion"] == {""}, "what was found there adds nothing"
    (challenged,) = words["challenger"]
    assert challenged
    for source in ("resume", "compact"):
        assert {name: claude.context("SessionStart", name, source=source) for name in given} == given
    assert {name: claude.sessions()[name]["arm"] for name in given} == arms


def test_a_session_of_many_replies_is_one_row_with_the_signals_of_its_transcript(claude: Claude) -> None:
    claude.context("SessionStart", "work", source="startup")
    claude.write(a_day_of_work("work", claude.folder), "work")
    for _ in range(3):
        assert claude.context("Stop", "work", stop_hook_active=False) == ""
    assert claude.context("SessionEnd", "work", reason="prompt_input_exit") == ""
    found = claude.until_scored("work")
    assert found["signals"]["tests"] == 1.0, "a red that turned green"
    assert found["signals"]["words"] == 1.0
    assert found["signals"]["tool-errors"] == pytest.approx(0.6)
    assert list(claude.sessions()).count("work") == 1
    again = claude.node.client.get("/v1/agents/repo-claude-code")["sessions"]
    assert again["scored"] >= 1


def test_what_a_person_says_comes_first(claude: Claude) -> None:
    before = claude.play("judged")["score"]
    assert claude.node.cli("agent", "bad", "repo-claude-code", "--session", "judged").returncode == 0
    for _ in range(1500):
        if (after := claude.sessions()["judged"]["score"]) != before:
            break
        threading.Event().wait(0.02)
    assert after < 0.6 * before, "it weighs as much as five signals of the session's course"


def test_no_word_of_a_prompt_or_a_transcript_is_kept_said_or_sent(claude: Claude) -> None:
    claude.contest()
    for number in range(20):
        claude.play(f"m{number}")
    for _ in range(1500):
        sent = [one for one in claude.node.client.get("/v1/deltas")["items"] if one["kind"] == "arm-evidence"]
        if sent:
            break
        threading.Event().wait(0.05)
    for body in (one["body"] for one in sent):
        assert 1 <= sum(arm["n"] for arm in body["arms"]) <= 20
        assert set(body) == {"task", "variants", "axis", "arms"}
    root = claude.node.home.root
    places = [*root.rglob("*"), claude.node.log]
    told = b"".join(path.read_bytes() for path in places if path.is_file())
    assert b"repo-claude-code" in told, "the search does find what is there"
    assert MARKER.encode() not in told
    assert MARKER not in claude.node.client.text("GET", "/v1/export/deltas")
    assert MARKER not in json.dumps(claude.node.client.get("/v1/agents/repo-claude-code/report"))


def test_show_explains_in_a_screenful_and_the_report_lists_what_was_tried(claude: Claude) -> None:
    assert claude.node.cli("agent", "roll").returncode == 0
    shown = claude.node.cli("agent", "show")
    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) <= 24
    for word in ("champion", "challenger", "Evidence", "Next:"):
        assert word in shown.stdout
    assert "| 1 |" in claude.node.cli("agent", "report").stdout
    assert (claude.node.home.reports / "repo-claude-code.html").read_text().startswith("<!doctype html>")
    assert claude.node.cli("agent", "report", "--format", "html").stdout.startswith("<!doctype html>")
    listed = json.loads(claude.node.cli("agent", "list", "--json").stdout)
    assert [one["id"] for one in listed["items"]] == ["repo-claude-code"]
    assert claude.node.cli("agent", "sessions").returncode == 0


@pytest.mark.parametrize(
    "stdin",
    ["", "null", "[]", "{", "{}", '{"session_id": 7, "cwd": "/"}', '{"session_id": "../../etc", "cwd": "/"}', "\x00\xff", "x" * 2_000_000, '{"cwd": "' + "a" * 100_000 + '"}'],
    ids=["nothing", "null", "list", "half", "empty", "number", "path", "bytes", "large", "long"],
)  # fmt: skip
def test_nonsense_on_standard_input_prints_nothing_and_breaks_nothing(claude: Claude, stdin: str) -> None:
    done = claude.hook("SessionStart", "x", stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert MARKER not in (claude.node.home.root / "agent-hook.log").read_text()


def test_ten_megabytes_of_what_an_agent_said_cost_a_session_nothing(claude: Claude) -> None:
    assert claude.context("SessionStart", "talkative", last_assistant_message="x" * 10_000_000) is not None
    assert "talkative" in claude.sessions()


def test_an_agent_that_says_too_much_finds_no_closed_pipe(claude: Claude) -> None:
    arguments = [sys.executable, "-m", "hive_node", "--home", str(claude.home), "agent", "hook", "Stop"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as hook:
        assert hook.stdin
        assert hook.stdout
        for _ in range(20):
            hook.stdin.write(b"x" * 1024 * 1024)
        hook.stdin.close()
        assert hook.stdout.read() == b""
        assert hook.wait(20 * HOOK_LIMIT_S) == 0


@pytest.mark.parametrize("event", ["PreToolUse", "../x", "", "Stop; rm -rf /"])
def test_an_event_that_nobody_knows_prints_nothing(claude: Claude, event: str) -> None:
    done = claude.hook(event, "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_session_in_a_folder_that_nobody_looks_after_is_none_of_ours(claude: Claude) -> None:
    before = claude.sessions()
    assert claude.context("SessionStart", "elsewhere", cwd="/") == ""
    assert claude.sessions() == before


def test_a_locked_database_delays_nobody(claude: Claude) -> None:
    locker = sqlite3.connect(claude.node.home.database)
    try:
        locker.execute("BEGIN IMMEDIATE")
        done = claude.hook("SessionStart", "while-locked", source="startup")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    finally:
        locker.rollback()
        locker.close()
    assert "while-locked" not in claude.sessions(), "who was given nothing is in neither arm"
    assert "SessionStart" in (claude.node.home.root / "agent-hook.log").read_text()
    assert claude.node.client.get("/v1/health") == {"status": "ok"}


def test_the_api_says_what_it_was_given_wrong(claude: Claude) -> None:
    client = claude.node.client
    for path, body, code in (
        ("/v1/agents", {"kind": "claude-code", "folder": "relative"}, "request.invalid"),
        ("/v1/agents", {"kind": "claude-code", "folder": str(claude.folder)}, "agent.exists"),
        ("/v1/agents", {"kind": "notepad"}, "request.invalid"),
        ("/v1/agents/nobody/roll", {}, "agent.unknown"),
        ("/v1/agents/repo-claude-code/rollback", {"to": "abcdef"}, "agent.no-earlier"),
        ("/v1/agents/repo-claude-code/verdict", {"good": True, "session": "nobody"}, "session.unknown"),
        ("/v1/sessions", {"agent": "nobody"}, "agent.unknown"),
    ):
        with pytest.raises(Refusal) as refused:
            client.post(path, body)
        assert refused.value.code == code


def test_a_program_of_ones_own_starts_reports_and_ends_sessions(claude: Claude) -> None:
    client = claude.node.client
    client.post("/v1/agents", {"kind": "generic", "name": "mine"})
    begun = client.post("/v1/sessions", {"agent": "mine", "id": "one"})
    assert json.loads(begun["rendered"]["variant"]) == begun["variant"]
    client.post(
        "/v1/sessions/one/signals", {"agent": "mine", "signals": {"tests": "green", "tool_calls": 4}, "good": 1}
    )
    client.post("/v1/sessions/one/end", {"agent": "mine"})
    for _ in range(1500):
        (found,) = client.get("/v1/sessions", agent="mine")["items"]
        if found["score"] is not None:
            break
        threading.Event().wait(0.02)
    assert found["score"] == 1.0
    assert client.delete("/v1/agents/mine")["kept"] == []


def test_forgotten_the_settings_are_what_they_were_to_the_byte(claude: Claude, tmp_path: Path) -> None:
    settings = tmp_path / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(COMMENTED)
    second = Claude(claude.node, tmp_path)
    assert claude.node.cli("agent", "add", "--folder", str(tmp_path), "--name", "second").returncode == 0
    assert second.settings() != COMMENTED
    assert claude.node.cli("agent", "roll", "second").returncode == 0
    second.hook("SessionStart", "x")
    done = claude.node.cli("agent", "forget", "second")
    assert done.returncode == 0, done.stderr
    assert second.settings() == COMMENTED
    assert second.context("SessionStart", "after") == ""


def test_without_a_daemon_the_hook_says_nothing_and_notes_it(claude: Claude, tmp_path: Path) -> None:
    stopped = Claude(claude.node, claude.folder, tmp_path)
    for event in ("SessionStart", "Stop", "SessionEnd"):
        done = stopped.hook(event, "x")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len((tmp_path / "agent-hook.log").read_text().splitlines()) == 3


def test_a_daemon_that_hangs_is_not_waited_for(claude: Claude, tmp_path: Path) -> None:
    home = Path(shutil.os.path.realpath(claude.node.home.root)).parent / "hangs"  # type: ignore[attr-defined]
    home.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(home / "admin.sock"))
        deaf.listen(1)
        done = Claude(claude.node, claude.folder, home).hook("SessionStart", "x")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_home_that_is_gone_is_no_reason_to_speak(claude: Claude, tmp_path: Path) -> None:
    done = Claude(claude.node, claude.folder, tmp_path / "gone").hook("Stop", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def small_disk(daemon: Callable[..., Daemon]) -> Iterator[tuple[SmallDisk, Daemon]]:
    node = daemon(start=False)
    disk = SmallDisk(node)
    yield disk, node
    disk.process.terminate()
    disk.process.wait(30)


def test_on_a_full_disk_the_hook_says_nothing_and_works_again_when_there_is_room(
    small_disk: tuple[SmallDisk, Daemon], tmp_path: Path
) -> None:
    disk, node = small_disk
    folder = tmp_path / "repo"
    folder.mkdir()
    disk.client.post("/v1/agents", {"kind": "claude-code", "folder": str(folder)})
    node.client = disk.client
    agent = Claude(node, folder, disk.home.root)
    disk.fill()
    for number in range(3):
        done = agent.hook("SessionStart", f"full{number}", source="startup")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    disk.free()
    assert agent.hook("SessionStart", "room", source="startup").returncode == 0
    assert "room" in agent.sessions()
    assert os.stat(folder / ".claude" / "settings.json").st_size > 0
