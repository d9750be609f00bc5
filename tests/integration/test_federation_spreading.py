"""Entries and charters between whole nodes over real sockets: pushed at once, relayed, and caught up with."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hive_node.adapters import contacts, network
from tests.integration.hives import LiveNode, hive_of, in_turn, is_in_step, node_of, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.2)
    monkeypatch.setattr(contacts, "FIRST_BACKOFF_S", 0.2)


async def test_an_entry_reaches_everyone_and_everyone_says_in_step(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as nodes:
        await in_turn(nodes, 5)

        await until(lambda: is_in_step(*nodes))
        assert len({node.hive.digest() for node in nodes}) == 1
        assert [nodes[0].seq(node) for node in nodes] == [5, 5, 5]


async def test_who_stops_gracefully_is_asleep_and_who_returns_is_met_at_once(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 3) as (ada, bo, cy):
        await bo.stop()
        await until(lambda: ada.state["n2"] == cy.state["n2"] == "asleep")
        await ada.say()
        await until(lambda: cy.seq(ada) == 1)
        contact = ada.contact(bo)
        assert contact is not None
        assert contact.failures == 0

        await bo.start()
        await until(lambda: is_in_step(ada, bo, cy))
        assert bo.seq(ada) == 1


async def test_three_nodes_find_one_another_by_mdns_alone(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(node_of(tmp_path, name, mdns=True)) for name in ("ada", "bo", "cy")]
        await nodes[0].members.create("found by itself")
        for other in nodes[1:]:
            await other.members.join(await nodes[0].members.invite())

        await until(lambda: is_in_step(*nodes))
        await until(lambda: all(_found_everyone_by_mdns(node) for node in nodes))


def _found_everyone_by_mdns(node: LiveNode) -> bool:
    assert node.parts.network is not None
    contacts = node.parts.network.contacts.values()
    return len(contacts) == 2 and all("mdns" in one.sources for one in contacts)
