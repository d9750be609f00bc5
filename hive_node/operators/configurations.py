"""Ideas for an agent's configuration: one axis a generation, by a weighted draw that is seeded and can be replayed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded each time; nothing here is left to chance
from typing import Final, TypeAlias

from hive_node.agents.rules import pool
from hive_node.agents.variant import MOST_RULES, STYLES, TOOLS, Digest, Variant

LLM_REWRITE: Final = "llm_rewrite"
WEIGHTS: Final[Mapping[str, float]] = {
    LLM_REWRITE: 50.0,
    "behavioral_rules": 15.0,
    "response_style": 15.0,
    "model_pref": 10.0,
    "tool_permissions": 10.0,
}
# Where no model can be asked its share goes to the others.
WEIGHTS_WITHOUT_MODEL: Final[Mapping[str, float]] = {
    "behavioral_rules": 30.0,
    "response_style": 30.0,
    "model_pref": 20.0,
    "tool_permissions": 20.0,
}
# From the cheapest to the dearest: a neighbour is one step away. Names as the agents spell them.
FAMILIES: Final = (
    ("haiku", "sonnet", "opus"),
    ("gpt-5-nano", "gpt-5-mini", "gpt-5"),
    ("gemini-2.5-flash-lite", "gemini-2.5-flash", "gemini-2.5-pro"),
)

# What the agent would be given, by place. Equal for two variants: one of them is a placebo.
Rendered: TypeAlias = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A challenger, and why."""

    operator: str
    variant: Variant
    idea: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What ideas are made for. tried: every variant that there ever was; no idea twice. render: as the agent's adapter does."""

    champion: Variant
    tried: Collection[Digest]
    render: Callable[[Variant], Rendered]

    def is_worth_a_try(self, variant: Variant) -> bool:
        """Whether it is new, and reaches the agent as other bytes than the champion does."""
        return variant.digest not in self.tried and not self.is_placebo(variant)

    def is_placebo(self, variant: Variant) -> bool:
        return self.render(variant) == self.render(self.champion)


def proposals(ground: Ground) -> dict[str, list[Proposal]]:
    """Every idea that needs no model, by operator; an operator that has none is left out."""
    made = {
        name: [one for one in make(ground.champion) if ground.is_worth_a_try(one.variant)] for name, make in _MAKERS
    }
    return {name: found for name, found in made.items() if found}


def order(
    runnable: Collection[str], weights: Mapping[str, float], prior: Mapping[str, float], draws: Random
) -> list[str]:
    """The operators that can run, in the order in which they are asked: each place drawn by weight, times the hive's prior."""
    left = {name: weights.get(name, 0.0) * prior.get(name, 1.0) for name in sorted(runnable)}
    left = {name: weight for name, weight in left.items() if weight > 0.0}
    drawn = []
    while left:
        (name,) = draws.choices(list(left), list(left.values()))
        drawn.append(name)
        del left[name]
    return drawn


def draws_for(seed: int, number: int) -> Random:
    """The draws that make an agent's challenger of that number: the same after a restart."""
    return Random(f"{seed} {number} challenger")  # noqa: S311 - no secret


def behavioral_rules(champion: Variant) -> list[Proposal]:
    """One rule of the pool more, one less, or one for another."""
    has = champion.behavioral_rules
    free = [rule for rule in pool() if rule not in has]
    found = [(f"add the rule {rule}", (*has, rule)) for rule in free if len(has) < MOST_RULES]
    found += [(f"leave out the rule {rule}", _without(has, rule)) for rule in has]
    found += [(f"the rule {new} for {old}", _swapped(has, old, new)) for old in has for new in free]
    return [Proposal("behavioral_rules", replace(champion, behavioral_rules=rules), idea) for idea, rules in found]


def response_style(champion: Variant) -> list[Proposal]:
    """One of the other two styles."""
    others = [style for style in STYLES if style != champion.response_style]
    return [
        Proposal("response_style", replace(champion, response_style=one), f"answer in the style {one}")
        for one in others
    ]


def model_pref(champion: Variant) -> list[Proposal]:
    """A neighbour in the model's family. A user who names no model keeps the choice, and the bill, to himself."""
    found = []
    for family in FAMILIES:
        if champion.model_pref in family:
            at = family.index(champion.model_pref)
            found += [family[near] for near in (at - 1, at + 1) if 0 <= near < len(family)]
    return [Proposal("model_pref", replace(champion, model_pref=one), f"use the model {one}") for one in found]


def tool_permissions(champion: Variant) -> list[Proposal]:
    """One kind of tool forbidden, or no longer so. Never more than the user's own settings allow."""
    return [_toggled(champion, tool) for tool in TOOLS]


_MAKERS: Final[Sequence[tuple[str, Callable[[Variant], list[Proposal]]]]] = (
    ("behavioral_rules", behavioral_rules),
    ("response_style", response_style),
    ("model_pref", model_pref),
    ("tool_permissions", tool_permissions),
)


def _toggled(champion: Variant, tool: str) -> Proposal:
    allowed = set(champion.tool_permissions) ^ {tool}
    idea = f"{'do without' if tool not in allowed else 'allow again'}: {tool}"
    return Proposal("tool_permissions", replace(champion, tool_permissions=tuple(sorted(allowed))), idea)


def _without(rules: tuple[str, ...], rule: str) -> tuple[str, ...]:
    return tuple(one for one in rules if one != rule)


def _swapped(rules: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if one == old else one for one in rules)
