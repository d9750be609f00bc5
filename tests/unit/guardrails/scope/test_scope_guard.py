"""The door: what leaves, what is taken out of it, what stays, and what is not let in."""

import base64
import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from guardrails.scope import Engine, InScope, LocalFacts, Receipt, ScopeGuard
from guardrails.scope.fields import FIELDS, LEAST_LEVEL
from guardrails.scope.guard import REFUSES_AT
from guardrails.verdict import Refused
from protocol.deltas import (
    KINDS,
    Delta,
    Edit,
    Equivocation,
    Recipe,
    ShareLevel,
)
from protocol.envelope import DELTA_TYPE, Envelope, Signature
from protocol.wire import JsonValue, dump_json
from tests.unit.guardrails.scope import planted
from tests.unit.guardrails.scope.composed import CLEAN, DIGEST, envelope, header, recipe, summary


def passed(verdict: InScope[Delta] | Refused) -> InScope[Delta]:
    assert isinstance(verdict, InScope), verdict
    return verdict


def refused(verdict: InScope[Any] | Refused) -> Refused:
    assert isinstance(verdict, Refused), verdict
    return verdict


def with_field(delta: Delta, *path: str, value: JsonValue) -> Delta:
    tree: Any = json.loads(delta.raw)
    branch = tree
    for name in path[:-1]:
        branch = branch[name]
    branch[path[-1]] = value
    return Delta.parse(dump_json(tree))


# --- what leaves


@pytest.mark.parametrize("delta", CLEAN, ids=lambda delta: delta.kind)
def test_clean_delta_of_each_kind_leaves_as_it_is(guard: ScopeGuard, delta: Delta) -> None:
    verdict = passed(guard.check_outgoing(delta, ShareLevel.RECIPES))
    assert verdict.value is delta
    assert verdict.receipt == Receipt()
    assert isinstance(guard.check_incoming(delta), InScope)


def test_field_lists_know_every_kind_of_delta() -> None:
    assert FIELDS.keys() == LEAST_LEVEL.keys() == KINDS.keys()


@pytest.mark.parametrize(
    ("level", "summaries_leave", "recipes_leave"),
    [(ShareLevel.NONE, False, False), (ShareLevel.SUMMARIES, True, False), (ShareLevel.RECIPES, True, True)],
)
def test_level_of_the_project_decides_which_kinds_leave(
    guard: ScopeGuard, level: ShareLevel, summaries_leave: bool, recipes_leave: bool
) -> None:
    for delta, leaves in ((summary(), summaries_leave), (recipe(), recipes_leave)):
        verdict = guard.check_outgoing(delta, level)
        assert isinstance(verdict, InScope) is leaves
        assert leaves or refused(verdict).rule == "scope.level"


def test_nothing_leaves_a_project_that_shares_nothing(guard: ScopeGuard) -> None:
    for delta in CLEAN:
        assert refused(guard.check_outgoing(delta, ShareLevel.NONE)).rule == "scope.level"


def test_kind_that_is_not_known_stays(guard: ScopeGuard) -> None:
    unknown = Delta.parse(summary().raw.replace(b'"kind":"summary"', b'"kind":"diary"'))
    assert refused(guard.check_outgoing(unknown, ShareLevel.RECIPES)).rule == "scope.level"


def test_personal_data_and_secrets_in_free_text_are_replaced_by_words(guard: ScopeGuard) -> None:
    token = planted.github_token()
    idea = f"anna.kowalska says: mail bob@firma-nord.de, call +49 1512 3456789, see /home/akowalska/x, use {token} or tulips"
    verdict = passed(guard.check_outgoing(recipe(idea=idea), ShareLevel.RECIPES))
    assert isinstance(verdict.value.body, Recipe)
    assert verdict.value.body.idea == "[name] says: mail [email], call [phone], see [path]/x, use [secret] or [secret]"
    assert [str(one) for one in verdict.receipt.redacted] == [
        f"/body/idea (value: {what})" for what in ("name", "email", "phone", "path", "token", "secret")
    ]
    assert token not in repr(verdict) + repr(verdict.receipt)


def test_field_on_no_list_is_dropped_and_its_name_is_not_told(guard: ScopeGuard) -> None:
    token = planted.stripe_key()
    delta = with_field(with_field(recipe(), "body", "diary", value=token), "body", "evidence", token, value=1)
    verdict = passed(guard.check_outgoing(delta, ShareLevel.RECIPES))
    assert verdict.receipt.dropped == ("/body/evidence/*", "/body/*")
    assert token.encode() not in verdict.value.raw
    assert token not in repr(verdict.receipt)


def test_value_of_another_shape_than_its_field_is_dropped(guard: ScopeGuard) -> None:
    delta = with_field(
        replication := next(one for one in CLEAN if one.kind == "replication"), "body", "evidence", value=None
    )
    assert passed(guard.check_outgoing(delta, ShareLevel.RECIPES)).value is delta
    arms = with_field(next(one for one in CLEAN if one.kind == "arm-evidence"), "extra", value=["a", {"b": []}])
    assert passed(guard.check_outgoing(arms, ShareLevel.RECIPES)).receipt.dropped == ("/*",)
    assert replication.kind == "replication"


# --- what stays


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        (
            {"edits": (Edit(path="a.py", search="a", replace="T = '{token}'"),)},
            "scope.secret",
            "/body/edits/0/replace (value: token)",
        ),
        (
            {"edits": (Edit(path="a.py", search="x\n{token}\ny", replace="b"),)},
            "scope.secret",
            "/body/edits/0/search (value: token)",
        ),
        (
            {"edits": (Edit(path="/home/akowalska/a", search="a", replace="b"),)},
            "scope.personal",
            "/body/edits/0/path (value: path)",
        ),
        (
            {"edits": (Edit(path="a", search="a", replace="# by Anna Kowalska"),)},
            "scope.personal",
            "/body/edits/0/replace (value: name)",
        ),
        ({"guards": {"{token}": 1.0}}, "scope.secret", "/body/guards/[token] (key: token)"),
        ({"files": {"{token}": DIGEST}}, "scope.secret", "/body/files/[token] (key: token)"),
        ({"project": "{token}"}, "scope.secret", "/body/project (value: token)"),
        ({"environment": "thinkpad-anna"}, "scope.personal", "/body/environment (value: host)"),
    ],
)
def test_what_cannot_lose_a_stretch_is_refused(
    guard: ScopeGuard, changes: dict[str, Any], rule: str, place: str
) -> None:
    token = planted.github_token()
    verdict = refused(guard.check_outgoing(recipe(**_filled(changes, token)), ShareLevel.RECIPES))
    assert (verdict.rule, verdict.places) == (rule, (place,))
    assert token not in repr(verdict)


def _filled(value: Any, token: str) -> Any:
    if isinstance(value, str):
        return value.replace("{token}", token)
    if isinstance(value, dict):
        return {_filled(key, token): _filled(item, token) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_filled(item, token) for item in value)
    return Edit(**_filled(value.model_dump(), token)) if isinstance(value, Edit) else value


def test_token_cut_over_the_edits_of_a_recipe_is_refused(guard: ScopeGuard) -> None:
    token = planted.github_token()
    edits = tuple(
        Edit(path=f"{part}.py", search=f"old {part}", replace=token[part * 10 : part * 10 + 10]) for part in range(4)
    )
    verdict = refused(guard.check_outgoing(recipe(edits=edits), ShareLevel.RECIPES))
    assert verdict.places == tuple(f"/body/edits/{part}/replace (value: token)" for part in range(4))


def test_own_secret_that_looks_like_a_digest_is_refused(guard: ScopeGuard) -> None:
    own = "0" + "f" * 3 + "a1b2c3d4" * 7 + "5678"
    assert len(own) == 64
    verdict = refused(guard.check_outgoing(recipe(parents=(own,)), ShareLevel.RECIPES))
    assert (verdict.rule, verdict.places) == ("scope.secret", ("/body/parents/0 (value: secret)",))


def test_doubtful_finding_does_not_cost_a_recipe(guard: ScopeGuard) -> None:
    doubtful = 'session = "' + planted.letters(20, 31) + '"'
    assert [one.confidence < REFUSES_AT for one in guard.scan_text(doubtful)] == [True]
    edits = (Edit(path="a.py", search="a", replace=doubtful),)
    assert isinstance(guard.check_outgoing(recipe(edits=edits), ShareLevel.RECIPES), InScope)
    assert isinstance(guard.check_incoming(recipe(edits=edits)), InScope)
    assert passed(guard.check_outgoing(recipe(idea=doubtful), ShareLevel.RECIPES)).receipt.redacted


def test_secret_inside_a_proof_of_equivocation_stays_here(guard: ScopeGuard) -> None:
    body = Equivocation(first=envelope(summary()), second=envelope(recipe(idea="write to bob@firma-nord.de")))
    verdict = refused(guard.check_outgoing(Delta.compose(header("equivocation"), body), ShareLevel.RECIPES))
    assert (verdict.rule, verdict.places) == ("scope.personal", ("/body/second (value: email)",))


def test_envelope_that_is_none_is_read_as_text(guard: ScopeGuard) -> None:
    body = Equivocation(first="not base64!", second=planted.in_base64(planted.github_token()))
    assert (
        refused(guard.check_outgoing(Delta.compose(header("equivocation"), body), ShareLevel.RECIPES)).rule
        == "scope.secret"
    )


def test_signature_under_a_name_that_is_no_node_is_read(guard: ScopeGuard) -> None:
    signed = Envelope(DELTA_TYPE, summary().raw, (Signature("bob@firma-nord.de", bytes(64)),)).to_bytes()
    body = Equivocation(first=base64.b64encode(signed).decode(), second=envelope(summary()))
    verdict = refused(guard.check_outgoing(Delta.compose(header("equivocation"), body), ShareLevel.RECIPES))
    assert verdict.places == ("/body/first (value: email)",)


# --- failing closed


@dataclass(frozen=True)
class Stubborn:
    """Goes its own way when it is asked to say something else."""

    tree_now: Any
    answer: Any = None
    kind: str = "retract"

    def payload(self) -> bytes:
        return self.tree_now if isinstance(self.tree_now, bytes) else dump_json(self.tree_now)

    def with_tree(self, tree: JsonValue) -> "Stubborn":
        if isinstance(self.answer, Exception):
            raise self.answer
        return Stubborn(self.answer if self.answer is not None else tree)


def retraction(**changes: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(next(one for one in CLEAN if one.kind == "retract").raw)
    tree["body"] |= changes
    return tree


def test_delta_that_redaction_breaks_stays(guard: ScopeGuard) -> None:
    delta = Stubborn(retraction(reason="ask bob@firma-nord.de"), ValueError("no"))
    assert refused(guard.check_outgoing(delta, ShareLevel.RECIPES)).rule == "scope.broken-by-redaction"


@pytest.mark.parametrize(
    "left",
    [{"reason": "ask bob@firma-nord.de"}, {"entry": "/home/akowalska"}, {"more": 1}],
    ids=["not redacted", "new place", "new field"],
)
def test_anything_left_after_redaction_refuses(guard: ScopeGuard, left: dict[str, Any]) -> None:
    delta = Stubborn(retraction(reason="ask bob@firma-nord.de"), retraction(**left))
    assert refused(guard.check_outgoing(delta, ShareLevel.RECIPES)).rule == "scope.residue"


def test_bytes_that_name_another_kind_stay(guard: ScopeGuard) -> None:
    delta = Stubborn(retraction() | {"kind": "summary"})
    assert refused(guard.check_outgoing(delta, ShareLevel.RECIPES)).rule == "scope.kind"


@pytest.mark.parametrize("raw", [b"{", b'{"kind":"retract","kind":"retract"}', b"[]", b'{"kind":NaN}', b"\xff"])
def test_bytes_that_cannot_be_read_in_one_way_stay(guard: ScopeGuard, raw: bytes) -> None:
    verdict = refused(guard.check_outgoing(Stubborn(raw), ShareLevel.RECIPES))
    assert verdict.rule == "scope.cannot-run"


def test_guard_that_breaks_refuses_and_quotes_nothing(engine: Engine, local: LocalFacts) -> None:
    class Broken:
        def scan(self, *_: object) -> None:
            raise RuntimeError("while reading " + planted.github_token())

    guard = ScopeGuard(Broken(), local)  # type: ignore[arg-type]
    for verdict in (guard.check_outgoing(summary(), ShareLevel.RECIPES), guard.check_incoming(summary())):
        assert refused(verdict).rule == "scope.cannot-run"
        assert planted.github_token() not in repr(verdict)
        assert "RuntimeError" in refused(verdict).reason


def test_level_that_is_none_at_all_refuses(guard: ScopeGuard) -> None:
    assert refused(guard.check_outgoing(summary(), "recipes")).rule == "scope.cannot-run"  # type: ignore[arg-type]


# --- what comes in


@dataclass(frozen=True)
class Arrived:
    """Verified, and yet it may say anything."""

    said: Any

    def tree(self) -> JsonValue:
        said: JsonValue = self.said
        return said


def test_entry_with_a_secret_in_an_unknown_field_is_not_let_in(guard: ScopeGuard) -> None:
    tree = json.loads(recipe().raw) | {"note": {"deep": [1, {"x": planted.stripe_key()}]}}
    verdict = refused(guard.check_incoming(Arrived(tree)))
    assert (verdict.rule, verdict.places) == ("scope.incoming-secret", ("/note/deep/1/x (value: token)",))


def test_entry_with_personal_data_is_not_let_in(guard: ScopeGuard) -> None:
    tree = json.loads(recipe(idea="thanks to bob@firma-nord.de").raw)
    verdict = refused(guard.check_incoming(Arrived(tree)))
    assert (verdict.rule, verdict.places) == ("scope.incoming-personal", ("/body/idea (value: email)",))


def test_own_name_in_a_peers_words_is_not_let_in(guard: ScopeGuard) -> None:
    assert refused(guard.check_incoming(recipe(idea="as Anna Kowalska does"))).rule == "scope.incoming-personal"


def test_entry_of_a_kind_from_the_future_is_read_whole(guard: ScopeGuard) -> None:
    tree = json.loads(summary().raw) | {"kind": "diary", "body": {"page": [planted.github_token()]}}
    assert refused(guard.check_incoming(Arrived(tree))).rule == "scope.incoming-secret"
    assert isinstance(guard.check_incoming(Arrived(tree | {"body": {"page": ["dear diary"]}})), InScope)


@pytest.mark.parametrize("said", [None, [], "text", 12, {"kind": 3}])
def test_anything_that_is_json_can_be_judged(guard: ScopeGuard, said: Any) -> None:
    assert isinstance(guard.check_incoming(Arrived(said)), InScope)


# --- trees and texts


def test_every_corner_of_a_tree_is_looked_into(guard: ScopeGuard) -> None:
    token = planted.github_token()
    tree: JsonValue = {
        "a": [{"password": "hunter" + "2x!"}, 12, True, None],
        token: {"x/y~z": "bob@firma-nord.de"},
        "card": 4087720405608655,
        "list": [token[:12], token[12:30], token[30:]],
    }
    assert [str(one) for one in guard.scan_tree(tree)] == [
        "/a/0/password (value: password)",
        "/[token] (key: token)",
        "/[token]/x~1y~0z (value: email)",
        "/card (value: card)",
        "/list/0 (value: token)",
        "/list/1 (value: token)",
        "/list/2 (value: token)",
    ]
    assert [str(one) for one in guard.scan_tree("bob@firma-nord.de")] == ["/ (value: email)"]


def test_offsets_in_a_tree_are_those_of_the_value(guard: ScopeGuard) -> None:
    (one,) = guard.scan_tree({"note": "für bob@firma-nord.de"})
    assert (one.finding.start, one.finding.end) == (4, 21)


def test_text_scan_knows_this_machine(guard: ScopeGuard) -> None:
    assert {one.rule for one in guard.scan_text("tulips for akowalska")} == {"local.secret", "local.user"}


def test_guard_goes_by_the_facts_that_it_was_told_last(engine: Engine, local: LocalFacts) -> None:
    guard = ScopeGuard(engine, LocalFacts.build([], [], b"k" * 32))
    assert guard.scan_text("tulips") == []
    guard.know(local)
    assert [one.rule for one in guard.scan_text("tulips")] == ["local.secret"]


# --- the proof


def test_nobody_else_makes_proof() -> None:
    with pytest.raises(TypeError, match="only the scope guard"):
        InScope(summary(), Receipt(), object())


def test_proof_is_neither_changed_nor_copied_nor_stored(guard: ScopeGuard) -> None:
    proof = passed(guard.check_outgoing(summary(), ShareLevel.SUMMARIES))
    with pytest.raises(AttributeError):
        proof.value = recipe()  # type: ignore[misc]
    with pytest.raises(AttributeError):
        proof._value = recipe()
    with pytest.raises(AttributeError):
        del proof._value
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            duplicate(proof)
    assert repr(proof) == "InScope(Delta, redacted=0)"


@pytest.mark.parametrize("levels", [63, 64, 65, 1_000, 100_000])
@pytest.mark.parametrize(
    "nest", [lambda inner: [inner], lambda inner: {"a": inner}, lambda inner: {"x": 1, "a": [inner]}]
)
def test_tree_of_any_depth_is_read(guard: ScopeGuard, levels: int, nest: Callable[[JsonValue], JsonValue]) -> None:
    tree: JsonValue = {"mail": "bob" + "@firma-nord.de", "db_password": "tUlip7" + "_x9Qz"}
    for _ in range(levels):
        tree = nest(tree)
    assert {one.finding.entity for one in guard.scan_tree(tree)} == {"email", "password"}
