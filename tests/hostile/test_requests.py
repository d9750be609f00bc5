"""What is no HTTP request, or two in one: refused in our own words, and nothing that hides in it is ever done."""

import json

import pytest

from tests.hostile.stage import MALLORY, OLGA, Stage
from tests.hostile.wire import GONE, Wire, dialled

NODE = b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n"
ENTRIES = b"POST /hive/v1/entries HTTP/1.1\r\nHost: peer\r\n"


def hidden(stage: Stage) -> bytes:
    """A request that would be done, were it seen: Mallory's first entry, which no story here may get stored."""
    body = stage.entry(MALLORY).to_bytes()
    return ENTRIES + b"Content-Length: %d\r\n\r\n" % len(body) + body


# {hidden} stands for a whole request, {size} for its length.
SMUGGLED = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
    "both lengths, the other way": b"Transfer-Encoding: chunked\r\nContent-Length: {size}\r\n\r\n0\r\n\r\n{hidden}",
    "two lengths": b"Content-Length: 0\r\nContent-Length: {size}\r\n\r\n{hidden}",
    "two lengths in a line": b"Content-Length: 0, {size}\r\n\r\n{hidden}",
    "a length with a sign": b"Content-Length: +0\r\n\r\n{hidden}",
    "a negative length": b"Content-Length: -1\r\n\r\n{hidden}",
    "a length in hexadecimal": b"Content-Length: 0x0\r\n\r\n{hidden}",
    "a length in Arabic digits": b"Content-Length: \xd9\xa0\r\n\r\n{hidden}",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551616\r\n\r\n{hidden}",
    "chunked, misspelt": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}",
    "chunked, not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
    "blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}",
    "a folded line": b"X: a\r\n Content-Length: {size}\r\n\r\n{hidden}",
    "a line without a colon": b"Content-Length\r\n\r\n{hidden}",
    "a NUL in a name": b"Content\x00-Length: 0\r\n\r\n{hidden}",
    "a NUL in a value": b"X: \x00\r\n\r\n{hidden}",
    "a carriage return alone": b"X: a\rContent-Length: 0\r\n\r\n{hidden}",
    "a chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}",
    "a chunk size in hexadecimal, marked": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{hidden}",
    "a chunk size beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{hidden}",
    "a chunk that ends early": b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n{hidden}",
    "a chunk's end without its line end": b"Transfer-Encoding: chunked\r\n\r\n1\r\na0\r\n\r\n{hidden}",
}

NO_REQUESTS = {
    "HTTP/0.9": b"GET /hive/v1/node\r\n\r\n",
    "HTTP/9.9": b"GET /hive/v1/node HTTP/9.9\r\nHost: peer\r\n\r\n",
    "HTTP/2's first words": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bare line feeds": b"GET /hive/v1/node HTTP/1.1\nHost: peer\n\n",
    "zeros": b"\x00" * 100,
    "TLS within TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    "an invented method": b"BREW /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n",
    "HTTP/1.0": b"GET /hive/v1/node HTTP/1.0\r\nHost: peer\r\n\r\n",
    "a tab for a blank": b"GET\t/hive/v1/node\tHTTP/1.1\r\n\r\n",
    "a method with a NUL": b"GE\x00T /hive/v1/node HTTP/1.1\r\n\r\n",
    "a path of 5 KB": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: peer\r\n\r\n",
    "a header of 1 MB": b"GET /hive/v1/node HTTP/1.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "10 000 headers": b"GET /hive/v1/node HTTP/1.1\r\n" + b"X: a\r\n" * 10_000 + b"\r\n",
    "33 headers": b"GET /hive/v1/node HTTP/1.1\r\n" + b"X: a\r\n" * 33 + b"\r\n",
}

UNANSWERED = {
    "no such path": (b"GET /hive/v2/node HTTP/1.1\r\nHost: peer\r\n\r\n", 404),
    "out of the tree": (b"GET /hive/v1/../../etc/passwd HTTP/1.1\r\nHost: peer\r\n\r\n", 404),
    "no such method": (b"DELETE /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n", 405),
    "TRACE": (b"TRACE /hive/v1/node HTTP/1.1\r\nHost: peer\r\n\r\n", 405),
    "an expectation": (b"GET /hive/v1/node HTTP/1.1\r\nHost: peer\r\nExpect: miracles\r\n\r\n", 417),
    "the join port's path": (b"GET /hive/v1/join?invite=a HTTP/1.1\r\nHost: peer\r\n\r\n", 404),
}


def said_and_done(wire: Wire, data: bytes) -> list[tuple[int, str]]:
    """Send something, end it, and return how each answer refused; those of other answers are their own."""
    try:
        wire.send(data)
    except GONE:
        pass
    found = []
    for reply in wire.replies():
        assert reply.headers["content-type"].startswith("application/problem+json"), reply
        assert b"\x00" not in reply.body
        found.append(reply.refusal)
    return found


@pytest.mark.parametrize("name", SMUGGLED)
def test_nothing_that_hides_in_a_request_is_done(stage: Stage, name: str) -> None:
    inner = hidden(stage)
    head = SMUGGLED[name].replace(b"{size}", b"%d" % len(inner)).replace(b"{hidden}", inner)
    with dialled(stage.port, MALLORY) as wire:
        wire.plain.settimeout(5)
        assert set(said_and_done(wire, ENTRIES + head)) <= {(400, "bad-request"), (413, "too-large")}


@pytest.mark.parametrize("name", NO_REQUESTS)
def test_what_is_no_request_ends_the_connection(stage: Stage, name: str) -> None:
    with dialled(stage.port, OLGA) as wire:
        wire.plain.settimeout(15)
        assert said_and_done(wire, NO_REQUESTS[name]) in ([(400, "bad-request")], [])


@pytest.mark.parametrize("name", UNANSWERED)
def test_what_nobody_answers_is_refused_with_a_code(stage: Stage, name: str) -> None:
    data, status = UNANSWERED[name]
    with dialled(stage.port, OLGA) as wire:
        wire.send(data)
        reply = wire.reply()
        assert reply.refusal == (status, "bad-request")
        assert b"passwd" not in reply.body
        if status == 405:
            assert "GET" in reply.headers["allow"]


def test_a_target_of_another_host_or_a_tunnel_is_no_way_out(stage: Stage) -> None:
    for target in (
        b"GET http://169.254.169.254/latest HTTP/1.1",
        b"CONNECT 127.0.0.1:22 HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
    ):
        with dialled(stage.port, OLGA) as wire:
            wire.plain.settimeout(5)
            found = said_and_done(wire, target + b"\r\nHost: peer\r\nConnection: close\r\n\r\n")
            assert {code for _, code in found} <= {"bad-request"}
            assert {status for status, _ in found} <= {400, 404, 405}


def test_an_upgrade_is_not_taken(stage: Stage) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
    with dialled(stage.port, OLGA) as wire:
        wire.send(NODE[:-2], upgrade % (b"a" * 22 + b"=="))
        assert wire.reply().status == 200


def test_a_thousand_requests_at_once_are_answered_in_turn(stage: Stage) -> None:
    with dialled(stage.port, MALLORY) as wire:
        wire.send(NODE * 1000)
        statuses = [wire.reply().status for _ in range(1000)]
    assert statuses == [200] * 1000


def test_trailers_and_tiny_chunks_cost_what_they_weigh(stage: Stage) -> None:
    raw = stage.entry(MALLORY).to_bytes().replace(b"A", b"B", 1)
    chunks = b"".join(b"1;" + b"x" * 20 + b"\r\n%c\r\n" % byte for byte in raw)
    with dialled(stage.port, OLGA) as wire:
        wire.send(ENTRIES, b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\nX: a\r\n\r\n")
        assert [status for status, _ in wire.reply().results] == ["refused"]
    with dialled(stage.port, OLGA) as wire:
        wire.plain.settimeout(15)
        flood = b"0\r\n" + b"X: a\r\n" * 20_000 + b"\r\n"
        found = said_and_done(wire, ENTRIES + b"Transfer-Encoding: chunked\r\n\r\n" + flood)
        assert set(found) <= {(400, "bad-request")}


def test_hints_that_cannot_be_say_nothing(stage: Stage) -> None:
    with dialled(stage.port, OLGA) as wire:
        for hint in ("0", "65536", "999999", "-1", "7740\t", "1e3", "9" * 400, "\xd9\xa7", '"><'):
            headers = dict.fromkeys(("X-Hive-Port", "X-Hive-Charter", "X-Hive-Have"), hint)
            reply = wire.ask("GET", "/hive/v1/node", headers=headers)
            assert json.loads(reply.body)["charter_version"] == 3
