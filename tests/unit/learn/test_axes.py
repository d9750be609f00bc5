"""What the hive's contests say of an axis: one vote an owner, and never more than half a weight."""

from dataclasses import dataclass

import pytest

from hive_node.hive import Hive
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.axes import HiveAxes
from hive_node.ports import Standing, StoredEntry
from hive_node.subjects.agents.sharing import task_of
from protocol.deltas import Arm, ArmEvidence, Body, Delta
from tests.fakes.hive import FakeHive, FakeNode, summary

ADA, BO, CY, DI = (FakeNode(seed) for seed in ("ada", "bo", "cy", "di"))
HIVE = FakeHive.found(ADA, BO, CY, DI)


@dataclass
class Pages:
    """Entries of these authors, each alone in its feed."""

    said: list[tuple[FakeNode, Body]]

    async def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        kind: str | None = None,
        author: str | None = None,
        standing: Standing = "good",
    ) -> list[tuple[int, StoredEntry]]:
        found = []
        for number, (node, body) in enumerate(self.said):
            envelope = node.delta(body, hive=HIVE.id)
            delta = Delta.parse(envelope.payload)
            if delta.kind == kind:
                found.append((number, StoredEntry(envelope.id, delta, envelope, "good", "")))
        return found[:limit]


def arms(
    champion: float, challenger: float, *, axis: str = "response_style", n: int = 30, kind: str = "codex"
) -> ArmEvidence:
    sums = tuple(Arm(n=n, sum=mean * n, sum_sq=mean * mean * n) for mean in (champion, challenger))
    return ArmEvidence(task=task_of(kind), variants=("a" * 64, "b" * 64), axis=axis, arms=sums)


async def heard(*said: tuple[FakeNode, Body]) -> dict[str, float]:
    hive = Hive(ADA.id, HIVE.membership)
    return dict(await HiveAxes(hive, Beliefs(hive), Pages(list(said))).by_axis("codex"))


async def test_without_a_word_from_anybody_every_axis_keeps_its_weight() -> None:
    assert await heard() == {}
    assert await heard((BO, summary())) == {}


async def test_where_all_won_an_axis_weighs_half_as_much_again_and_where_all_lost_half() -> None:
    assert await heard((BO, arms(0.6, 0.8)), (CY, arms(0.5, 0.7))) == {"response_style": 1.5}
    assert await heard((BO, arms(0.8, 0.6)), (CY, arms(0.7, 0.5))) == {"response_style": 0.5}


async def test_an_owner_has_one_vote_however_much_it_says() -> None:
    """One liar of three, with a hundred contests, moves nothing."""
    loud = [(BO, arms(0.1, 0.9)) for _ in range(100)]
    assert await heard(*loud, (CY, arms(0.8, 0.6)), (DI, arms(0.8, 0.6))) == {"response_style": 0.5}


@pytest.mark.parametrize(
    "body",
    [
        arms(0.1, 0.9, n=4),
        arms(0.1, 0.9, kind="aider"),
        arms(0.1, 0.9).model_copy(update={"arms": arms(0.1, 0.9).arms[:1]}),
    ],
    ids=["too few sessions", "another kind of agent", "one arm"],
)
async def test_what_says_nothing_of_this_agent_is_passed_over(body: ArmEvidence) -> None:
    assert await heard((BO, body)) == {}


async def test_ones_own_contests_are_in_the_ledger_already() -> None:
    assert await heard((ADA, arms(0.1, 0.9))) == {}
    hive = Hive(ADA.id, HIVE.membership)
    hive.equivocators = {BO.id: 1}
    axes = HiveAxes(hive, Beliefs(hive), Pages([(BO, arms(0.1, 0.9))]))
    assert await axes.by_axis("codex") == {}, "who was caught is not heard"
