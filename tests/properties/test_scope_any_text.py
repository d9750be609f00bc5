"""Any text at all: findings lie within it and apart from one another, both rungs agree, and what was redacted is not
found again.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.scope import Engine, LocalFacts, ScopeGuard, default_engine
from guardrails.scope.catalogue import load_rules
from guardrails.scope.documents import write_down
from guardrails.scope.normalise import normalise
from guardrails.scope.redaction import redact
from tests.unit.guardrails.scope import planted

RULES = load_rules()
FALLBACK = Engine(RULES, "aho-corasick")
LOCAL = LocalFacts.build(
    [("user", "akowalska"), ("git_name", "Anna Kowalska")], ["sunshine-and-rain", "tulips"], b"k" * 32
)
GUARD = ScopeGuard(default_engine(), LOCAL)

_WRITTEN = [example for rule in RULES for example in (*rule.examples, *rule.counter_examples)]
# By index: a strategy that shows all of them in its repr is slow to fail.
EXAMPLES = st.integers(0, len(_WRITTEN) - 1).map(lambda index: _WRITTEN[index])
SCRAPS = st.one_of(
    EXAMPLES,
    EXAMPLES.map(lambda text: text[: len(text) // 2]),
    st.builds(lambda disguise, text: disguise(text), st.sampled_from(planted.DISGUISES[:6]), EXAMPLES),
    st.text(max_size=40),
    st.sampled_from(
        ["password=", '"', "'", "\n", " ", "key: ", "tulips", "AnnaKowalska", "\u200b", "%2", "&#", "\\u00", "= "]
    ),
)
TEXTS = st.lists(SCRAPS, max_size=8).map("".join)


@settings(max_examples=400)
@given(TEXTS)
def test_findings_lie_within_the_text_and_apart(text: str) -> None:
    end = 0
    for one in GUARD.scan_text(text):
        assert end <= one.start < one.end <= len(text)
        assert 0 < one.confidence <= 1
        end = one.end


@settings(max_examples=400)
@given(TEXTS)
def test_both_rungs_find_the_same(text: str) -> None:
    assert default_engine().scan(text, (LOCAL,)) == FALLBACK.scan(text, (LOCAL,))


@settings(max_examples=300)
@given(TEXTS)
def test_view_leads_every_character_back_into_the_text(text: str) -> None:
    view = normalise(text)
    for position in range(len(view.text)):
        start, end, label = view.source_span(position, position + 1)
        assert 0 <= start < end <= len(text)
        assert label is None


@settings(max_examples=200)
@given(
    st.recursive(
        st.one_of(TEXTS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
        max_leaves=12,
    )
)
def test_document_gives_every_leaf_back(tree: object) -> None:
    document = write_down(tree, {})  # type: ignore[arg-type]
    for page in (document.readable, document.joined, document.exact):
        places = [(leaf.start, leaf.end) for leaf in page.place()]
        assert places == sorted(places)
    values = {
        page_leaf.path: document.readable.text[page_leaf.start : page_leaf.end]
        for page_leaf in document.readable.place()
        if page_leaf.part == "value"
    }
    for path, value in values.items():
        assert str(_at(tree, path)) == value or repr(_at(tree, path)) == value


def _at(tree: object, path: tuple[str, ...]) -> object:
    for step in path:
        tree = tree[int(step)] if isinstance(tree, list) else tree[step]  # type: ignore[index]
    return tree


@settings(max_examples=300)
@given(st.sampled_from(planted.TOKENS), st.integers(0, 9999), TEXTS)
def test_redacted_token_is_gone(make: object, seed: int, around: str) -> None:
    token = make(seed)  # type: ignore[operator]
    tree = {"note": f"{around} {token} {around}"}
    seen = GUARD._seen(tree, {})
    assert token not in str(redact(tree, [one for one in seen if one.leaf.part == "value"]))
