"""What comes out of an experiment, for people and programs."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from hive_node.domain import Experiment
from hive_node.improve.rendering import as_html, as_markdown
from hive_node.improve.report import Material, gain, report
from hive_node.operators.controlled import Controlled
from hive_node.operators.tune import Tune
from hive_node.ports import Draft, Situation
from tests.fakes.improving import Improving

Make = Callable[..., Awaitable[Improving]]


async def told(node: Improving, experiment: Experiment) -> dict[str, Any]:
    promotions = await node.ledger.promotions(experiment.id)
    runs = {n: await node.ledger.samples(experiment.id, n) for n in (0, *(one.idea.number for one in promotions))}
    ideas, watches = await node.ideas(experiment), await node.ledger.watches(experiment.id)
    costs = await node.ledger.costs(experiment.id)
    return json.loads(json.dumps(report(Material(experiment, ideas, promotions, runs, costs, watches))))  # type: ignore[no-any-return]


async def test_the_report_holds_path_noise_ideas_costs_and_receipts(improving: Make) -> None:
    node = await improving()
    tree = await told(node, await node.improve({"SIZE": 12}, {"SIZE": 10}, {"SIZE": 20}))
    assert [(step["idea"], step["value"]) for step in tree["path"]] == [(0, 13.0), (1, 9.0), (3, 1.0)]
    assert tree["noise"] == 0.0
    assert [row["outcome"] for row in tree["ideas"]] == ["promoted", "rejected", "promoted"]
    assert tree["costs"]["trials"] == 3
    assert {receipt["idea"] for receipt in tree["receipts"]} == {0, 1, 3}
    assert all(receipt["steps"][0]["argv"] == ["python", "-I", "bench/run.py"] for receipt in tree["receipts"])
    assert [watch["idea"] for watch in tree["watches"]] == [1, 3]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "onload", "onclick"}]


async def test_the_page_loads_nothing_and_what_an_idea_says_is_only_text(improving: Make) -> None:
    node = await improving()
    words = '<script>alert(1)</script> | "quoted" <img src=x onerror=alert(1)>'
    tree = await told(node, await node.improve(Draft("scripted", words, {"src/knobs.py": "SIZE = 20\nRATE = 2\n"})))
    page = as_html(tree)
    parsed = _Page()
    parsed.feed(page)
    assert parsed.outside == []
    assert {"script", "img", "link", "iframe"}.isdisjoint(parsed.tags)
    assert parsed.tags.count("circle") == 1
    assert {"polygon", "polyline", "details"} <= set(parsed.tags)
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "alert(1)" in page
    assert "\\|" in as_markdown(tree), "a bar in an idea does not end a cell"


async def test_one_is_not_called_many(improving: Make) -> None:
    node = await improving()
    text = as_markdown(await told(node, await node.improve({"SIZE": 12})))
    assert "1 idea, 1 trial, 1 promotion." in text
    assert "2 pairs" in text


async def test_an_experiment_without_a_baseline_has_a_report_too(improving: Make) -> None:
    node = await improving()
    tree = await told(node, await node.start())
    assert "unknown" in as_markdown(tree)
    assert "nothing yet" in as_html(tree)


class Model:
    """Moves SIZE one step at a time."""

    name = "llm"

    async def draft(self, situation: Situation) -> Draft | None:
        text = situation.champion["src/knobs.py"]
        size = int(text.split()[2])
        step = size + 1 + sum(record.idea.operator == "llm" for record in situation.ledger) % 2
        return Draft("llm", "A step <up>|", {"src/knobs.py": text.replace(f"SIZE = {size}", f"SIZE = {step}")})


async def test_a_model_and_its_control_stand_side_by_side(improving: Make) -> None:
    node = await improving('[tune]\n"src/knobs.py:SIZE" = { low = 1, high = 64 }')
    node.operator = Controlled(Model(), Tune())
    done = await node.improve()
    tree = await told(node, done)
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
    row = (await told(node, done))["operators"]["scripted"]
    assert (row["proposed"], row["promoted"], row["rejected"], row["best_gain"], row["trials"]) == (2, 0, 2, None, 2)
    assert row["wall_s"] > 0


async def test_a_metric_that_varies_is_not_compared_with_what_it_was_at_another_time(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 20})
    assert done.baseline is not None
    assert done.gained == gain(done) == pytest.approx(12 / 13)
    noisy = replace(done.baseline, calibration=replace(done.baseline.calibration, deterministic=False, noise=0.05))
    # The machine is busier now than it was at the beginning: the champion's last value is twice what it would have been then.
    busier = replace(done, baseline=noisy, best=26.0)
    assert gain(busier) == pytest.approx(12 / 13)
    assert "+92.31% by pairs" in as_markdown(await told(node, busier))
