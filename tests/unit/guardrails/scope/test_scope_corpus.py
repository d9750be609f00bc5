"""The guard's quality, on a small corpus that is made anew: these floors fail where it falls."""

import random
import re
from collections.abc import Iterable

import pytest

from benchmarks.guard.scoring import Report, judge
from guardrails.scope import Engine
from tests.corpus.guard import Label, Record, Size, generate
from tests.corpus.guard.check_digits import CONDITIONS, number
from tests.corpus.guard.pages import page
from tests.corpus.guard.shapes import draw

_SHARE = 0.06
_SEED = 515


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(generate(Size.of(_SHARE), _SEED))


@pytest.fixture(scope="module")
def report(records: list[Record], engine: Engine) -> Report:
    return judge(records, {record.id: engine.scan(record.text) for record in records})


def test_secrets_are_found_and_little_else_is_called_one(report: Report) -> None:
    assert report.kinds["secret"].recall >= 0.94
    assert report.kinds["secret"].precision >= 0.97


def test_personal_data_are_found_and_little_else_is_called_so(report: Report) -> None:
    assert report.kinds["pii"].recall >= 0.88
    assert report.kinds["pii"].precision >= 0.96


def test_a_disguise_hides_no_secret(report: Report) -> None:
    assert report.strata["secret", "encoded"].recall >= 0.85


def test_clean_lines_stay_clean(report: Report) -> None:
    assert report.flagged_per_thousand <= 5
    assert report.near_misses_flagged <= 0.35 * report.near_misses


def test_each_record_has_an_id_of_its_own(records: list[Record]) -> None:
    assert len({record.id for record in records}) == len(records)


def test_labels_stand_where_the_values_are(records: list[Record]) -> None:
    labelled = [(record, label) for record in records for label in record.labels]
    assert labelled
    assert all(record.text[label.start : label.end].strip() for record, label in labelled)
    assert {label.kind for record, label in labelled if record.kind == "secret"} == {"secret"}


def test_the_same_seed_makes_the_same_corpus_but_for_private_keys(records: list[Record]) -> None:
    again = list(generate(Size.of(_SHARE), _SEED))
    assert _without_private_keys(again) == _without_private_keys(records)
    assert _without_private_keys(generate(Size.of(_SHARE), _SEED + 1)) != _without_private_keys(records)


def test_a_finding_counts_where_it_overlaps_a_label_of_its_kind() -> None:
    record = Record("1", "key=abcdef", "secret", "provider", "x", (Label("secret", 4, 10),))
    clean = Record("2", "one\ntwo\nthree", "clean", "clean", "x")
    said = {"1": [Label("secret", 8, 12), Label("secret", 0, 3), Label("pii", 4, 10)], "2": [Label("pii", 5, 6)]}
    report = judge([record, clean], said)
    secret, pii = report.kinds["secret"], report.kinds["pii"]
    assert (secret.labels, secret.found, secret.true, secret.false) == (1, 1, 1, 1)
    assert (pii.true, pii.false) == (0, 2)
    assert report.flagged_per_thousand == pytest.approx(1000 / 3)


@pytest.mark.parametrize(
    ("check", "valid", "wrong"),
    [
        ("luhn", "79927398713", "79927398710"),
        ("iban", "GB82WEST12345698765432", "GB83WEST12345698765432"),
        ("verhoeff", "2363", "2364"),
        ("iso7064", "94577403194", "94577403195"),
        ("dni", "12345678Z", "12345678A"),
        ("hetu", "131052308T", "131052308U"),
        ("vin", "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"),
        ("codice", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        ("npi", "1234567893", "1234567890"),
    ],
)
def test_check_digits_are_those_of_the_published_examples(check: str, valid: str, wrong: str) -> None:
    assert CONDITIONS[check](valid)
    assert not CONDITIONS[check](wrong)


def test_a_shape_draws_what_it_says() -> None:
    for provider in page("providers")["provider"]:
        plain = provider["shape"]
        if "{" in re.sub(r"\{\d+(,\d+)?\}", "", plain):
            continue  # a made piece: no regular expression
        assert re.fullmatch(plain, draw(plain, random.Random(1))), provider["name"]


def test_a_number_that_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="nothing of this shape"):
        number("1[0]{3}", ["luhn"], random.Random(1))


def _without_private_keys(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.stratum != "keys"]
