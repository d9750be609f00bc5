"""Whatever is planted, wherever, in whatever disguise: it stays here, or nothing of it is in what leaves."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.scope import InScope, LocalFacts, ScopeGuard, default_engine
from guardrails.verdict import Refused
from protocol.deltas import Delta, ShareLevel
from protocol.errors import RemoteProtocolError
from protocol.wire import dump_json
from tests.unit.guardrails.scope import planted
from tests.unit.guardrails.scope.composed import recipe, summary

GUARD = ScopeGuard(default_engine(), LocalFacts.build([("user", "akowalska")], ["sunshine-and-rain"], b"k" * 32))
WORDS = st.text("abcdefghij ,.\n", max_size=30)
SEEDS = st.integers(0, 10_000)
# Where a disguise may stand without becoming part of another word.
EDGES = st.sampled_from([" ", "\n", '"', "(", "=", ": "])


@st.composite
def hidden(draw: st.DrawFn) -> tuple[str, str]:
    """A token, and a text that has it in some disguise."""
    token = draw(st.sampled_from(planted.TOKENS))(draw(SEEDS))
    disguised = draw(st.sampled_from(planted.DISGUISES))(token)
    return token, draw(WORDS) + draw(EDGES) + disguised + " " + draw(WORDS)


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], str]]:
    """Every place of a tree where something could be planted: (path, as key or as value)."""
    found: list[tuple[tuple[Any, ...], str]] = [(path, "value")] if path else []
    if isinstance(tree, dict):
        found += [(path, "key")]
        for name, value in tree.items():
            found += _places(value, (*path, name))
    if isinstance(tree, list):
        found += [(path, "item")]
        for index, value in enumerate(tree):
            found += _places(value, (*path, index))
    return found


def _plant(delta: Delta, place: tuple[tuple[Any, ...], str], text: str) -> Any:
    tree = json.loads(delta.raw)
    path, part = place
    branch = tree
    for step in path if part != "value" else path[:-1]:
        branch = branch[step]
    if part == "value":
        branch[path[-1]] = text
    elif part == "key":
        branch[text] = 1
    else:
        branch.append(text)
    return tree


@settings(max_examples=300)
@given(secret=hidden(), data=st.data())
def test_planted_token_never_leaves(secret: tuple[str, str], data: st.DataObject) -> None:
    token, text = secret
    delta = data.draw(st.sampled_from([recipe(), summary()]))
    tree = _plant(delta, data.draw(st.sampled_from(_places(json.loads(delta.raw)))), text)
    try:
        carrier = Delta.parse(dump_json(tree))
    except RemoteProtocolError:
        return  # no delta: it is never composed
    verdict = GUARD.check_outgoing(carrier, ShareLevel.RECIPES)
    if isinstance(verdict, InScope):
        assert token.encode() not in verdict.value.raw
        assert dump_json(text)[1:-1] not in verdict.value.raw
        assert token not in repr(verdict.receipt)
    else:
        assert token not in repr(verdict)


@settings(max_examples=300)
@given(secret=hidden(), data=st.data())
def test_planted_token_is_never_let_in(secret: tuple[str, str], data: st.DataObject) -> None:
    _token, text = secret
    delta = data.draw(st.sampled_from([recipe(), summary()]))
    tree = _plant(delta, data.draw(st.sampled_from(_places(json.loads(delta.raw)))), text)

    class Arrived:
        def tree(self) -> Any:
            return tree

    verdict = GUARD.check_incoming(Arrived())
    assert isinstance(verdict, Refused)
    assert verdict.rule == "scope.incoming-secret"


@settings(max_examples=200)
@given(
    token=st.builds(lambda make, seed: make(seed), st.sampled_from(planted.TOKENS[:3]), SEEDS),
    cuts=st.sets(st.integers(1, 30), max_size=4),
)
def test_token_in_pieces_over_the_items_of_a_list_is_seen(token: str, cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(token)]
    pieces = [token[start:end] for start, end in pairwise(edges)]
    assert {one.place for one in GUARD.scan_tree({"lines": pieces})} == {
        f"/lines/{index}" for index in range(len(pieces))
    }
