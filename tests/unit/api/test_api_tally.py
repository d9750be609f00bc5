"""The counts of `GET /v1/status`: read from the store once, and again after each write."""

from typing import Any

from hive_node.api.tally import Tally


class Parts:
    """A store with a number of entries, and a write that happens while it is counted."""

    def __init__(self) -> None:
        self.experiments = self.projects = self.agents = self.shelf = self.deltas = self.diary = self.hive = self
        self.node = None
        self.entries = self.written = self.looks = 0
        self.is_written_meanwhile = False

    def writes(self) -> int:
        return self.written

    def write(self) -> None:
        self.entries += 1
        self.written += 1

    async def all(self) -> list[Any]:
        return []

    async def counts(self, _node: None) -> dict[str, int]:
        self.looks += 1
        found = self.entries
        if self.is_written_meanwhile:
            self.write()
        return {"own": found}

    async def tally(self) -> None:
        return None

    async def recall(self, _name: str) -> None:
        return None

    async def receipt_counts(self) -> dict[str, int]:
        return {}


async def test_the_store_is_read_again_only_after_a_write() -> None:
    parts = Parts()
    tally = Tally(parts)  # type: ignore[arg-type]
    for _ in range(3):
        assert (await tally.counts()).deltas == {"own": 0}
    parts.write()
    for _ in range(3):
        assert (await tally.counts()).deltas == {"own": 1}
    assert parts.looks == 2


async def test_what_is_written_while_it_is_counted_is_counted_the_next_time() -> None:
    parts = Parts()
    parts.is_written_meanwhile = True
    tally = Tally(parts)  # type: ignore[arg-type]
    assert (await tally.counts()).deltas == {"own": 0}
    parts.is_written_meanwhile = False
    assert (await tally.counts()).deltas == {"own": 1}
