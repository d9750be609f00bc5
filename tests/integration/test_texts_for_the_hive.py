"""What a person writes for the whole hive outside of deltas passes the scope guard too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hive_node.ports import Fault
from tests.integration.hives import LiveNode, node_of, until
from tests.integration.raw_peer import member_of

TOKEN = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"


@pytest.fixture
async def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveNode]:
    monkeypatch.setenv("SMTP_PASSWORD", "tulip7")
    async with node_of(tmp_path) as node:
        yield node


@pytest.mark.parametrize("name", [f"team {TOKEN}", "the Tulip7 team"])
async def test_a_hive_is_not_named_by_a_secret(ada: LiveNode, name: str) -> None:
    with pytest.raises(Fault, match="secret") as refused:
        await ada.members.create(name)
    assert refused.value.code == "scope.text"
    assert "ulip7" not in str(refused.value)
    assert ada.hive.membership is None


@pytest.mark.parametrize("reason", ["it told TULIP7", f"see {TOKEN}", "ask bob@firma-nord.de"])
async def test_a_reason_that_must_not_be_read_is_not_issued(ada: LiveNode, reason: str) -> None:
    await ada.members.create("the team of akowalska")
    await until(lambda: ada.port)
    bo = await member_of(ada, "bo")
    version = ada.version
    for act in (ada.members.halt(reason, 60, is_local=False), ada.members.revoke(bo.id, reason)):
        with pytest.raises(Fault) as refused:
            await act
        assert refused.value.code == "scope.text"
    assert ada.version == version
    await ada.members.halt(reason, 60, is_local=True)
    assert ada.hive.local_halt == reason, "a reason of this node's own is read by nobody else"
