"""Five real daemons on five hosts (docs/protocol.md §10): what becomes of them when hosts, cables and clocks fail."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.integration.processes import Forked
from tests.multihost.hosts import Hive, HostedNode, at_once, shown, until
from tests.multihost.stranger import Stranger

pytestmark = pytest.mark.timeout(180)

REFUSED = {"not-a-member", "revoked"}
TWO_DAYS_S = 2 * 86_400
TOLD_WITHIN_S = 5.0
ROUND_S = 30.0
# A thousand nodes are five thousand records, which zeroconf keeps (10 000 at most); and what asking takes of one processor.
MEMORY_KIB = 16 * 1024
CPU_SHARE = 0.35


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


# --- as it should go ---------------------------------------------------------------------------------------------------


def test_five_nodes_found_one_another_by_multicast_alone(five: Hive) -> None:
    for node in five:
        until(
            lambda node=node: all("mdns" in peer["sources"] for peer in node.peers.values()), told=lambda: shown(five)
        )
    # The invite told the joiners of one member, the admin, and the admin of nobody.
    assert all("invite" in node.peers["n1"]["sources"] for node in list(five)[1:])
    assert not any("invite" in peer["sources"] for peer in five[1].peers.values())
    assert not any("static" in peer["sources"] for node in five for peer in node.peers.values())


# --- hosts, cables and clocks that fail --------------------------------------------------------------------------------


def test_five_nodes_lose_one_to_sigkill_one_to_a_partition_and_one_to_its_clock_and_converge_after(five: Hive) -> None:
    well, killed, cut, skewed, _ = five
    skewed.kill()
    skewed.skew_s = TWO_DAYS_S
    skewed.start()
    killed.kill()
    five.lan.pull(cut.host)
    said = at_once([well, cut, skewed, five[5]], lambda one: one.say(f"{one.name} while others are away"))
    until(lambda: {said[0], said[2], said[3]} <= well.entries & skewed.entries & five[5].entries)
    assert said[1] not in well.entries
    killed.start()
    five.lan.plug(cut.host)
    said.append(killed.say("back again"))
    until(lambda: five.have(*said), told=lambda: shown(five))
    settled(five)
    assert len({one.view for one in five}) == 1


def test_two_halves_that_worked_apart_converge_in_one_round_after_meeting(five: Hive) -> None:
    numbers = count()
    five.lan.split(4, 5)
    said = at_once([one for one in five for _ in range(2)], lambda one: one.say(f"{one.name} apart, {next(numbers)}"))
    until(lambda: set(said[:6]) <= five[1].entries & five[2].entries & five[3].entries)
    until(lambda: set(said[6:]) <= five[4].entries & five[5].entries)
    assert not set(said[6:]) & five[1].entries
    five.lan.merge(4, 5)
    assert until(lambda: five.have(*said), told=lambda: shown(five)) < ROUND_S
    settled(five)
    assert len({one.view for one in five}) == 1


def test_nodes_that_never_reach_each_other_hear_all_from_one_that_everybody_reaches(five: Hive) -> None:
    five.lan.wall(1, 3, 4, 5)
    said = [one.say(f"{one.name} behind a wall") for one in five]
    until(lambda: five.have(*said), told=lambda: shown(five))


def test_an_interface_that_goes_away_and_comes_back_with_another_address_is_found_again(five: Hive) -> None:
    moved, others = five[5], [one for one in five if one.host != 5]
    old, new = five.lan.addresses(5)[0], "10.77.0.55"
    five.lan.inside(5, "link", "set", "eth0", "down")
    five.lan.inside(5, "addr", "del", f"{old}/24", "dev", "eth0")
    five.lan.inside(5, "addr", "add", f"{new}/24", "dev", "eth0")
    said = [moved.say("while nobody hears"), five[1].say("while one is away")]
    five.lan.inside(5, "link", "set", "eth0", "up")
    until(lambda: five.have(*said), told=lambda: shown(five))
    until(lambda: all(is_at(one.peers["n5"]["address"], new) for one in others), told=lambda: shown(five))
    five.lan.number(5)
    settled(five)


def is_at(address: str, host: str) -> bool:
    """Whether a peer is listed where it is now; a link-local address stays what it was."""
    return address == f"{host}:7740" or address.startswith("[fe80:")


# --- halt --------------------------------------------------------------------------------------------------------------


def test_a_halt_by_the_admin_silences_all_five_within_five_seconds_until_it_is_lifted(five: Hive) -> None:
    before = [one.entries for one in five]
    five[1].client.post("/v1/hive/halt", {"reason": "look into it"})
    assert until(lambda: all(one.is_halted for one in five)) < TOLD_WITHIN_S
    assert [one.say("not now") for one in five] == [None] * 5
    for node in (five[1], five[3]):
        node.kill()
        node.start()
        assert node.is_halted, "it forgot"
        assert node.say("not after a restart either") is None
    assert [one.entries for one in five] == before
    five[1].client.post("/v1/hive/resume")
    assert until(lambda: not any(one.is_halted for one in five)) < TOLD_WITHIN_S
    said = [one.say("go on") for one in five]
    until(lambda: five.have(*said), told=lambda: shown(five))


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
    became: list[str] = []
    until(lambda: became.append(stranger.says(node, address)) or became[-1] != "unavailable")
    # Before it knows who is a member, it takes nothing from anybody.
    assert became[-1] in REFUSED
    settled(five)


# --- a crowd on the network --------------------------------------------------------------------------------------------


def test_a_thousand_false_nodes_cost_little_and_keep_no_true_one_away(five: Hive, tmp_path: Path) -> None:
    hive, others = five[1].client.get("/v1/hive")["id"], [five[1], five[2], five[3], five[4]]
    before, spent = [one.memory_kib for one in others], [one.cpu_s for one in others]
    log = tmp_path / "crowd.log"
    crowd = Forked("tests.multihost.crowd", five.lan.namespace(6), hive, "7", out=log, problems=log)
    began = time.monotonic()
    five[5].kill()
    five[5].start()
    settled(five)
    assert crowd.wait(30) == 0, log.read_text()
    passed = time.monotonic() - began
    assert max(one.memory_kib - was for one, was in zip(others, before, strict=True)) < MEMORY_KIB
    assert max(one.cpu_s - was for one, was in zip(others, spent, strict=True)) < CPU_SHARE * passed
    assert all(len(one.peers) == 4 for one in five)


# --- without multicast -------------------------------------------------------------------------------------------------


def test_a_node_without_a_network_says_so_and_finds_the_others_once_it_has_one(five: Hive) -> None:
    alone = five[2]
    five.lan.inside(2, "link", "set", "eth0", "down")
    until(lambda: "no interface" in (alone.client.get("/v1/status")["undiscovered"] or ""))
    assert "Discovery does not work" in alone.cli("status").stdout
    assert "federation.peers" in alone.cli("doctor").stdout
    assert alone.say("while alone")
    five.lan.number(2)
    until(lambda: alone.client.get("/v1/status")["undiscovered"] is None)
    settled(five)
