"""A model's change of a prefix: asked where it is free, told no text of anybody's, and read strictly."""

import json
from dataclasses import dataclass, field

import pytest

from guardrails.prices import Usage
from hive_node.adapters.llm import ModelDesk
from hive_node.adapters.llm.rewriting import ModelRewriter
from hive_node.agents.variant import Variant
from hive_node.config.model import ModelSection, PriceSection
from hive_node.ports import Answer, Ending, LanguageModel, Prompt
from hive_node.ports.agents import Told

FREE = PriceSection(input=0.0, output=0.0, cache_write=0.0, cache_write_hour=0.0, cache_read=0.0)
LOCAL = ModelSection(name="llama", base_url="http://127.0.0.1:11434", prices={"llama": FREE})
GOOD = "Sure.\n<idea>\nTests\nfirst.\n</idea>\n<prefix>\nRun the tests first.\n</prefix>\n"


@dataclass
class Model:
    text: str
    ending: Ending = Ending.DONE
    prompts: list[Prompt] = field(default_factory=list)
    name: str = "m"

    async def most_tokens(self, prompt: Prompt) -> int:
        return 1

    async def answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        self.prompts.append(prompt)
        return Answer(self.text, Usage(), self.ending)


def rewriter(model: Model, settings: ModelSection | None = None) -> ModelRewriter:
    async def opened() -> LanguageModel:
        return model

    return ModelRewriter(ModelDesk(settings), opened)


async def test_a_whole_answer_is_a_prefix_and_an_idea_in_one_line() -> None:
    model = Model(GOOD)
    told = Told(Variant("Be kind.", None, ("small-steps",)), ["be terse"], {"sessions": 20.0})
    assert (await rewriter(model, LOCAL).rewrite(told)).words == ("Run the tests first.", "Tests first.")
    (prompt,) = model.prompts
    data = json.loads(prompt.material.removeprefix("DATA\n"))
    assert data["present_text"] == "Be kind."
    assert data["ideas_that_lost"] == ["be terse"]


@pytest.mark.parametrize(
    ("text", "ending"),
    [("", Ending.DONE), ("<idea>x</idea>", Ending.DONE), (GOOD, Ending.CUT_OFF), (GOOD, Ending.REFUSED), (GOOD.replace("Run", "x" * 5000), Ending.DONE)],
)  # fmt: skip
async def test_anything_else_is_no_idea(text: str, ending: Ending) -> None:
    assert (await rewriter(Model(text, ending), LOCAL).rewrite(Told(Variant(), [], {}))).words is None


async def test_a_model_that_costs_money_is_asked_by_who_may_spend_it_and_its_cost_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "x" * 40)
    dear = ModelSection(name="m", prices={"m": PriceSection(**{**FREE.model_dump(exclude={"long"}), "input": 3.0})})
    model = Model(GOOD)
    assert await rewriter(model, LOCAL).is_there(may_cost=False)
    assert await rewriter(model, LOCAL).most(Told(Variant(), [], {})) == 0
    assert not await rewriter(model, dear).is_there(may_cost=False)
    assert await rewriter(model, dear).is_there(may_cost=True)
    assert not await rewriter(model).is_there(may_cost=True)
    assert await rewriter(model, dear).most(Told(Variant(), [], {})) == 3
    assert (await rewriter(model, dear).rewrite(Told(Variant(), [], {}))).micro_dollars == 0
