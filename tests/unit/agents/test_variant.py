"""A variant is what it says: one digest for one meaning, and nothing that no agent could be given."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive_node.agents.rules import pool, sentence
from hive_node.agents.variant import MOST_PREFIX_CHARS, STYLES, TOOLS, Variant, canonical_json, difference, variant_of
from hive_node.agents.wording import instructions

VARIANTS = st.builds(
    Variant,
    system_prompt_prefix=st.text(max_size=200),
    model_pref=st.none() | st.text(min_size=1, max_size=20),
    behavioral_rules=st.lists(st.sampled_from(sorted(pool())), unique=True, max_size=8).map(tuple),
    response_style=st.sampled_from(STYLES),
    tool_permissions=st.sets(st.sampled_from(TOOLS)).map(tuple),
    extensions=st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=10), max_size=3),
)


@given(VARIANTS)
def test_a_variant_that_was_stored_is_the_same_variant(variant: Variant) -> None:
    again = variant_of(variant.tree())
    assert again == variant
    assert again.digest == variant.digest


def test_the_digest_is_sha_256_of_canonical_json() -> None:
    # Spelled out, so that a peer of another program could.
    text = '{"behavioral_rules":[],"extensions":{},"model_pref":null,"response_style":"normal","system_prompt_prefix":"","tool_permissions":["background","mcp","subagents","web"]}'
    assert canonical_json(Variant()) == text
    assert Variant().digest == sha256(text.encode()).hexdigest()


def test_the_order_of_tools_says_nothing_and_that_of_rules_does() -> None:
    assert Variant(tool_permissions=("web", "mcp")).digest == Variant(tool_permissions=("mcp", "web", "mcp")).digest
    assert Variant(behavioral_rules=("a", "b")).digest != Variant(behavioral_rules=("b", "a")).digest


@pytest.mark.parametrize(
    "wrong",
    [
        {"system_prompt_prefix": "x" * (MOST_PREFIX_CHARS + 1)},
        {"behavioral_rules": ("a", "a")},
        {"response_style": "rude"},
        {"tool_permissions": ("sudo",)},
    ],
)
def test_what_no_agent_could_be_given_is_no_variant(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Variant(**wrong)  # type: ignore[arg-type]


def test_a_difference_names_what_changed_alone() -> None:
    assert difference(Variant(), replace(Variant(), response_style="terse")) == {"response_style": ("normal", "terse")}


def test_the_pool_has_thirty_rules_and_more_each_said_once_in_a_sentence() -> None:
    rules = pool()
    assert len(rules) >= 30
    assert len(set(rules.values())) == len(rules)
    assert all(text.endswith(".") and 20 < len(text) < 200 for text in rules.values())
    assert sentence("nobody-wrote-this") is None


def test_an_empty_variant_says_nothing_at_all() -> None:
    assert instructions(Variant()) == ""


def test_what_an_agent_reads_has_the_prefix_first_then_the_style_then_the_rules() -> None:
    variant = Variant("Be kind.", None, ("small-steps", "unknown-here"), "terse", ("background", "mcp", "subagents"))
    lines = instructions(variant).split("\n")
    assert lines[0] == "Be kind."
    assert lines[2].startswith("Answer tersely")
    assert lines[4] == f"- {sentence('small-steps')}"
    assert lines[5] == "- In this project, do not search or fetch from the web."
    assert len(lines) == 6, "a rule that this program does not know says nothing"
