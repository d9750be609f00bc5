"""Who gets into the web page, and what a browser may do there: tried over real sockets by everybody who should not."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hive_node.api.access import KEY_HEADER
from hive_node.api.page import PAGE_WRITES
from tests.integration.conftest import environment
from tests.integration.doors import Door
from tests.integration.processes import hive_node


@dataclass
class Browser:
    """What a browser would send. cookie, key: of the session that it has."""

    door: Door
    cookie: str = ""
    key: str = ""

    @property
    def origin(self) -> str:
        return f"http://{self.door.address[0]}:{self.door.address[1]}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str | None) -> tuple[int, Any, dict[str, str]]:
        """As the page's own script asks; a header of None is left out."""
        given = {
            "Origin": self.origin if method != "GET" else None,
            "Referer": None,
            "Sec_Fetch_Site": "same-origin",
            "Cookie": self.cookie or None,
            "X_Hive_Node_Key": self.key or None,
        } | headers
        raw = json.dumps(body).encode() if body is not None else None
        return self.door.ask(method, path, raw, token=None, **{name: value for name, value in given.items() if value})

    def sign_in(self, code: str) -> int:
        status, tree, headers = self.ask("POST", "/v1/page/session", {"code": code})
        if status == 201:
            self.cookie, self.key = headers["Set-Cookie"].partition(";")[0], tree["key"]
        return status


@pytest.fixture(scope="module")
def door(module_daemon: Callable[..., Any]) -> Door:
    return Door(module_daemon())


def new_code(door: Door) -> str:
    return str(door.node.client.post("/v1/page/links")["url"].partition("#code=")[2])


@pytest.fixture(scope="module")
def signed_in(door: Door) -> Browser:
    browser = Browser(door)
    assert browser.sign_in(new_code(door)) == 201
    return browser


def test_the_command_prints_a_link_that_keeps_its_code_from_every_server_and_log(door: Door) -> None:
    link = door.node.cli("open", "--print").stdout.strip()
    address, _, code = link.partition("/#code=")
    assert address == f"http://{door.address[0]}:{door.address[1]}"
    assert len(code) >= 43  # 256 bits
    browser = Browser(door)
    assert browser.sign_in(code) == 201
    assert browser.ask("GET", "/v1/status")[0] == 200
    log = door.node.log.read_text()
    assert all(secret not in log for secret in (code, browser.key, browser.cookie.partition("=")[2]))
    assert door.token not in json.dumps(browser.ask("GET", "/v1/status")[1])


def test_a_code_works_once_and_one_that_was_made_up_never(door: Door) -> None:
    code = new_code(door)
    assert Browser(door).sign_in(code) == 201
    for spent in (code, "A" * 43, code[:-1]):
        status, problem, headers = Browser(door).ask("POST", "/v1/page/session", {"code": spent})
        assert (status, problem["code"]) == (401, "page.code-spent")
        assert "Set-Cookie" not in headers


def test_two_who_race_for_one_code_are_one_session(door: Door) -> None:
    code, browsers = new_code(door), [Browser(door) for _ in range(6)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(lambda browser: browser.sign_in(code), browsers))
    assert found == [201, 401, 401, 401, 401, 401]


def test_the_cookie_is_for_this_site_alone_and_for_no_script(door: Door) -> None:
    _, tree, headers = Browser(door).ask("POST", "/v1/page/session", {"code": new_code(door)})
    name, *flags = headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
    assert not any(flag.startswith("Domain") for flag in flags)
    assert name.startswith(f"hive-node-{door.address[1]}=")  # browsers share cookies between ports
    assert tree["key"] not in headers["Set-Cookie"]


@pytest.mark.parametrize(("lacks", "status"), [("Cookie", 401), ("X_Hive_Node_Key", 401), ("Sec_Fetch_Site", 403)])
def test_half_a_session_opens_nothing(signed_in: Browser, lacks: str, status: int) -> None:
    assert signed_in.ask("GET", "/v1/status")[0] == 200
    assert signed_in.ask("GET", "/v1/status", **{lacks: None})[0] == status


def test_halves_of_two_sessions_are_none(door: Door, signed_in: Browser) -> None:
    other = Browser(door)
    other.sign_in(new_code(door))
    mixed = Browser(door, signed_in.cookie, other.key)
    assert mixed.ask("GET", "/v1/status")[:2][1]["code"] == "page.signed-out"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": None},
        {"Referer": "https://evil.example/page"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": None},
        {"X_Hive_Node_Key": None},
        {"Host": "evil.example"},
    ],
)
def test_a_forged_request_with_the_cookie_changes_nothing(signed_in: Browser, headers: dict[str, str | None]) -> None:
    status, problem, answered = signed_in.ask("POST", "/v1/experiments/none/stop", {}, **headers)
    assert status in {401, 403}
    assert problem["code"].startswith(("request.foreign", "page.", "auth."))
    assert not any(name.lower().startswith("access-control") for name in answered)
    assert signed_in.ask("POST", "/v1/experiments/none/stop", {})[1]["code"] == "experiment.unknown"


@pytest.mark.parametrize("headers", [{"Origin": None}, {"Sec_Fetch_Site": None}, {"Sec_Fetch_Site": "cross-site"}])
def test_another_site_cannot_spend_a_code(door: Door, headers: dict[str, str | None]) -> None:
    code = new_code(door)
    assert Browser(door).ask("POST", "/v1/page/session", {"code": code}, **headers)[0] == 403
    assert Browser(door).sign_in(code) == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/page/links"),
        ("POST", "/v1/hive"),
        ("POST", "/v1/hive/invites"),
        ("POST", "/v1/hive/join"),
        ("POST", "/v1/projects"),
        ("POST", "/v1/experiments"),
        ("DELETE", "/v1/hive/members/x"),
        ("POST", "/v1/scan"),
    ],
)
def test_a_session_may_decide_and_neither_start_nor_share_nor_let_in(
    signed_in: Browser, method: str, path: str
) -> None:
    assert signed_in.ask(method, path, {})[1]["code"] == "page.not-allowed"


def test_who_signed_out_is_out_and_its_open_stream_ends(door: Door) -> None:
    browser = Browser(door)
    browser.sign_in(new_code(door))
    listener = http.client.HTTPConnection(*door.address, timeout=30)
    own = {"Cookie": browser.cookie, KEY_HEADER: browser.key, "Sec-Fetch-Site": "same-origin"}
    listener.request("GET", "/v1/events", headers=own)
    stream = listener.getresponse()
    assert stream.status == 200
    assert browser.ask("DELETE", "/v1/page/session")[0] == 204
    assert browser.ask("GET", "/v1/status")[0] == 401
    door.node.client.post("/v1/hive/halt", {"reason": "not for who left", "local": True})
    assert b"not for who left" not in stream.read()  # to its end
    stream.close()
    listener.close()
    door.node.client.post("/v1/hive/resume", {"local": True})


def test_a_restart_signs_everybody_out(daemon: Callable[..., Any]) -> None:
    node = daemon()
    browser = Browser(Door(node))
    browser.sign_in(new_code(browser.door))
    node.kill()
    node.start()
    again = Browser(Door(node), browser.cookie, browser.key)
    assert again.ask("GET", "/v1/status")[0] == 401


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_this_machine_cannot_spend_a_link_that_was_seen(door: Door) -> None:
    code = new_code(door)
    script = (
        "import encodings.idna,http.client,json,os,sys\nos.setgid(65534);os.setuid(65534)\n"
        f"c=http.client.HTTPConnection(*{door.address!r})\n"
        f"c.request('POST','/v1/page/session',json.dumps({{'code':{code!r}}}),"
        f"{{'Origin':{Browser(door).origin!r},'Sec-Fetch-Site':'same-origin'}})\n"
        "print(json.load(c.getresponse())['code'])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert ran.stdout.strip() == "page.foreign-user", ran.stderr
    assert Browser(door).sign_in(code) == 201


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/style.css", "/v1/status", "/v1/health", "/nothing"])
def test_no_answer_may_be_framed_guessed_kept_or_filled_with_foreign_code(door: Door, path: str) -> None:
    headers = Browser(door).ask("GET", path)[2]
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page/%2e%2e/server.py",
        "/page/....//server.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/main.js%00.css",
        "/page/..%5cserver.py",
        "/page/",
        "/page/.",
        "/page/MAIN.JS",
        "/page/index.html/",
    ],
)
def test_nothing_but_the_page_lies_behind_its_door(door: Door, path: str) -> None:
    with socket.create_connection(door.address, timeout=20) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path.encode("ascii"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ")[1] in {b"400", b"401", b"404"}
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.mark.parametrize("query", ["code=AAAA", "token=AAAA", "x"])
def test_a_code_in_the_query_is_refused_so_that_nobody_makes_such_links(door: Door, query: str) -> None:
    assert Browser(door).ask("GET", f"/?{query}")[1]["code"] == "page.query"
    code = new_code(door)
    assert Browser(door).ask("POST", f"/v1/page/session?code={code}", {})[1]["code"] == "request.invalid"
    assert Browser(door).sign_in(code) == 201


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: 127.0.0.1", "Host: evil.example"],
        ["Host: 127.0.0.1", "Host: 127.0.0.1"],
        ["Host: 127.0.0.1", "Origin: http://127.0.0.1", "Origin: https://evil.example"],
        ["Host: 127.0.0.1", "Authorization: Bearer {token}", "Authorization: Bearer {token}"],
        ["Host: 127.0.0.1", "Cookie: a=1", "Cookie: {cookie}"],
        ["Host: 127.0.0.1", "X-Hive-Node-Key: {key}", "X-Hive-Node-Key: wrong"],
        ["Host: 127.0.0.1", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"],
        ["Host: 127.0.0.1", "Authorization: Bearer {token}", "Content-Length: 0", "Content-Length: 5"],
        ["Host: 127.0.0.1", "Authorization: Bearer {token}", "Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Host: 127.0.0.1", "Authorization: Bearer {token}", "Transfer-Encoding: chunked, identity"],
        ["Host: 127.0.0.1", "Authorization : Bearer {token}"],
        ["Host: 127.0.0.1", "X: a\x00b", "Authorization: Bearer {token}"],
        ["Host: 127.0.0.1", "X: a\rAuthorization: Bearer {token}"],
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_read_in_none(
    door: Door, signed_in: Browser, lines: list[str]
) -> None:
    filled = [one.format(token=door.token, key=signed_in.key, cookie=signed_in.cookie) for one in lines]
    request = "\r\n".join(["POST /v1/page/links HTTP/1.1", *filled, "Connection: close", "", ""])
    with socket.create_connection(door.address, timeout=20) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ")[1:2] in ([b"400"], [b"401"], [b"403"]), answer[:300]
    assert b"#code=" not in answer
    assert door.ask("GET", "/v1/health")[0] == 200


def test_the_page_is_not_on_the_socket_where_nobody_need_sign_in(door: Door) -> None:
    from hive_node.cli.client import Refusal

    with pytest.raises(Refusal) as refused:
        door.node.client.text("GET", "/")
    assert refused.value.code == "page.no-browser"


def test_where_there_is_a_screen_the_link_goes_to_the_browser_and_is_not_printed(door: Door, tmp_path: Path) -> None:
    opener, taken = tmp_path / "browser", tmp_path / "taken"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {taken}\n')
    opener.chmod(0o755)
    screen = environment() | {"DISPLAY": ":0", "BROWSER": f"{opener} %s"}
    done = hive_node("--home", str(door.node.home.root), "open", environment=screen)
    assert (done.returncode, "#code=" in done.stdout) == (0, False)
    assert Browser(door).sign_in(taken.read_text().partition("#code=")[2]) == 201


def test_what_the_page_may_change_are_endpoints_and_the_description_says_which(door: Door) -> None:
    document = door.ask("GET", "/openapi.json")[1]
    for method, path in PAGE_WRITES:
        assert "security" not in document["paths"][path][method.lower()]  # as everywhere: the token, or a session
    assert document["paths"]["/v1/page/links"]["post"]["security"] == [{"token": []}]
    assert document["paths"]["/v1/page/session"]["post"]["security"] == []
