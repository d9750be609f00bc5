"""Whatever the guard can find, planted anywhere in a delta of any kind: the delta stays, or leaves without a part of it."""

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from guardrails.scope import Fact, InScope, LocalFacts, ScopeGuard, default_engine, documents
from guardrails.scope.catalogue import load_rules
from guardrails.scope.fields import below, field_tree
from guardrails.scope.guard import REFUSES_AT
from guardrails.scope.redaction import tree_findings
from guardrails.verdict import Refused
from protocol.deltas import Delta, ShareLevel
from protocol.errors import RemoteProtocolError
from protocol.wire import dump_json
from tests.properties.test_scope_planted import _places, _plant
from tests.unit.guardrails.scope import planted
from tests.unit.guardrails.scope.composed import CLEAN

OWN = {
    "tulip7": "secret",
    "sunshine-and-rain": "secret",
    "Anna Kowalska": "git_name",
    "thinkpad-anna": "host",
    "/home/akowalska": "home",
    "anna@kowalska.pl": "git_email",
}
FACTS = LocalFacts.of([Fact(kind, value, "a source") for value, kind in OWN.items()], b"k" * 32)  # type: ignore[arg-type]
GUARD = ScopeGuard(default_engine(), FACTS)
EXAMPLES = sorted({example for rule in load_rules() for example in rule.examples})
# Long enough to tell a part of a value from chance.
PART = 6
# How an own value may be written: in any of these it is found by itself.
WRITTEN = (
    str, str.upper, str.title, planted.in_url, planted.in_entities, planted.in_escapes, planted.with_zero_width,
    planted.in_full_width, lambda value: planted.in_base64(f"the value is {value} as you know"),
    lambda value: planted.in_hex(f"it is {value} here"), lambda value: f"postgres://app:{value}@db.internal/x",
)  # fmt: skip


def leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield name
            yield from leaves(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from leaves(item)
    else:
        yield str(tree)


def parts(value: str) -> set[str]:
    return {value[start : start + PART] for start in range(len(value) - PART + 1)}


def planted_in(delta: Delta, text: str, data: st.DataObject) -> Delta:
    tree = _plant(delta, data.draw(st.sampled_from(_places(json.loads(delta.raw)))), text)
    try:
        return Delta.parse(dump_json(tree))
    except RemoteProtocolError:
        assume(False)  # no delta: it is never composed
        raise


@settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    example=st.sampled_from(EXAMPLES),
    delta=st.sampled_from(CLEAN),
    edges=st.tuples(*[st.sampled_from(["", " ", "\n", "see ", "# "])] * 2),
    data=st.data(),
)
def test_no_part_of_what_is_found_leaves(
    example: str, delta: Delta, edges: tuple[str, str], data: st.DataObject
) -> None:
    text = edges[0] + example + edges[1]
    found = [one for one in GUARD.scan_text(text) if one.confidence >= REFUSES_AT]
    assume(found)
    spoilt = planted_in(delta, text, data)
    verdict = GUARD.check_outgoing(spoilt, ShareLevel.RECIPES)
    if isinstance(verdict, Refused):
        assert not any(text[one.start : one.end] in repr(verdict) for one in found)
        return
    told = "\n".join((verdict.value.raw.decode(), *leaves(json.loads(verdict.value.raw))))
    around = list(text)
    for one in found:
        around[one.start : one.end] = "\0" * (one.end - one.start)
    instead = " ".join(f"[{word}]" for one in found for word in (one.kind, one.entity))
    allowed = delta.raw.decode() + "\n".join(leaves(json.loads(delta.raw))) + "".join(around) + instead
    for one in found:
        assert not [part for part in parts(text[one.start : one.end]) if part in told and part not in allowed]


@settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    value=st.sampled_from(sorted(OWN)),
    written=st.sampled_from(WRITTEN),
    delta=st.sampled_from(CLEAN),
    data=st.data(),
)
def test_nothing_of_this_machines_own_leaves(value: str, written: Any, delta: Delta, data: st.DataObject) -> None:
    text = f"see {written(value)} there"
    assert "a source" in {one.source for one in GUARD.scan_text(text)}
    verdict = GUARD.check_outgoing(planted_in(delta, text, data), ShareLevel.RECIPES)
    if isinstance(verdict, InScope):
        told = "\n".join(leaves(json.loads(verdict.value.raw)))
        assert written(value).casefold() not in told.casefold()
        assert value.casefold() not in told.casefold()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 39), make=st.sampled_from(planted.TOKENS[:3]), data=st.data())
def test_token_cut_over_two_keys_or_two_values_is_seen(seed: int, cut: int, make: Any, data: st.DataObject) -> None:
    token = make(seed)
    head, tail = token[:cut], token[cut:]
    assume(set(tail) - set(string.digits))
    before, after = data.draw(st.sampled_from([("", ""), ("as in ", " of us"), ("x = 1\n", "\n")]))
    assert GUARD.scan_tree({head: 1, tail: 2}) != []
    assert GUARD.scan_tree({"one": before + head, "n": 3, "other": tail + after}) != []


@pytest.mark.parametrize("delta", CLEAN, ids=lambda delta: delta.kind)
def test_every_kind_leaves_as_it_is_where_nothing_is_planted(delta: Delta) -> None:
    verdict = GUARD.check_outgoing(delta, ShareLevel.RECIPES)
    assert isinstance(verdict, InScope)
    assert verdict.value.raw == delta.raw


class LongWay(documents._Writer):
    """Writes down the name of every field, before plain values too."""

    def write(self, path: Any, key: str, value: Any, fields: Any, group: Any = ()) -> None:
        if not isinstance(value, dict):
            super().write(path, key, value, fields, group)
            return
        for name, item in value.items():
            if isinstance(fields, dict) and name in fields and name != "*":
                self.readable.parts.append(name + documents._KEY_END)
                self.write((*path, name), name, item, below(fields, name), (*group, name))
            else:
                self._write_member(path, name, item, fields, group)


def seen(delta: Delta) -> list[tuple[str, Any]]:
    fields = field_tree(delta.kind)
    found = tree_findings(GUARD._seen(delta.tree(), fields))
    return sorted((one.place, (one.finding.rule, one.finding.start, one.finding.end)) for one in found)


@settings(max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(text=st.sampled_from([*EXAMPLES, *OWN]), delta=st.sampled_from(CLEAN), data=st.data())
def test_names_before_plain_values_need_not_be_written_down(text: str, delta: Delta, data: st.DataObject) -> None:
    spoilt = planted_in(delta, text, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_Writer", LongWay)
        long_way = seen(spoilt)
    assert seen(spoilt) == long_way
