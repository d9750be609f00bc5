"""The doors of a daemon's admin API, as a program that is no friend of ours knocks at them."""

import http.client
import json
from typing import Any


class Door:
    """The loopback TCP door of a daemon."""

    def __init__(self, node: Any) -> None:
        self.node = node
        host, _, port = node.client.get("/v1/status")["doors"]["api"].rpartition(":")
        self.address = (host, int(port))
        self.token = node.home.token.read_text().strip()

    def ask(
        self, method: str, path: str, body: bytes | None = None, *, token: str | None = "right", **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            given["Authorization"] = f"Bearer {self.token if token == 'right' else token}"
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            connection.request(method, path, body=body, headers=given)
            response = connection.getresponse()
            raw = response.read()
            return response.status, json.loads(raw) if raw[:1] == b"{" else {}, dict(response.getheaders())
        finally:
            connection.close()
