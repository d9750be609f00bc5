"""Talks to the daemon over its Unix socket. Synchronous, and of the standard library alone: a command answers at once."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hive_node.config.home import Home


class Unreachable(Exception):
    """The daemon does not answer."""


class Refusal(Exception):
    """The daemon said no. code: stable."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class Client:
    """The admin API of the node in `home`."""

    home: Home

    def get(self, path: str, **query: str | int | None) -> Any:
        """The JSON answer. Raises Unreachable, Refusal."""
        return _tree(self.text("GET", _with(path, query)))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer; waits as long as the work takes. Raises Unreachable, Refusal."""
        return _tree(self.text("POST", path, body or {}))

    def delete(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer. Raises Unreachable, Refusal."""
        return _tree(self.text("DELETE", path, body))

    def text(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        """The answer as text. Raises Unreachable, Refusal."""
        return b"".join(self._pieces(method, path, body)).decode("utf-8")

    def stream(self, path: str, **query: str | int | None) -> Iterator[bytes]:
        """The answer in pieces, as they come. Raises Unreachable, Refusal."""
        return self._pieces("GET", _with(path, query), None)

    def events(self, after: int | None = None) -> Iterator[dict[str, Any]]:
        """The node's events as they happen: `{"id", "kind", "at", "data"}`. Raises Unreachable, Refusal."""
        event: dict[str, Any] = {}
        for line in self._lines(_with("/v1/events", {"after": after})):
            name, _, value = line.partition(": ")
            if name == "id":
                event["id"] = int(value)
            elif name == "event":
                event["kind"] = value
            elif name == "data":
                yield {**event, **json.loads(value)}

    def _lines(self, path: str) -> Iterator[str]:
        rest = b""
        for piece in self._pieces("GET", path, None):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line.decode("utf-8") for line in lines)

    def _pieces(self, method: str, path: str, body: dict[str, Any] | None) -> Iterator[bytes]:
        connection = _UnixConnection(str(self.home.socket), timeout=None)
        try:
            payload = json.dumps(body).encode() if body is not None else None
            # A daemon that refuses early stops reading: the answer is there all the same.
            with suppress(BrokenPipeError):
                connection.request(method, path, body=payload, headers={"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status >= 400:
                raise _refusal(response.status, response.read())
            while piece := response.read1(65536):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"no hive-node answers in {self.home.root}: start it with `hive-node run`, or name its home with --home"
            ) from error
        finally:
            connection.close()


def _tree(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreachable(
            "the daemon's answer was cut off: its log may say why, `hive-node status` whether it lives"
        ) from error


def _with(path: str, query: dict[str, str | int | None]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        tree = json.loads(body)
        return Refusal(status, str(tree["code"]), str(tree["detail"]))
    except (ValueError, KeyError, TypeError):
        return Refusal(status, "http", f"the daemon answered {status}")
