"""The control beside an operator: every fourth idea, by the ledger alone."""

from hive_node.domain import IdeaRecord
from hive_node.operators.controlled import Controlled
from tests.fakes.ledgers import Maker, record, situation


async def makers(controlled: Controlled, count: int) -> str:
    """Whose each next idea is, by its first letter."""
    ledger: list[IdeaRecord] = []
    for number in range(1, count + 1):
        draft = await controlled.draft(situation(ledger))
        if draft is None:
            break
        ledger.append(record(number, draft.operator, gain=0.0))
    return "".join(line.idea.operator[0] for line in ledger)


async def test_every_fourth_idea_is_the_controls_and_says_so() -> None:
    controlled = Controlled(Maker("llm"), Maker("tune"))
    assert controlled.name == "llm"
    assert await makers(controlled, 12) == "llltllltlllt"
    assert await makers(Controlled(Maker("llm"), Maker("tune"), every=2), 6) == "ltltlt"
    assert await makers(Controlled(Maker("llm"), Maker("tune"), every=1), 3) == "ttt"


async def test_a_control_without_an_idea_leaves_the_turn_to_the_operator() -> None:
    assert await makers(Controlled(Maker("llm"), Maker("tune", has_ideas=False)), 5) == "lllll"


async def test_an_operator_without_an_idea_is_not_spoken_for() -> None:
    assert await makers(Controlled(Maker("llm", has_ideas=False), Maker("tune")), 9) == ""


async def test_ideas_of_others_count_as_turns_so_that_the_control_is_never_far_behind() -> None:
    controlled = Controlled(Maker("llm"), Maker("tune"))
    foreign = [record(number, "recipe", gain=0.0) for number in range(1, 4)]
    draft = await controlled.draft(situation(foreign))
    assert draft is not None
    assert draft.operator == "tune"
