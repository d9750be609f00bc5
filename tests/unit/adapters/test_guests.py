"""Who makes room for whom on a full port."""

import asyncio

import pytest

from hive_node.adapters.guests import Guest, Guests
from protocol.ids import NodeId
from protocol.limits import CONNECTIONS, UNPROVEN_PER_SOURCE

HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Stage:
    """A port, and guests whose moments are the order in which they came."""

    def __init__(self) -> None:
        self.port = Guests()
        self.came = 0

    def come(self, source: str, peer: str | None = None) -> Guest | None:
        if not self.port.make_room(source):
            return None
        self.came += 1
        guest = Guest(asyncio.Protocol, source)
        guest.peer, guest._since = NodeId(peer) if peer else None, self.came
        self.port.add(guest)
        return guest

    def is_here(self, guest: Guest | None) -> bool:
        return guest is not None and any(one is guest for one in self.port)


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_one_address_takes_half_of_the_port_at_most_and_crowds_out_itself(stage: Stage) -> None:
    bo = stage.come(ELSEWHERE)
    strangers = [stage.come(HOME) for _ in range(1000)]

    assert stage.is_here(bo)
    assert [stage.is_here(one) for one in strangers] == [False] * (1000 - UNPROVEN_PER_SOURCE) + [
        True
    ] * UNPROVEN_PER_SOURCE


async def test_whose_address_is_the_most_crowded_goes_first(stage: Stage) -> None:
    bo = stage.come(ELSEWHERE)  # nothing of it was answered yet, and it is the oldest of all
    for number in range(CONNECTIONS):
        stage.come(f"198.51.100.{number % 4}")
    assert len(stage.port) == CONNECTIONS
    assert stage.is_here(bo)


async def test_who_says_nothing_goes_before_who_spoke(stage: Stage) -> None:
    bo = stage.come(HOME)
    assert bo
    bo.has_spoken = True
    for _ in range(1000):
        stage.come(HOME)
    assert stage.is_here(bo)


async def test_who_showed_a_certificate_stays_before_strangers(stage: Stage) -> None:
    members = [stage.come(HOME, f"member {number}") for number in range(CONNECTIONS - 1)]
    stranger = stage.come(ELSEWHERE)
    bo = stage.come(HOME)

    assert not stage.is_here(stranger)
    assert all(stage.is_here(one) for one in [*members, bo])


async def test_among_members_who_was_answered_longest_ago_goes(stage: Stage) -> None:
    members = [stage.come(HOME, f"member {number}") for number in range(CONNECTIONS)]
    assert members[0]
    assert members[1]
    members[0].answered()

    stage.come(ELSEWHERE)
    assert stage.is_here(members[0])
    assert not stage.is_here(members[1])


async def test_nobody_at_work_makes_room(stage: Stage) -> None:
    members = [stage.come(HOME, f"member {number}") for number in range(CONNECTIONS)]
    for one in members:
        assert one
        one.began()

    assert stage.come(ELSEWHERE) is None
    assert len(stage.port) == CONNECTIONS
