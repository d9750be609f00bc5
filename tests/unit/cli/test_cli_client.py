"""The client against a socket that says anything: a refusal is a refusal, and whatever is no answer is 'unreachable'."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hive_node.cli.client import Client, Refusal, Unreachable
from hive_node.cli.context import at
from hive_node.config.home import Home

Serve = Callable[[bytes], Client]


@pytest.fixture
def answering() -> Iterator[Serve]:
    """answering(raw): a client whose daemon sends those bytes to whoever asks, once, and hangs up."""
    with TemporaryDirectory(prefix="hive-") as folder, socket.socket(socket.AF_UNIX) as listener:
        home = Home(Path(folder))
        listener.bind(str(home.socket))
        listener.listen()
        threads: list[threading.Thread] = []

        def serve(raw: bytes) -> Client:
            threads.append(threading.Thread(target=_answer_once, args=(listener, raw)))
            threads[-1].start()
            return Client(home)

        yield serve
        for thread in threads:
            thread.join(10)


def _answer_once(listener: socket.socket, raw: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(raw)


def response(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


def test_nobody_there_is_unreachable_and_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="hive-node run"):
        Client(Home(tmp_path)).get("/v1/health")


def test_a_home_too_deep_for_a_socket_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        Client(Home(tmp_path / ("x" * 200))).get("/v1/health")


def test_an_answer_is_its_json(answering: Serve) -> None:
    assert answering(response(b'{"status":"ok"}')).get("/v1/health") == {"status": "ok"}


def test_a_problem_keeps_its_code_and_words(answering: Serve) -> None:
    problem = json.dumps({"code": "hive.exists", "detail": "leave first"}).encode()
    with pytest.raises(Refusal, match="leave first") as caught:
        answering(response(problem, "409 Conflict")).post("/v1/hive", {"name": "x"})
    assert (caught.value.status, caught.value.code) == (409, "hive.exists")


def test_a_refusal_that_comes_before_the_body_was_read_is_heard(answering: Serve) -> None:
    problem = json.dumps({"code": "body.too_large", "detail": "at most 1 MiB"}).encode()
    with pytest.raises(Refusal, match="at most 1 MiB"):
        answering(response(problem, "413 Content Too Large")).post("/v1/scan", {"text": "x" * 5_000_000})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"detail":"no code"}'])
def test_an_error_without_a_problem_is_still_a_refusal(answering: Serve, body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        answering(response(body, "500 Oops")).get("/v1/status")
    assert caught.value.status == 500


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200"])
def test_what_is_no_http_is_unreachable(answering: Serve, raw: bytes) -> None:
    with pytest.raises(Unreachable):
        answering(raw).get("/v1/status")


def test_an_answer_that_is_cut_off_is_never_taken_for_whole(answering: Serve) -> None:
    with pytest.raises(Unreachable):
        answering(response(b'{"items":[', length=500)).get("/v1/deltas")


def test_a_chunked_export_that_is_cut_off_is_never_taken_for_whole(answering: Serve) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n"
    with pytest.raises(Unreachable):
        list(answering(raw).stream("/v1/export/deltas"))


def test_events_come_with_id_kind_and_data_whatever_the_pieces(answering: Serve) -> None:
    stream = b': open\n\nid: 7\nevent: delta\ndata: {"at":"now","data":{"kind":"recipe"}}\n\n: beat\n\n'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in stream)
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert list(answering(raw).events()) == [{"id": 7, "kind": "delta", "at": "now", "data": {"kind": "recipe"}}]


def test_what_a_person_typed_stays_one_part_of_a_path() -> None:
    assert at("experiments", "../hive?x=1#y", "stop") == "/v1/experiments/..%2Fhive%3Fx%3D1%23y/stop"
