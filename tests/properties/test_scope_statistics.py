"""Statistics must pass: no number, moment, digest or version that a delta is made of is ever taken for a secret or a
person.
"""

import uuid

from hypothesis import example, given, settings
from hypothesis import strategies as st

from guardrails.scope import InScope, LocalFacts, ScopeGuard, default_engine
from guardrails.scope.guard import Receipt
from protocol.deltas import Moments, ShareLevel
from tests.unit.guardrails.scope.composed import recipe, summary

GUARD = ScopeGuard(default_engine(), LocalFacts.build([("user", "akowalska")], ["sunshine-and-rain"], b"k" * 32))

NUMBERS = st.one_of(
    st.integers(0, 2**53),
    st.integers(1_500_000_000, 2_000_000_000),
    st.integers(1_500_000_000_000, 2_000_000_000_000),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
)
HEX = "0123456789abcdef"
FIGURES = st.one_of(
    NUMBERS.map(repr),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes().map(str),
    st.uuids().map(str),
    st.text(HEX, min_size=64, max_size=64),
    st.text(HEX, min_size=40, max_size=40),
    st.text(HEX, min_size=7, max_size=12),
    st.tuples(*[st.integers(0, 99)] * 3).map(lambda parts: "v{}.{}.{}".format(*parts)),
    st.tuples(*[st.integers(0, 31)] * 4).map(lambda parts: "{}.{}.{}.{}".format(*parts)),
    st.builds(lambda mean, spread: f"{mean:.4g} ± {spread:.2g} ms", st.floats(0, 1e9), st.floats(0, 1e3)),
    st.tuples(*[st.integers(0, 59)] * 3).map(lambda parts: "{:02}:{:02}:{:02}".format(*parts)),
)
KEYS = st.sampled_from(
    [
        "n",
        "mean",
        "sd",
        "seed",
        "wall_s",
        "p99_ms",
        "tokens",
        "digest",
        "commit",
        "started_at",
        "trial",
        "hashes",
        "keys_per_s",
    ]
)


@settings(max_examples=400)
@given(st.lists(FIGURES, min_size=1, max_size=12))
@example(["c0a9504e-390e-4e8b-8f85-09f51820cb52", "30306681035130"])  # a bank's card is `cb` in French
def test_figures_in_a_text_are_no_finding(figures: list[str]) -> None:
    assert GUARD.scan_text(" ".join(figures)) == []
    assert GUARD.scan_text("\n".join(f"measured: {figure}" for figure in figures)) == []


@settings(max_examples=400)
@given(st.dictionaries(KEYS, st.one_of(NUMBERS, FIGURES, st.lists(NUMBERS, max_size=20)), max_size=8))
def test_figures_in_a_tree_are_no_finding(tree: dict[str, object]) -> None:
    assert GUARD.scan_tree({"body": [tree, {"inner": tree}]}) == []  # type: ignore[dict-item,list-item]


@settings(max_examples=200)
@given(
    n=st.integers(0, 1_000_000_000),
    mean=st.floats(-1e15, 1e15),
    sd=st.floats(0, 1e15),
    task=st.text(HEX, min_size=64, max_size=64),
    experiment=st.uuids().map(lambda one: str(uuid.UUID(one.hex))),
)
def test_any_honest_summary_leaves_untouched(n: int, mean: float, sd: float, task: str, experiment: str) -> None:
    moments = Moments(n=n, mean=mean, sd=sd)
    for delta in (
        summary(baseline=moments, champion=moments, task=task, experiment=experiment),
        recipe(task=task, parents=(task,)),
    ):
        verdict = GUARD.check_outgoing(delta, ShareLevel.RECIPES)
        assert isinstance(verdict, InScope), verdict
        assert verdict.receipt == Receipt()
        assert isinstance(GUARD.check_incoming(delta), InScope)
