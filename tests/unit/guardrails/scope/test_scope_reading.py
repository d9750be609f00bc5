"""How a text is read: look-alikes, views and their way back, settling of findings, randomness."""

import random
import string
import sys
import tracemalloc

import pytest

from guardrails.scope import Finding
from guardrails.scope.findings import settle
from guardrails.scope.normalise import normalise
from guardrails.scope.pages import Leaf, Page, Seen
from guardrails.scope.randomness import CLASSES, _table, classes_of, randomness
from guardrails.scope.redaction import redact
from guardrails.scope.views import Piece, View


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ｐａｓｓ", "pass"),
        ("pа\u0455s", "pass"),
        ("p\u200ba\u2060s\ufeffs", "pass"),
        ("p\u0336a\u0336s\u0336s", "pass"),
        ("𝗉𝖺𝗌𝗌", "pass"),
        ("ﬁle", "file"),
        ("١٢٣", "123"),
        ("straße", "straße"),
        ("山田", "山田"),
        ("x\u3164y", "xy"),
        ("", ""),
    ],
)
def test_text_is_read_as_a_person_would(written: str, read: str) -> None:
    assert normalise(written).text == read


def test_plain_text_is_its_own_view() -> None:
    view = normalise("plain")
    assert view.source_span(1, 3) == (1, 3, None)


def test_way_back_covers_what_was_dropped_between() -> None:
    view = normalise("a\u200bb ﬁ c")
    assert view.text == "ab fi c"
    assert view.source_span(0, 2) == (0, 3, None)
    assert view.source_span(3, 4) == (4, 5, None)
    assert view.source_span(6, 7) == (6, 7, None)


def test_way_back_leads_through_every_round() -> None:
    root = normalise("xx\u200b[payload]")
    inner = View.of_pieces([Piece("decoded", 2, 11, label="base64")], root)
    innermost = View.of_pieces([Piece("co", 2, 4, exact=True, label="hex")], inner)
    assert innermost.source_span(0, 2) == (3, 12, "base64>hex")


def test_each_character_is_one_byte_for_the_engines() -> None:
    assert View("a√ü").data == b"a?\xfc"


def finding(start: int, end: int, confidence: float = 0.5, **changes: str) -> Finding:
    values = {"kind": "secret", "entity": "token", "rule": f"r{start}"} | changes
    return Finding(values["kind"], values["entity"], values["rule"], start, end, confidence, values.get("decoded_from"))  # type: ignore[arg-type]


def test_overlapping_findings_become_the_surest_over_all_that_they_cover() -> None:
    settled = settle([finding(5, 9, 0.9), finding(0, 6, 0.4), finding(9, 12)])
    assert [(one.start, one.end, one.rule) for one in settled] == [(0, 9, "r5"), (9, 12, "r9")]


def test_of_equally_sure_ones_the_secret_counts() -> None:
    (one,) = settle([finding(0, 5, kind="pii"), finding(0, 5, kind="secret")])
    assert one.kind == "secret"


def test_of_one_thing_in_plain_sight_and_decoded_the_plain_sight_counts_and_all_that_both_cover() -> None:
    plain, whole = finding(5, 9, rule="a"), finding(5, 20, rule="a", decoded_from="literals")
    other = finding(30, 40, rule="b", decoded_from="base64")
    assert settle([plain, whole, other]) == [finding(5, 20, rule="a"), other]


def test_nothing_settles_to_nothing() -> None:
    assert settle([]) == []


@pytest.mark.parametrize(
    "name",
    [
        "getConfigurationManager",
        "test_replayed_entry_is_counted_once",
        "MAX_RETRY_COUNT",
        "correcthorsebatterystaple",
        "src/main/resources",
    ],
)
def test_names_read_as_written(name: str) -> None:
    assert randomness(name) < 0


def test_random_token_of_24_characters_is_surely_random() -> None:
    chance = random.Random(7)
    scores = [randomness("".join(chance.choices(string.ascii_letters + string.digits, k=24))) for _ in range(200)]
    assert min(scores) > 30


def test_randomness_grows_with_length() -> None:
    token = "".join(random.Random(8).choices(string.ascii_letters + string.digits, k=64))
    assert randomness(token) > randomness(token[:32]) > randomness(token[:16]) > 0
    assert randomness("") == 0.0


def test_trigram_table_is_a_cube_in_which_words_are_likely() -> None:
    table = _table()
    assert len(table) == CLASSES
    assert {len(row) for rows in table for row in rows} == {CLASSES}
    assert classes_of("7") == classes_of("0") != classes_of(" ")
    assert classes_of("#") == classes_of("%") != classes_of("-")
    t, h, e, q = classes_of("theq")
    assert table[t][h][e] < table[t][h][q]


@pytest.mark.parametrize("name", ["Benutzername", "contraseñaAnterior", "MAX_RETRIES", "getConfigurationManager"])
def test_words_of_any_language_are_not_random(name: str) -> None:
    assert randomness(name) < 5


def test_findings_of_a_page_go_to_the_leaves_that_they_touch() -> None:
    leaves = (Leaf(("a",), "value", None, 0, 4), Leaf(("b",), "value", None, 6, 10))
    page = Page("aaaa, bbbb", lambda: leaves)
    seen = list(page.leaf_findings([finding(4, 5), finding(2, 8), finding(9, 10)]))
    assert [(one.leaf.path, one.finding.start, one.finding.end) for one in seen] == [
        (("a",), 2, 4),
        (("b",), 0, 2),
        (("b",), 3, 4),
    ]


def test_overlapping_findings_in_one_value_are_replaced_once() -> None:
    leaf = Leaf(("a",), "value", "text", 0, 12)
    seen = [
        Seen(leaf, finding(2, 8)),
        Seen(leaf, finding(3, 5)),
        Seen(leaf, finding(6, 10, kind="pii", entity="email")),
    ]
    assert redact({"a": "0123456789ab"}, seen) == {"a": "01[secret][email]ab"}


def test_what_a_character_reads_as_reads_as_itself() -> None:
    every = "".join(chr(code) for code in range(0x110000))
    plain = normalise(every).text
    assert normalise(plain).text == plain


def test_text_of_invisible_characters_takes_a_few_times_its_own_memory() -> None:
    text = "\u200b\u0430" * 200_000
    tracemalloc.start()
    try:
        view = normalise(text)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 20 * sys.getsizeof(text)
    assert view.text == "a" * 200_000
    assert view.source_span(7, 9) == (15, 18, None)
