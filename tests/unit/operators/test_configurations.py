"""Ideas for an agent's configuration: one axis at a time, none twice, no placebo; and a picker that draws the same after a restart."""

from collections import Counter
from random import Random

import pytest

from hive_node.adapters.agents.kinds import all_adapters
from hive_node.agents.variant import TOOLS, Variant, difference
from hive_node.operators.configurations import (
    LLM_REWRITE,
    WEIGHTS,
    WEIGHTS_WITHOUT_MODEL,
    Ground,
    behavioral_rules,
    draws_for,
    model_pref,
    order,
    proposals,
    response_style,
    tool_permissions,
)

AXES = {
    "behavioral_rules": behavioral_rules,
    "response_style": response_style,
    "model_pref": model_pref,
    "tool_permissions": tool_permissions,
}
CHAMPION = Variant("Work carefully.", "sonnet", ("small-steps", "plan-first"), "terse", ("background", "mcp", "web"))
# Where an agent gives its user alone a say, an idea of that axis is a placebo: it would be tested for weeks, for nothing.
NO_SAY = {("model_pref", kind) for kind in ("claude-code", "codex", "cursor")}


@pytest.mark.parametrize("kind", all_adapters())
@pytest.mark.parametrize("axis", AXES)
def test_every_idea_reaches_the_agent_in_other_bytes_or_is_refused_as_a_placebo(axis: str, kind: str) -> None:
    adapter = all_adapters()[kind]
    ground = Ground(CHAMPION, set(), adapter.render)
    ideas = AXES[axis](CHAMPION)
    assert ideas
    for idea in ideas:
        assert set(difference(CHAMPION, idea.variant)) == {axis}, "one axis a generation"
        before, after = adapter.render(CHAMPION), adapter.render(idea.variant)
        assert ground.is_worth_a_try(idea.variant) is (before != after) is ((axis, kind) not in NO_SAY)
        files = [
            {piece.path: piece.put(None) for piece in adapter.pieces(one, "hook")} for one in (CHAMPION, idea.variant)
        ]
        if not adapter.tells_sessions and (axis, kind) not in NO_SAY:
            assert files[0] != files[1], "what differs is in a file that the agent reads"
        if kind == "claude-code" and axis != "model_pref":
            assert adapter.answer(CHAMPION) != adapter.answer(idea.variant)


@pytest.mark.parametrize("kind", all_adapters())
def test_a_prefix_of_a_models_making_reaches_every_agent(kind: str) -> None:
    adapter = all_adapters()[kind]
    assert adapter.render(Variant("One.")) != adapter.render(Variant("Two."))
    assert Ground(Variant(" x "), set(), adapter.render).is_placebo(Variant("x")) is (kind != "generic")


def test_nothing_is_tried_twice_and_an_operator_without_ideas_is_left_out() -> None:
    render = all_adapters()["codex"].render
    first = Variant()
    made = proposals(Ground(first, {first.digest}, render))
    assert set(made) == {"behavioral_rules", "response_style", "tool_permissions"}, "no model was named"
    tried = {first.digest, *(one.variant.digest for one in made["response_style"])}
    assert "response_style" not in proposals(Ground(first, tried, render))


def test_a_model_is_swapped_for_its_neighbour_alone_and_only_where_its_user_named_one() -> None:
    assert [one.variant.model_pref for one in model_pref(Variant(model_pref="sonnet"))] == ["haiku", "opus"]
    assert [one.variant.model_pref for one in model_pref(Variant(model_pref="opus"))] == ["sonnet"]
    assert model_pref(Variant()) == []
    assert model_pref(Variant(model_pref="somebody-elses")) == []


def test_permissions_are_only_ever_taken_away_from_what_the_user_allows() -> None:
    for idea in tool_permissions(Variant()):
        assert set(idea.variant.tool_permissions) < set(TOOLS)
        assert "do not" in all_adapters()["codex"].render(idea.variant)["AGENTS.md"].decode()


def test_the_same_seed_draws_the_same_challenger_and_another_one_another() -> None:
    def drawn(seed: int, number: int) -> list[str]:
        return order(WEIGHTS_WITHOUT_MODEL, WEIGHTS_WITHOUT_MODEL, {}, draws_for(seed, number))

    assert drawn(7, 3) == drawn(7, 3)
    assert len({tuple(drawn(7, number)) for number in range(30)}) > 5


def test_operators_are_drawn_by_weight_and_what_cannot_run_is_never_drawn() -> None:
    chance = Random(1)
    firsts = Counter(order(WEIGHTS, WEIGHTS, {}, chance)[0] for _ in range(4000))
    for name, weight in WEIGHTS.items():
        assert firsts[name] / 4000 == pytest.approx(weight / 100, abs=0.03)
    assert LLM_REWRITE not in order(WEIGHTS_WITHOUT_MODEL, WEIGHTS, {}, chance)
    assert order(
        {"response_style", "tool_permissions"}, {"response_style": 1.0, "tool_permissions": 0.0}, {}, chance
    ) == ["response_style"]


def test_the_hives_word_shifts_the_weights_and_no_more() -> None:
    chance = Random(2)
    prior = {"response_style": 1.5, "behavioral_rules": 0.5}
    firsts = Counter(order(WEIGHTS_WITHOUT_MODEL, WEIGHTS_WITHOUT_MODEL, prior, chance)[0] for _ in range(4000))
    assert firsts["response_style"] / 4000 == pytest.approx(45 / 100, abs=0.03)
    assert firsts["behavioral_rules"] / 4000 == pytest.approx(15 / 100, abs=0.03)
