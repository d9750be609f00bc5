"""What a delta may say, and what a peer tries to say instead."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.charter import stamp
from protocol.deltas import (
    KIND_OF,
    KINDS,
    Arm,
    ArmEvidence,
    Body,
    Delta,
    Equivocation,
    Header,
    Moments,
    Outcomes,
    Replication,
    Retract,
    ShareLevel,
    Skill,
    ToolStats,
)
from protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from protocol.ids import sha256_hex
from protocol.limits import EDIT_CHARS, EDITS, LIST_ITEMS, NUMBER_MAX, PATH_CHARS, PROOF_CHARS, TEXT_CHARS, WORD_CHARS
from tests.fakes.hive import CONSTITUTION, NOW, TASK, FakeNode, measured, recipe, summary

ADA = FakeNode("ada")
ENTRY = sha256_hex(b"an earlier entry")

EXAMPLES: dict[str, Body] = {
    "summary": summary(operators={"tune": Outcomes(proposed=3, promoted=1)}),
    "recipe": recipe(guards={"memory": 1.0}, parents=[ENTRY]),
    "replication": Replication(
        recipe=ENTRY, task=TASK, outcome="confirmed", evidence=measured(), environment="linux-x86_64"
    ),
    "arm-evidence": ArmEvidence(task=TASK, variants=(ENTRY,), axis="style", arms=(Arm(n=3, sum=2.0, sum_sq=1.5),)),
    "tool-stats": ToolStats(
        task_type="refactor", tool="grep", model="m", trials=9, successes=8, seconds=Moments(n=9, mean=0.2, sd=0.1)
    ),
    "skill": Skill(name="slug", source="def slug(): ...", cases=("a -> b",), evidence=measured()),
    "retract": Retract(entry=ENTRY, reason="measured on battery"),
    "equivocation": Equivocation(first="QQ==", second="QUI="),
}


def header(kind: str = "summary", **changes: Any) -> Header:
    fields: dict[str, Any] = {
        "hive": ADA.id,
        "author": ADA.id,
        "epoch": 1,
        "seq": 1,
        "prev": None,
        "issued_at": stamp(NOW),
        "kind": kind,
        "constitution": CONSTITUTION,
    }
    return Header.model_validate(fields | changes)


def tree_of(body: Body, /, **changes: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(Delta.compose(header(KIND_OF[type(body)]), body).payload())
    return tree | changes


def as_bytes(tree: object) -> bytes:
    return json.dumps(tree).encode()


def refused(tree: object) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        Delta.parse(as_bytes(tree))
    assert caught.value.code is Code.BAD_SCHEMA
    return caught.value


def refused_body(kind: str, **changes: Any) -> RemoteProtocolError:
    tree = tree_of(EXAMPLES[kind])
    return refused(tree | {"body": tree["body"] | changes})


# --- what is said comes back -------------------------------------------------------------------------------------------


def test_every_kind_has_an_example_here() -> None:
    assert EXAMPLES.keys() == KINDS.keys()
    assert {kind: KIND_OF[type(body)] for kind, body in EXAMPLES.items()} == {kind: kind for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_delta_of_each_kind_reads_back_as_it_was_composed(kind: str) -> None:
    composed = Delta.compose(header(kind, seq=2, prev=ENTRY), EXAMPLES[kind])

    parsed = Delta.parse(composed.payload())

    assert parsed == composed
    assert [parsed.kind, parsed.author, parsed.hive, parsed.prev] == [kind, ADA.id, ADA.id, ENTRY]
    assert parsed.payload() == composed.raw
    assert parsed.tree() == json.loads(composed.raw)


def test_first_entry_has_no_prev() -> None:
    assert Delta.compose(header(), summary()).prev is None


def test_unknown_kind_is_carried_and_not_interpreted() -> None:
    raw = as_bytes(tree_of(summary(), kind="telepathy", body={"anything": ["at", {"all": 1}]}))

    delta = Delta.parse(raw)

    assert delta.body is None
    assert delta.kind == "telepathy"
    assert delta.payload() == raw


def test_unknown_fields_are_ignored_but_travel_and_are_there_to_be_scanned() -> None:
    tree = tree_of(summary(), extra={"deep": ["mail@example.com"]})
    tree["body"]["note"] = "also here"

    delta = Delta.parse(as_bytes(tree))

    assert delta.body == summary()
    assert delta.tree() == tree


# --- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(Header.model_fields))
def test_header_with_a_field_missing_is_refused(name: str) -> None:
    tree = tree_of(summary())
    del tree[name]

    assert name in refused(tree).detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hive", "x"),
        ("hive", 1),
        ("author", ADA.id.upper()),
        ("author", ADA.id + "\n"),
        ("epoch", 0),
        ("epoch", -1),
        ("epoch", "1"),
        ("epoch", 1.0),
        ("epoch", True),
        ("epoch", 1_000_001),
        ("seq", 0),
        ("seq", 1.5),
        ("seq", "1"),
        ("seq", None),
        ("seq", [1]),
        ("prev", ""),
        ("prev", "f" * 63),
        ("prev", "F" * 64),
        ("prev", "f" * 64 + "\n"),
        ("prev", 0),
        ("issued_at", 0),
        ("issued_at", "2026-01-01"),
        ("issued_at", "2026-01-01T00:00:00"),
        ("issued_at", "2026-01-01T00:00:00+00:00"),
        ("issued_at", "2026-01-01T00:00:00.5Z"),
        ("issued_at", "2026-02-31T00:00:00Z"),
        ("issued_at", "2026-13-01T00:00:00Z"),
        ("issued_at", "2026-01-01T00:00:60Z"),
        ("issued_at", "0000-01-01T00:00:00Z"),
        ("issued_at", "٢٠٢٦-01-01T00:00:00Z"),
        ("kind", ""),
        ("kind", "Summary"),
        ("kind", "a b"),
        ("kind", "-a"),
        ("kind", "a" * 33),
        ("kind", ["summary"]),
        ("constitution", "sha256:" + "0" * 57),
        ("body", None),
        ("body", []),
        ("body", "text"),
    ],
)
def test_header_out_of_shape_is_refused(name: str, value: object) -> None:
    refused(tree_of(summary(), **{name: value}))


def test_delta_without_a_body_is_refused_also_for_an_unknown_kind() -> None:
    tree = tree_of(summary(), kind="telepathy")
    del tree["body"]

    refused(tree)


@pytest.mark.parametrize("kind", KINDS)
def test_body_with_a_field_missing_is_refused(kind: str) -> None:
    model = KINDS[kind]
    for name, field in model.model_fields.items():
        if field.is_required():
            tree = tree_of(EXAMPLES[kind])
            del tree["body"][name]
            assert name in refused(tree).detail


@pytest.mark.parametrize("nothing_like_it", [None, "1", True, [], {}, [1], {"n": 1}])
def test_something_else_where_a_number_belongs_is_refused_not_coerced(nothing_like_it: object) -> None:
    """A string in a number's place stopped every later round elsewhere."""
    refused_body("summary", gain=nothing_like_it)
    refused_body("summary", baseline={"n": 8, "mean": nothing_like_it, "sd": 0.1})
    refused_body("summary", baseline={"n": nothing_like_it, "mean": 1.0, "sd": 0.1})


@pytest.mark.parametrize("number", [1e300, -1e300, NUMBER_MAX * 1.001, -NUMBER_MAX * 1.001])
def test_number_out_of_range_never_reaches_a_mean(number: float) -> None:
    refused_body("summary", gain=number)
    refused_body("recipe", evidence={"pairs": 1, "gain": number, "lower": 0.0})
    refused_body("recipe", guards={"memory": number})
    refused_body("arm-evidence", arms=[{"n": 1, "sum": number, "sum_sq": 0.0}])


@pytest.mark.parametrize("count", [-1, 1_000_000_001, 2**53, 1.0, "1", True, None])
def test_count_that_counts_nothing_is_refused(count: object) -> None:
    refused_body("summary", costs={"trials": count})
    refused_body("tool-stats", trials=count)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "1e999"])
def test_number_that_is_not_finite_is_refused_by_its_own_code(text: str) -> None:
    raw = as_bytes(tree_of(summary(gain=0.5))).replace(b'"gain": 0.5', b'"gain": ' + text.encode())

    with pytest.raises(RemoteProtocolError) as caught:
        Delta.parse(raw)

    assert caught.value.code is Code.NOT_FINITE


def test_whole_number_is_a_number() -> None:
    delta = Delta.parse(as_bytes(tree_of(summary()) | {"body": tree_of(summary())["body"] | {"gain": 1}}))

    assert delta.body == summary(gain=1.0, champion=summary().champion)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("summary", {"task": "f" * 63}),
        ("summary", {"project": ""}),
        ("summary", {"project": "x" * (WORD_CHARS + 1)}),
        ("summary", {"metric": {"name": "s", "direction": "sideways"}}),
        ("summary", {"baseline": {"n": 1, "mean": 0.0, "sd": -0.1}}),
        ("summary", {"operators": {f"o{n}": {} for n in range(33)}}),
        ("summary", {"operators": {"": {}}}),
        ("summary", {"operators": {"x" * (WORD_CHARS + 1): {}}}),
        ("summary", {"operators": [["tune", {}]]}),
        ("recipe", {"files": {}}),
        ("recipe", {"files": {f"f{n}": ENTRY for n in range(EDITS + 1)}}),
        ("recipe", {"files": {"x" * (PATH_CHARS + 1): ENTRY}}),
        ("recipe", {"files": {"a": "not a digest"}}),
        ("recipe", {"edits": []}),
        ("recipe", {"edits": [{"path": "a", "search": "b", "replace": "c"}] * (EDITS + 1)}),
        ("recipe", {"edits": [{"path": "", "search": "b", "replace": "c"}]}),
        ("recipe", {"edits": [{"path": "a", "search": "x" * (EDIT_CHARS + 1), "replace": "c"}]}),
        ("recipe", {"edits": {"path": "a", "search": "b", "replace": "c"}}),
        ("recipe", {"idea": "x" * (TEXT_CHARS + 1)}),
        ("recipe", {"parents": [ENTRY] * (LIST_ITEMS + 1)}),
        ("recipe", {"parents": ENTRY}),
        ("recipe", {"parents": [1]}),
        ("recipe", {"guards": {f"g{n}": 1.0 for n in range(33)}}),
        ("recipe", {"evidence": {"pairs": 1, "gain": 0.1, "lower": 0.0, "e_value": -1.0}}),
        ("recipe", {"evidence": {"pairs": 1, "gain": 0.1, "lower": 0.0, "noise": -1.0}}),
        ("replication", {"outcome": "promoted"}),
        ("replication", {"recipe": None}),
        ("arm-evidence", {"arms": [{"n": 1, "sum": 0.0, "sum_sq": -1.0}]}),
        ("arm-evidence", {"arms": [{"n": 1, "sum": 0.0, "sum_sq": 0.0}] * (LIST_ITEMS + 1)}),
        ("skill", {"source": "x" * (EDIT_CHARS + 1)}),
        ("skill", {"cases": ["x"] * (LIST_ITEMS + 1)}),
        ("skill", {"cases": [{}]}),
        ("retract", {"entry": "all"}),
        ("retract", {"reason": "x" * (TEXT_CHARS + 1)}),
        ("equivocation", {"first": "x" * (PROOF_CHARS + 1)}),
    ],
)
def test_body_out_of_shape_or_over_a_cap_is_refused(kind: str, changes: dict[str, Any]) -> None:
    refused_body(kind, **changes)


def test_list_of_nonsense_ends_at_its_first_item() -> None:
    """One fault collected for each of them would be the peer's way to our memory."""
    tree = tree_of(recipe())
    tree["body"] |= {"parents": [0] * 20_000, "edits": [{}] * 9_000}

    with pytest.raises(ValidationError) as caught:
        KINDS["recipe"].model_validate(tree["body"])

    assert caught.value.error_count() < 10
    refused(tree)


def test_refusal_names_the_place_and_quotes_neither_values_nor_invented_keys() -> None:
    secret = "AKIA" + "IOSFODNN7EXAMPLE\x1b[2J"

    assert refused_body("summary", project=[secret]).detail == "project: string_type"
    assert refused_body("recipe", edits=[{"path": secret}]).detail == "edits.0.search: missing"
    assert secret[:4] not in refused_body("summary", operators={secret: 1}).detail
    assert refused_body("summary", operators={secret: 1}).detail.startswith("operators.?: ")


# --- redaction ---------------------------------------------------------------------------------------------------------


def test_delta_can_say_something_else_in_the_same_place() -> None:
    delta = Delta.compose(header("recipe"), recipe(idea="ask grace@example.com"))
    tree = json.loads(delta.raw)
    tree["body"]["idea"] = "ask [email]"

    changed = delta.with_tree(tree)

    assert changed.header == delta.header
    assert changed.body == recipe(idea="ask [email]")
    assert b"grace" not in changed.payload()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: tree | {"seq": 2, "prev": ENTRY},
        lambda tree: tree | {"constitution": ENTRY},
        lambda tree: tree | {"kind": "telepathy"},
        lambda tree: tree | {"body": {}},
        lambda tree: tree | {"body": None},
        lambda tree: [tree],
    ],
)
def test_redaction_that_would_move_or_break_a_delta_is_refused(spoil: Callable[[dict[str, Any]], Any]) -> None:
    delta = Delta.compose(header(), summary())

    with pytest.raises(ValueError, match=r".+"):
        delta.with_tree(spoil(json.loads(delta.raw)))


def test_text_that_json_cannot_say_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError):
        Delta.compose(header("retract"), Retract.model_construct(entry=ENTRY, reason="\ud800"))


# --- share levels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "least", "allowed"),
    [
        (ShareLevel.NONE, ShareLevel.NONE, False),
        (ShareLevel.NONE, ShareLevel.SUMMARIES, False),
        (ShareLevel.NONE, ShareLevel.RECIPES, False),
        (ShareLevel.SUMMARIES, ShareLevel.NONE, True),
        (ShareLevel.SUMMARIES, ShareLevel.SUMMARIES, True),
        (ShareLevel.SUMMARIES, ShareLevel.RECIPES, False),
        (ShareLevel.RECIPES, ShareLevel.SUMMARIES, True),
        (ShareLevel.RECIPES, ShareLevel.RECIPES, True),
    ],
)
def test_nothing_leaves_a_project_that_shares_less(level: ShareLevel, least: ShareLevel, *, allowed: bool) -> None:
    assert level.allows(least) is allowed
