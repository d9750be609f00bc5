"""The report: what each operator was worth and what it cost, side by side."""

from collections.abc import Awaitable, Callable

from hive_node.domain import Experiment
from hive_node.improve.report import Material, as_html, as_markdown, report
from hive_node.operators.controlled import Controlled
from hive_node.operators.tune import Tune
from hive_node.ports import Draft, Situation
from tests.fakes.improving import Improving

Make = Callable[..., Awaitable[Improving]]


class Model:
    """Moves SIZE one step at a time."""

    name = "llm"

    async def draft(self, situation: Situation) -> Draft | None:
        text = situation.champion["src/knobs.py"]
        size = int(text.split()[2])
        step = size + 1 + sum(record.idea.operator == "llm" for record in situation.ledger) % 2
        return Draft("llm", "A step <up>|", {"src/knobs.py": text.replace(f"SIZE = {size}", f"SIZE = {step}")})


async def material(node: Improving, done: Experiment) -> Material:
    ledger = node.ledger
    return Material(
        done,
        await ledger.ideas(done.id),
        await ledger.promotions(done.id),
        await ledger.samples(done.id, 0),
        await ledger.costs(done.id),
    )


async def test_a_model_and_its_control_stand_side_by_side(improving: Make) -> None:
    node = await improving('[tune]\n"src/knobs.py:SIZE" = { low = 1, high = 64 }')
    node.operator = Controlled(Model(), Tune())
    done = await node.improve()
    tree = report(await material(node, done))
    assert set(tree["operators"]) == {"llm", "tune"}
    model, control = tree["operators"]["llm"], tree["operators"]["tune"]
    assert (model["proposed"], control["proposed"]) == (6, 2)
    assert model["promoted"] + model["rejected"] == 6
    assert model["best_gain"] > 0
    assert model["runs"] + control["runs"] == len(node.sandbox.runs) - 2, "all but the baseline's"
    assert model["wall_s"] == 0.5 * model["runs"]
    for text in (as_markdown(tree), as_html(tree)):
        assert "best gain" in text
    assert "| llm | 6 |" in as_markdown(tree)
    assert "<td>llm<td>6" in as_html(tree)


async def test_an_operator_that_came_to_nothing_is_shown_with_what_it_cost(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 4}, {"SIZE": 3})
    row = report(await material(node, done))["operators"]["scripted"]
    assert (row["proposed"], row["promoted"], row["rejected"], row["best_gain"], row["trials"]) == (2, 0, 2, None, 2)
    assert row["wall_s"] > 0
