"""Who may ask the admin API, and what bad requests get: tried over real sockets against a real daemon."""

import json
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.doors import Door


@pytest.fixture(scope="module")
def door(module_daemon: Callable[..., Any]) -> Door:
    return Door(module_daemon())


def test_the_right_token_opens_and_a_wrong_or_missing_one_does_not(door: Door) -> None:
    assert door.ask("GET", "/v1/status")[0] == 200
    assert door.ask("GET", "/v1/status", token=None)[:2][0] == 401
    status, problem, headers = door.ask("GET", "/v1/status", token="wrong")
    assert (status, problem["code"]) == (401, "auth.wrong")
    assert headers["Content-Type"].startswith("application/problem+json")
    assert "WWW-Authenticate" in headers


@pytest.mark.parametrize(
    "path", ["/v1/projects", "/v1/events", "/metrics", "/v1/hive", "/v1/deltas", "/v1/export/deltas"]
)
def test_nothing_but_health_and_the_description_is_open(door: Door, path: str) -> None:
    assert door.ask("GET", path, token=None)[0] == 401
    assert door.ask("GET", "/v1/health", token=None)[0] == 200
    assert door.ask("GET", "/openapi.json", token=None)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7741", "127.0.0.1.evil.example", "[::2]", "", "localhost.", "0.0.0.0"]
)
def test_a_rebound_name_is_refused_before_the_token_is_looked_at(door: Door, host: str) -> None:
    for token in ("right", "wrong"):
        status, problem, _ = door.ask("GET", "/v1/status", token=token, Host=host)
        assert (status, problem.get("code")) == (403, "request.foreign-host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Referer": "https://evil.example/page"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_site_is_refused_even_with_the_token(door: Door, headers: dict[str, str]) -> None:
    status, problem, answered = door.ask("POST", "/v1/hive", b'{"name":"x"}', **headers)
    assert (status, problem["code"]) == (403, "request.foreign-origin")
    assert not any(name.lower().startswith("access-control") for name in answered)


def test_no_answer_carries_a_cors_header(door: Door) -> None:
    own = f"http://{door.address[0]}:{door.address[1]}"
    status, _, headers = door.ask("GET", "/v1/status", Origin=own)
    assert status == 200
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert door.ask("OPTIONS", "/v1/status", Origin=own)[0] == 405


def test_the_token_is_not_taken_from_the_url(door: Door) -> None:
    assert door.ask("GET", f"/v1/status?token={door.token}&access_token={door.token}", token=None)[0] == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "request.not-json"),
        (b'{"name":"a","name":"b"}', "request.not-json"),
        (b'{"name":NaN}', "request.not-json"),
        (b"[" * 10_000, "request.not-json"),
        (b'["a"]', "request.not-json"),
        (b"\xff\xfe", "request.not-json"),
        (b"{}", "request.invalid"),
        (b'{"name":7}', "request.invalid"),
        (b'{"name":"a","colour":"red"}', "request.invalid"),
        (b'{"name":"a\\u0000b"}', "request.invalid"),
    ],
)
def test_malformed_bodies_get_a_code_and_change_nothing(door: Door, body: bytes, code: str) -> None:
    status, problem, _ = door.ask("POST", "/v1/hive", body)
    assert (status, problem["code"]) == (400, code)
    assert door.ask("GET", "/v1/hive")[1] == {"id": None}


def test_a_body_of_five_megabytes_is_refused_and_the_daemon_goes_on(door: Door) -> None:
    status, problem, _ = door.ask("POST", "/v1/scan", b'{"text":"' + b"a" * 5_000_000 + b'"}')
    assert (status, problem["code"]) == (413, "request.too-large")
    assert door.ask("GET", "/v1/health")[0] == 200


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":[', "]}]")])
def test_json_of_any_depth_is_refused_as_a_body_and_read_as_a_text(door: Door, opening: str, closing: str) -> None:
    deep = opening * 50_000 + "1" + closing * 50_000
    status, problem, _ = door.ask("POST", "/v1/scan", f'{{"text":{deep}}}'.encode())
    assert (status, problem["code"]) == (400, "request.not-json")
    status, found, _ = door.ask("POST", "/v1/scan", json.dumps({"text": deep}).encode())
    assert (status, found["items"]) == (200, [])


def test_unknown_paths_methods_and_things_get_a_code(door: Door) -> None:
    assert door.ask("GET", "/v1/nothing")[1]["code"] == "request.no-such-path"
    assert door.ask("DELETE", "/v1/status")[1]["code"] == "request.wrong-method"
    assert door.ask("GET", "/v1/projects/none")[1]["code"] == "project.unknown"
    assert door.ask("GET", "/v1/experiments/none")[1]["code"] == "experiment.unknown"
    assert door.ask("GET", "/v1/deltas/none")[1]["code"] == "delta.unknown"
    assert door.ask("GET", "/v1/deltas?limit=-1")[1]["code"] == "request.invalid"
    assert door.ask("GET", "/v1/deltas?cursor=x")[1]["code"] == "request.invalid"
    assert door.ask("GET", "/v1/events?after=-1")[1]["code"] == "request.invalid"
    assert door.ask("GET", "/v1/%2e%2e/%2e%2e/etc/passwd")[0] == 404


def test_the_socket_needs_no_token_and_only_its_owner_can_open_it(door: Door) -> None:
    path = door.node.home.socket
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert door.node.client.get("/v1/status")["id"]


def test_a_stranger_on_this_machine_reaches_neither_socket_nor_token(door: Door) -> None:
    script = (
        "import os,socket,sys\nos.setgid(65534);os.setuid(65534)\n"
        f"s=socket.socket(socket.AF_UNIX)\ntry:\n s.connect({str(door.node.home.socket)!r});sys.exit(1)\nexcept OSError: pass\n"
        f"try:\n open({str(door.node.home.token)!r});sys.exit(2)\nexcept OSError: pass\n"
    )
    child = os.fork()
    if child == 0:
        try:
            exec(script)  # in a child that gave up its rights
        except SystemExit as end:
            os._exit(int(str(end.code)))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_events_have_no_gaps_and_are_replayed_from_where_a_listener_was(door: Door) -> None:
    for number in range(3):
        door.node.client.post("/v1/hive/halt", {"reason": f"test {number}", "local": True})
    door.node.client.post("/v1/hive/resume", {"local": True})
    events = []
    for event in door.node.client.events(after=0):
        events.append(event)
        if event["kind"] == "resume":
            break
    ids = [event["id"] for event in events]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    later = next(iter(door.node.client.events(after=ids[1])))
    assert later["id"] == ids[2]


def test_a_listener_hears_what_happens_while_it_listens(door: Door) -> None:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(str(door.node.home.socket))
    connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    heard = b""
    while b": open" not in heard:
        heard += connection.recv(4096)
    door.node.client.post("/v1/hive/halt", {"reason": "heard live", "local": True})
    while b"heard live" not in heard:
        heard += connection.recv(4096)
    connection.close()
    door.node.client.post("/v1/hive/resume", {"local": True})


def test_the_description_names_every_endpoint_and_only_models_that_it_defines(door: Door) -> None:
    document = door.ask("GET", "/openapi.json")[1]
    assert document["openapi"].startswith("3.1")
    for path in ("/v1/status", "/v1/experiments/{id}/edit", "/v1/hive/members/{id}", "/metrics"):
        assert path in document["paths"]
    text = json.dumps(document)
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= set(document["components"]["schemas"])


def test_metrics_are_in_the_text_format(door: Door) -> None:
    text = door.node.client.text("GET", "/metrics")
    assert "# TYPE hive_node_promotions gauge" in text
    assert 'hive_node_deltas{direction="sent"} 0.0' in text
