"""Entries and charters between whole nodes over real sockets: pushed at once, relayed, and caught up with."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from hive_node.adapters import contacts, network
from tests.integration.hives import found, hive_of, in_turn, introduce, is_in_step, node_of, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(network, "LOOK_S", 0.2)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)
    yield


async def test_an_entry_reaches_everyone_and_everyone_says_in_step(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as nodes:
        await in_turn(nodes, 5)

        await until(lambda: is_in_step(*nodes))
        assert len({node.hive.digest() for node in nodes}) == 1
        assert [nodes[0].seq(node) for node in nodes] == [5, 5, 5]


async def test_three_nodes_find_one_another_by_mdns_alone(tmp_path: Path) -> None:
    async with node_of(tmp_path, "ada", mdns=True) as ada, node_of(tmp_path, "bo", mdns=True) as bo:
        async with node_of(tmp_path, "cy", mdns=True) as cy:
            await ada.members.create("found by itself")
            for other in (bo, cy):
                await other.members.join(await ada.members.invite())

            await until(lambda: is_in_step(ada, bo, cy))
            for node in (ada, bo, cy):
                await until(lambda node=node: all("mdns" in one.sources for one in node.parts.network.contacts.values()))
