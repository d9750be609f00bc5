"""Five real daemons on five hosts (docs/protocol.md §10): what becomes of them when hosts, cables and clocks fail."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.multihost.hosts import Hive, HostedNode, shown, until
from tests.multihost.stranger import Stranger

pytestmark = pytest.mark.timeout(180)

REFUSED = {"not-a-member", "revoked"}
TWO_DAYS_S = 2 * 86_400
TOLD_WITHIN_S = 5.0
ROUND_S = 30.0


def settled(hive: Hive, *hosts: int) -> None:
    until(lambda: hive.in_step(*hosts), told=lambda: shown(hive))


@pytest.fixture
def stranger(five: Hive) -> Iterator[Stranger]:
    """A sixth member, on the sixth host, that is no honest node."""
    one = Stranger(five.lan.namespace(6), five[1].client.post("/v1/hive/invites")["token"], "mallory")
    until(lambda: all(node.charter_version == five[1].charter_version for node in five))
    try:
        yield one
    finally:
        one.close()


@contextmanager
def away(node: HostedNode) -> Iterator[None]:
    """Killed, and up again."""
    node.kill()
    yield
    node.start()


# --- members that are sent away ---------------------------------------------------------------------------------------


def test_a_member_revoked_while_connected_gets_its_next_request_refused(five: Hive, stranger: Stranger) -> None:
    addresses = [five.lan.addresses(node.host)[node.host % 2] for node in five]
    assert [stranger.asks(where) for where in addresses] == ["answered"] * 5
    assert stranger.says(five[1].id, addresses[0]) == "accepted"
    five[1].client.delete(f"/v1/hive/members/{stranger.id}", {"reason": "left the team"})
    assert stranger.asks(addresses[0]) in REFUSED, "its connection is the one of before"
    took = until(lambda: {stranger.asks(where) for where in addresses} <= REFUSED)
    assert took < TOLD_WITHIN_S
    assert {stranger.says(node.id, where) for node, where in zip(five, addresses, strict=True)} <= REFUSED


def test_a_node_that_slept_through_a_revocation_refuses_the_revoked_authors_first_entry(
    five: Hive, stranger: Stranger
) -> None:
    sleeper, address = five[5], five.lan.addresses(5)[0]
    assert stranger.says(five[1].id, five.lan.addresses(1)[0]) == "accepted"
    settled(five)
    node = sleeper.id
    with away(sleeper):
        five[1].client.delete(f"/v1/hive/members/{stranger.id}", {"reason": "left the team"})
    became = [stranger.says(node, address)]
    until(lambda: became.append(stranger.says(node, address)) or {"accepted", *REFUSED} & set(became))
    assert became[-1] in REFUSED
    assert set(became[:-1]) <= {"unavailable"}, "what it does not know yet, it takes from nobody"
    settled(five)
