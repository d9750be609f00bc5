"""`hive …`, `peers` and `delta …` with two real nodes: invited, joined, met, told, halted, sent away."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def pair(module_daemon: Callable[..., Any]) -> tuple[Any, Any]:
    """An admin's node and a member's, in one hive that the command line made."""
    anna, ben = module_daemon("desk", "anna"), module_daemon("laptop", "ben")
    assert "This node is its admin" in anna.cli("hive", "create", "team").stdout
    invited = anna.cli("hive", "invite")
    # The token is all there is on standard output: `hive-node hive join $(hive-node hive invite)`.
    token = invited.stdout.strip()
    assert token.startswith("hive1-")
    assert len(invited.stdout.split()) == 1
    assert "hive join" in invited.stderr
    joined = ben.cli("hive", "join", "-", stdin=token + "\n")
    assert joined.returncode == 0, joined.stderr
    assert ben.cli("hive", "join", token).returncode == 1
    return anna, ben


def test_both_see_the_same_members(pair: tuple[Any, Any]) -> None:
    for node in pair:
        tree = json.loads(node.cli("hive", "members", "--json").stdout)
        assert [(one["name"], one["owner"]) for one in tree["members"]] == [("desk", "anna"), ("laptop", "ben")]
        assert "desk" in node.cli("hive", "members").stdout


def test_peers_tells_how_each_was_found_and_how_it_is(pair: tuple[Any, Any]) -> None:
    anna, _ = pair
    _until(anna, lambda: anna.client.get("/v1/peers")["items"][0]["state"] == "in step")
    (line,) = json.loads(anna.cli("peers", "--json").stdout)["items"]
    assert (line["name"], line["owner"], line["state"]) == ("laptop", "ben", "in step")
    assert line["discovered_by"] in {"mdns", "inbound"}
    assert "in step" in anna.cli("peers").stdout


def test_an_admin_governs_from_the_command_line(pair: tuple[Any, Any]) -> None:
    anna, ben = pair
    assert "1 of 1 must sign" in anna.cli("hive", "admins").stdout
    assert anna.cli("hive", "admins", "--threshold", "2").returncode == 1
    assert "add MEMBER" in anna.cli("hive", "admins", "add").stderr
    assert "join=approve" in anna.cli("hive", "policy", "join=approve").stdout
    assert "join=open" in anna.cli("hive", "policy", "join=open").stdout
    assert "join=open|approve" in anna.cli("hive", "policy", "join=never").stderr
    assert "goes by it" in ben.cli("hive", "constitution").stdout
    assert "Nobody waits" in anna.cli("hive", "members", "--pending").stdout
    assert "No open invites" in anna.cli("hive", "invites").stdout
    assert "Nothing is proposed" in ben.cli("hive", "proposals").stdout
    assert ben.cli("hive", "sign", "abcdef", "--yes").returncode == 1
    assert "admin" in ben.cli("hive", "epoch", "laptop").stderr


def test_the_chain_of_charters_is_exported_and_verified_without_a_node(pair: tuple[Any, Any], tmp_path: Path) -> None:
    anna, ben = pair
    exported = ben.cli("hive", "export").stdout
    file = tmp_path / "chain.ndjson"
    file.write_text(exported)
    hive = json.loads(anna.cli("hive", "members", "--json").stdout)["id"]

    whole = anna.cli("hive", "verify", str(file), "--hive", hive)
    assert whole.returncode == 0, whole.stdout
    assert "laptop of ben" in whole.stdout
    assert "signed by desk" in whole.stdout
    lines = exported.splitlines(keepends=True)
    for wrong, code in (
        (lines[1:], "charter-chain"),
        ([lines[0], *lines[2:]], "charter-chain"),
        ([*lines, lines[-1]], "charter-rollback"),
        ([*lines[:-1], lines[-1][:-1]], "cut-off"),
        ([lines[0].replace('"sig":"', '"sig":"AAAA', 1)], "bad-"),
        ([], "charter-chain"),
    ):
        file.write_text("".join(wrong))
        told = anna.cli("hive", "verify", str(file))
        assert told.returncode == 1
        assert code in told.stdout
    file.write_text(exported)
    assert "wrong-hive" in anna.cli("hive", "verify", str(file), "--hive", "a" * 52).stdout


def test_a_used_token_admits_nobody_else(pair: tuple[Any, Any], module_daemon: Callable[..., Any]) -> None:
    anna, _ben = pair
    stranger = module_daemon("phone", "eve")
    before = json.loads(anna.cli("hive", "members", "--json").stdout)["version"]
    used = json.loads(anna.cli("hive", "invite", "--json").stdout)["token"]
    assert stranger.cli("hive", "join", used).returncode == 0
    assert stranger.cli("hive", "leave", "--yes").returncode == 0
    assert stranger.cli("hive", "join", used).returncode == 1
    assert stranger.cli("hive", "join", "nonsense").returncode == 1
    assert "hive create" in stranger.cli("hive", "members").stdout
    assert "hive create" in stranger.cli("peers").stdout
    assert anna.cli("hive", "revoke", "phone", "--reason", "lost it").returncode == 0
    tree = json.loads(anna.cli("hive", "members", "--json").stdout)
    assert tree["version"] == before + 2
    assert [one["reason"] for one in tree["revoked"]] == ["lost it"]
    assert "lost it" in anna.cli("hive", "members").stdout


def test_only_the_admin_invites_revokes_and_halts(pair: tuple[Any, Any]) -> None:
    _, ben = pair
    for arguments in (("invite",), ("revoke", "desk"), ("halt", "because"), ("resume",)):
        done = ben.cli("hive", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments


def test_a_halt_reaches_the_others_and_is_lifted(pair: tuple[Any, Any]) -> None:
    anna, ben = pair
    assert "too hot" in anna.cli("hive", "halt", "too hot", "--minutes", "5").stdout
    _until(ben, lambda: ben.client.get("/v1/status")["halted"] is not None)
    assert "HALTED" in ben.cli("status").stdout
    assert "too hot" in ben.cli("doctor").stdout
    assert anna.cli("hive", "resume").returncode == 0
    _until(ben, lambda: ben.client.get("/v1/status")["halted"] is None)


def test_a_halt_of_ones_own_needs_no_admin(pair: tuple[Any, Any]) -> None:
    _, ben = pair
    assert "resume --local" in ben.cli("hive", "halt", "on battery", "--local").stdout
    assert ben.client.get("/v1/status")["halted"]
    assert "go on" in ben.cli("hive", "resume", "--local").stdout


def test_what_one_node_learned_is_listed_shown_exported_and_verified_on_the_other(
    pair: tuple[Any, Any], knob_project: Path, tmp_path: Path
) -> None:
    anna, ben = pair
    for node in pair:
        assert node.cli("project", "add", str(knob_project)).returncode == 0
    identity = json.loads(anna.cli("experiment", "start", "--step", "--json").stdout)["id"]
    anna.cli("experiment", "run", identity)
    change = ("--file", "src/knob.py", "--search", "SIZE = 8", "--replace", "SIZE = 20")
    anna.cli("experiment", "edit", identity, "--idea", "the best size", *change)
    for step in ("run", "decide", "finalize"):
        assert anna.cli("experiment", step, identity).returncode == 0
    _until(ben, lambda: len(ben.client.get("/v1/deltas")["items"]) == 2)

    listed = json.loads(ben.cli("delta", "list", "--json").stdout)["items"]
    assert [(one["kind"], one["owner"], one["seq"]) for one in listed] == [
        ("summary", "anna", 2),
        ("recipe", "anna", 1),
    ]
    assert [
        one["kind"] for one in json.loads(ben.cli("delta", "list", "--kind", "recipe", "--json").stdout)["items"]
    ] == ["recipe"]
    assert "the best size" in ben.cli("delta", "list").stdout
    shown = ben.cli("delta", "show", listed[1]["id"][:10])
    assert "SIZE = 20" in shown.stdout
    assert ben.cli("delta", "show", "ffff").returncode == 1

    file = tmp_path / "export.ndjson"
    assert ben.cli("delta", "export", "--output", str(file)).returncode == 0
    assert [path.name for path in tmp_path.iterdir() if "export" in path.name] == ["export.ndjson"]
    assert file.read_text() == ben.cli("delta", "export").stdout == anna.cli("delta", "export").stdout
    assert json.loads(ben.cli("delta", "verify", str(file), "--json").stdout)["kinds"] == {"recipe": 1, "summary": 1}
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 3] ^= 1
    file.write_bytes(raw)
    assert ben.cli("delta", "verify", str(file)).returncode == 1

    view = ben.cli("project", "view", "knob").stdout
    assert "n = 1" in view
    assert "of anna" in view, "the recipe is suggested"
    assert json.loads(ben.cli("project", "view", "knob", "--json").stdout)["suggestions"]


def test_who_leaves_forgets_and_who_is_asked_without_a_terminal_must_say_yes(daemon: Callable[..., Any]) -> None:
    node = daemon()
    node.cli("hive", "create", "short-lived")
    assert node.cli("hive", "leave").returncode == 2
    assert json.loads(node.cli("hive", "members", "--json").stdout)["name"] == "short-lived"
    assert node.cli("hive", "leave", "--yes").returncode == 0
    assert node.cli("hive", "leave", "--yes").returncode == 1
    assert json.loads(node.cli("hive", "members", "--json").stdout) == {"id": None}


def test_the_doctor_knows_the_running_daemon_and_its_ports(daemon: Callable[..., Any]) -> None:
    node = daemon()
    tree = json.loads(node.cli("doctor", "--json").stdout)
    (line,) = [one for one in tree["items"] if one["check"] == "daemon"]
    assert tree["ok"]
    assert str(node.process.pid) in line["found"]


def test_the_api_document_names_what_the_commands_use(daemon: Callable[..., Any]) -> None:
    node = daemon()
    paths = json.loads(node.cli("api", "spec").stdout)["paths"]
    assert {"/v1/status", "/v1/experiments/{id}/decide", "/v1/hive/members/{id}", "/v1/export/deltas"} <= paths.keys()


def _until(node: Any, holds: Callable[[], bool]) -> None:
    """Return once it holds; looked at whenever the node tells of something, and when its stream beats."""
    if holds():
        return
    for _ in node.client.stream("/v1/events"):
        if holds():
            return
    raise AssertionError("the daemon went away")
