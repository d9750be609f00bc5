"""What a peer does is held against it, or counted for it: nothing else is, and a restart forgets neither."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from guardrails.consensus import Seen
from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.outcomes import Outcome
from hive_node.learn.standing import Crediting, blame, restore_standings
from hive_node.ports import News
from hive_node.simulation.store import MemoryStore
from protocol.deltas import Body, Replication, ShareLevel
from protocol.errors import Code
from protocol.ids import EntryId, NodeId
from tests.fakes.hive import NOW, TASK, FakeHive, FakeNode, measured, recipe

ADA, BO, CY = (FakeNode(seed) for seed in ("ada", "bo", "cy"))
OFFERED = EntryId("0" * 64)


@dataclass
class Shared:
    """The share flow, which says everything once."""

    said: dict[str, News] = field(default_factory=dict)
    is_silent: bool = False

    async def publish(self, news: News) -> EntryId | None:
        self.said.setdefault(news.purpose, news)
        return None if self.is_silent else EntryId("1" * 64)

    async def told(self, purpose: str) -> EntryId | None:
        return EntryId("1" * 64) if purpose in self.said else None


@dataclass
class Stopped:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture
def hive() -> Hive:
    return Hive(ADA.id, FakeHive.found(ADA, BO, CY).membership)


def refused(*codes: Code) -> list[Outcome]:
    return [Outcome(None, "refused", code) for code in codes]


async def test_who_hands_over_invalid_signatures_is_left_alone_until_time_has_passed_over_a_restart_too(
    hive: Hive,
) -> None:
    notes = MemoryStore()
    await blame(BO.id, refused(*[Code.BAD_SIGNATURE] * 3), hive, notes, NOW)
    assert hive.shunned_until(BO.id, NOW) is None
    await blame(BO.id, refused(Code.BAD_SIGNATURE, Code.BAD_SIGNATURE), hive, notes, NOW)
    until = hive.shunned_until(BO.id, NOW)
    assert until is not None

    again = Hive(ADA.id, hive.membership)
    await restore_standings(again, notes)
    assert again.shunned_until(BO.id, NOW) == until
    assert again.shunned_until(BO.id, until - timedelta(seconds=1)) is not None
    assert again.shunned_until(BO.id, until + timedelta(seconds=1)) is None
    assert again.shunned_until(CY.id, NOW) is None


async def test_whatever_else_an_entry_is_refused_for_is_no_fault_of_who_carried_it(hive: Hive) -> None:
    others = [code for code in Code if code is not Code.BAD_SIGNATURE]
    for _ in range(10):
        await blame(BO.id, refused(*others), hive, MemoryStore(), NOW)
    assert hive.standings == {}


async def test_a_flood_in_one_request_costs_no_more_than_a_few_days(hive: Hive) -> None:
    await blame(BO.id, refused(*[Code.BAD_SIGNATURE] * 100_000), hive, MemoryStore(), NOW)
    until = hive.shunned_until(BO.id, NOW)
    assert until is not None
    assert timedelta(days=7) < until - NOW < timedelta(days=9)


async def test_who_is_no_member_any_more_is_forgotten_with_the_next_change(hive: Hive) -> None:
    notes = MemoryStore()
    await blame(BO.id, refused(Code.BAD_SIGNATURE), hive, notes, NOW)
    hive.membership = FakeHive.found(ADA, CY).membership
    await blame(CY.id, refused(Code.BAD_SIGNATURE), hive, notes, NOW)
    assert hive.standings.keys() == {CY.id}


def confirming(outcome: str = "confirmed", recipe_id: EntryId = OFFERED) -> Body:
    fields = {"recipe": recipe_id, "task": TASK, "outcome": outcome, "evidence": measured(), "environment": "linux"}
    return Replication.model_validate(fields)


async def saying(hive: Hive, shared: Shared, *bodies: Body, author: NodeId = BO.id) -> None:
    beliefs = Beliefs(hive)
    beliefs.recount()
    beliefs._view.add(Seen(OFFERED, author, 1, 1, recipe()))
    crediting = Crediting(shared, hive, beliefs, MemoryStore(), Stopped())
    for number, body in enumerate(bodies, 1):
        await crediting.publish(News(f"replication:{number}", body, ShareLevel.SUMMARIES))
        beliefs._view.add(Seen(EntryId(f"{number:064}"), ADA.id, 1, number, body))


async def test_a_recipe_that_was_confirmed_here_earns_its_author_credit_once(hive: Hive) -> None:
    await saying(hive, Shared(), confirming(), confirming())
    assert hive.standings[BO.id].earned == 1.0


@pytest.mark.parametrize(
    "body", [confirming("refuted"), confirming("inapplicable"), confirming(recipe_id=EntryId("f" * 64))]
)
async def test_nothing_is_earned_by_what_was_not_confirmed_or_is_unknown(hive: Hive, body: Body) -> None:
    await saying(hive, Shared(), body)
    assert hive.standings == {}


async def test_nobody_earns_by_our_own_recipes_or_by_what_was_not_told(hive: Hive) -> None:
    await saying(hive, Shared(), confirming(), author=ADA.id)
    await saying(hive, Shared(is_silent=True), confirming())
    assert hive.standings == {}
