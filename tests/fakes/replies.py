"""Answers of the peer port, as tests that speak HTTP by hand read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def tree(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a problem document."""
        assert self.headers["content-type"].startswith("application/problem+json"), self
        tree = self.tree
        assert tree.keys() == {"type", "title", "status", "detail", "code"}
        assert tree["status"] == self.status
        return self.status, tree["code"]

    @property
    def code(self) -> str:
        """The code of a refused request."""
        return self.refusal[1]

    @property
    def results(self) -> list[tuple[str, str | None]]:
        """(status, code) of each entry."""
        assert self.status == 200, self
        return [(one["status"], one["code"]) for one in self.tree["results"]]
