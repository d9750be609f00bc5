"""Whatever has the shape of an identifier can be judged; and what labels, tables and zones are cut from is any text."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.scope.candidates import Candidate
from guardrails.scope.catalogue import load_rules
from guardrails.scope.engine import Labels, detectors_of
from guardrails.scope.identity.validators import VALIDATORS
from guardrails.scope.normalise import normalise

RULES = [rule for rule in load_rules() if VALIDATORS.keys() & set(rule.validators)]
SHAPES = st.sampled_from(RULES).flatmap(
    lambda rule: st.tuples(st.just(rule), st.from_regex(re.compile(rule.regex, re.ASCII), fullmatch=True))
)
(LABELLED,) = [one for one in detectors_of(load_rules(), Labels()) if type(one).__name__ == "LabelledDetector"]
SCRAPS = st.one_of(
    st.sampled_from([label.replace("_#", " no").replace("_", " ") for rule in RULES for label in rule.labels]),
    st.sampled_from(
        [",", ";", "|", "\n", "\n\n", " ", "  ", '"', "'", "(", ")", " VALUES ", ": ", "?\n", "[10:31] a: "]
    ),
    st.from_regex(re.compile("[A-Z]{0,3}[0-9]{4,12}[A-Z]?"), fullmatch=True),
    st.text(max_size=12),
)


@settings(max_examples=150)
@given(SHAPES)
def test_any_value_in_a_rules_shape_is_judged(shape) -> None:  # type: ignore[no-untyped-def]
    rule, value = shape[0], normalise(shape[1]).text
    for name in rule.validators:
        assert 0 <= VALIDATORS[name](Candidate(value, 0, len(value), 0.9)) <= 1 if name in VALIDATORS else True


@settings(max_examples=150)
@given(st.lists(SCRAPS, max_size=12).map("".join))
def test_any_text_with_labels_and_tables_is_read(text: str) -> None:
    view = normalise(text)
    for one in LABELLED.find(view):
        assert 0 <= one.start < one.end <= len(view.text)
        assert any(map(str.isdigit, view.text[one.start : one.end]))
