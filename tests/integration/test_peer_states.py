"""What one node says of another, while that one really is as it says."""

from pathlib import Path

import pytest

from hive_node.adapters import network
from hive_node.adapters.peer_lines import PeerLines
from hive_node.ports import PeerLine
from tests.integration.hives import LiveNode, hive_of, until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOK_S", 0.1)
    monkeypatch.setattr(network, "RECONCILE_S", 0.3)


async def line_of(node: LiveNode) -> PeerLine:
    (line,) = await PeerLines(node.hive, node.parts.network, node.ground.peers, node.clock).lasting()
    return line


async def test_a_peer_that_takes_nothing_falls_behind_by_so_many_and_catches_up(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        assert await ada.say()
        await until(lambda: bo.seq(ada) == 1)
        await until(lambda: set(ada.state.values()) == {"in step"})
        contact = ada.contact(bo)
        await until(lambda: contact is not None and contact.entries == 1)

        bo.hive.local_halt = "having lunch"
        for _ in range(3):
            assert await ada.say()
        assert (await line_of(ada)).state == "behind"
        assert (await line_of(ada)).behind_by == 3

        bo.hive.local_halt = None
        await until(lambda: set(ada.state.values()) == {"in step"})
        assert (await line_of(ada)).behind_by is None


async def test_a_peer_that_is_gone_is_away_since_it_was_last_met_after_a_restart_too(tmp_path: Path) -> None:
    async with hive_of(tmp_path, 2) as (ada, bo):
        await bo.stop()
        await ada.stop()
        await ada.start()
        line = await line_of(ada)
        assert (line.state, line.seen_at is not None) == ("away", True)
        await bo.start()
