"""Networks that are not as they should be: one that loses a tenth of everything and is slow, one that nobody gave addresses."""

import os
import time
from pathlib import Path

import pytest

from tests.multihost.hosts import HostedNode, at_once, hive_on, shown, until
from tests.multihost.lan import Lan
from tests.multihost.wire import Wires

pytestmark = pytest.mark.timeout(180)

LOSS = 0.1
DELAY_S = 0.1


@pytest.mark.skipif(not os.access(Path("/dev/net/tun"), os.R_OK | os.W_OK), reason="no access to /dev/net/tun")
def test_nodes_on_a_network_with_a_tenth_lost_and_a_tenth_of_a_second_of_delay_get_in_step(permitted: None) -> None:
    wires = Wires(LOSS, DELAY_S)
    with Lan.laid(3, wires) as lan, hive_on(lan, 3) as hive:
        until(hive.in_step, told=lambda: shown(hive))
        said = [one.say(f"{one.name} over a bad cable, {number}") for one in hive for number in range(5)]
        began = time.monotonic()
        until(lambda: hive.have(*said), told=lambda: shown(hive))
        assert time.monotonic() - began < 30
        until(hive.in_step, told=lambda: shown(hive))
        assert len({one.view for one in hive}) == 1
    assert 0.5 * LOSS < wires.lost / (wires.lost + wires.carried) < 2 * LOSS


def test_two_nodes_on_a_bare_cable_find_and_reach_each_other_by_link_local_addresses_alone(permitted: None) -> None:
    with Lan.laid(2) as lan, hive_on(lan, 2) as hive:
        for node in hive:
            node.kill()
            lan.inside(node.host, "addr", "flush", "dev", "eth0", "scope", "global")
        at_once(hive, HostedNode.start)
        until(hive.in_step, told=lambda: shown(hive))
        addresses = [peer["address"] for node in hive for peer in node.peers.values()]
        assert all(one.startswith("[fe80::") and one.endswith("%eth0]:7740") for one in addresses), addresses
        said = [node.say(f"{node.name} on a bare cable") for node in hive]
        until(lambda: hive.have(*said), told=lambda: shown(hive))
