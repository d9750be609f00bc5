"""What an operator sees of the ledger: all of it, up to the moment, though each line is read once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from hive_node.domain import State
from hive_node.improve.past import Past
from hive_node.ports import SandboxedCommand
from tests.fakes.improving import Improving, ScriptedOperator, distance, knobs

Make = Callable[..., Awaitable[Improving]]


async def test_an_operator_sees_every_idea_with_its_outcome_and_texts_while_they_are_new(improving: Make) -> None:
    node = await improving()
    await node.improve({"SIZE": 12}, {"SIZE": 10}, {"SIZE": 20}, {"RATE": 9})
    assert isinstance(node.operator, ScriptedOperator)
    seen = [
        [(one.idea.number, one.outcome, bool(one.idea.files)) for one in each.ledger] for each in node.operator.seen
    ]
    promoted, rejected = State.PROMOTED, State.REJECTED
    assert seen == [
        [],
        [(1, promoted, True)],
        [(1, promoted, True), (2, rejected, True)],
        [(1, promoted, True), (2, rejected, False), (3, promoted, True)],
        [(1, promoted, True), (2, rejected, False), (3, promoted, True), (4, rejected, True)],
    ]


async def test_a_promotion_that_is_taken_back_is_seen_as_such(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 20})
    past = Past()
    assert [one.outcome for one in await past.of(done, node.ledger)] == [State.PROMOTED, State.PROMOTED]

    def spoiled(tree: object, command: SandboxedCommand) -> str:
        return "METRIC cost=99\n" if knobs(command.workdir)["SIZE"] == 20 else distance(command.workdir, command)

    node.sandbox.answer = spoiled  # type: ignore[assignment]
    for watch in await node.ledger.watches_due(node.clock.now() + timedelta(days=2)):
        await node.watchman._attend(watch)
    after = await node.ledger.get(done.id)
    assert after.reverted == 1
    assert [one.outcome for one in await past.of(after, node.ledger)] == [State.PROMOTED, State.REJECTED]
