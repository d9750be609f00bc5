"""A metric is a whole finite number, printed once on a line of its own; whatever else a run prints, it is unknown, never 0."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guardrails.verdict import Rejected
from hive_node.config.project import MetricSection, parse_project_spec
from hive_node.config.toml import ConfigError
from hive_node.subjects.metrics import read_metrics

LOSS = MetricSection(name="loss", direction="lower")


def read(output: str | bytes, metric: MetricSection = LOSS, guards: tuple[str, ...] = (), **options: Any) -> Any:
    raw = output.encode() if isinstance(output, str) else output
    return read_metrics(raw, metric, guards, is_clipped=options.get("is_clipped", False))


def rule(output: str | bytes, *arguments: Any, **options: Any) -> str:
    verdict = read(output, *arguments, **options)
    assert isinstance(verdict, Rejected), verdict
    return verdict.rule


@given(st.binary(max_size=300))
@example(b"METRIC loss=1\nMETRIC loss=\xff")
def test_any_output_gives_a_finite_number_or_a_reason(output: bytes) -> None:
    found = read(output)
    if isinstance(found, Rejected):
        assert found.rule.startswith("trial.")
    else:
        assert set(found) == {"loss"}
        assert math.isfinite(found["loss"])


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: math.copysign(1, value) > 0 or value < 0))
def test_every_number_that_python_prints_is_read_as_it_is(value: float) -> None:
    assert read(f"METRIC loss={value!r}\n") == {"loss": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", 1e-5), ("-3.2", -3.2), ("+7", 7.0), (".5", 0.5), ("5.", 5.0), ("1E3", 1000.0), ("0", 0.0), ("0.0e9", 0.0),
     ("9007199254740993", 9007199254740992.0), ("-0.0001", -0.0001)],
)  # fmt: skip
def test_numbers_are_whole(text: str, value: float) -> None:
    assert read(f"METRIC loss={text}") == {"loss": value}
    assert read(f"  METRIC\tloss = {text} \r\n") == {"loss": value}


@pytest.mark.parametrize(
    "text",
    ["nan", "NaN", "inf", "-inf", "Infinity", "1e999", "-1e999", "1e-999", "0.001e-400", "-0", "-0.0", "-0e5", "-1e-999", "0x10",
     "1,000", "1_000", "1 000", "1.2.3", "1e", "e5", ".", "+", "--1", "1s", "1%", "٣", "1٣", "１", "", "None", "1" * 65,
     "1e5e5", "1/2", "(1)", "1;", "1\r2"],
)  # fmt: skip
def test_what_is_no_plain_finite_number_is_unknown(text: str) -> None:
    assert rule(f"METRIC loss={text}\n") == "trial.bad-metric"


@pytest.mark.parametrize(
    "output",
    ["", "loss=1", "METRIC val_loss=1", "METRIC loss_2=1", "METRIC loss.x=1", "METRIC Loss=1", "metric loss=1", "x METRIC loss=1",
     "epoch 1 METRIC loss=1", "METRICS loss=1", "METRIC  val loss=1", "METRIC loss", "METRIC loss 1", "METRIC=1", "METRICloss=1",
     "50%\rMETRIC loss=1", "a\x0bMETRIC loss=1", "a\u2028METRIC loss=1", "\x1b[0mMETRIC loss=1", '"METRIC loss=1"'],
)  # fmt: skip
def test_names_match_whole_and_lines_are_lines(output: str) -> None:
    assert rule(output) == "trial.no-metric"


def test_a_metric_that_is_printed_twice_is_unknown_even_if_it_says_the_same() -> None:
    assert rule("METRIC loss=1\nMETRIC loss=1\n") == "trial.repeated-metric"
    assert rule("METRIC loss=2\nMETRIC other=1\n METRIC loss = 1\n") == "trial.repeated-metric"


@pytest.mark.parametrize(
    "output",
    [
        "METRIC loss=0\nworking METRIC loss=13\n",
        "METRIC loss=13 METRIC loss=0\nMETRIC loss=0\n",
        "METRIC loss=0\n50%\rMETRIC loss=13\n",
        "METRIC loss=0\n\x1b[2KMETRIC loss=13\n",
        "METRIC loss=0\nMETRIC loss+AD0-13\n",
    ],
)
def test_a_line_that_was_glued_to_another_still_contradicts_it(output: str) -> None:
    assert rule(output) in {"trial.repeated-metric", "trial.bad-metric"}
    assert read("METRIC loss=1\nx METRIC loss_2=3 METRIC val_loss=2 METRIC lossy\n") == {"loss": 1.0}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp037", "cp500"])
def test_an_output_in_another_encoding_hides_no_metric(encoding: str) -> None:
    assert rule(b"METRIC loss=0\n" + "METRIC loss=13\n".encode(encoding)) == "trial.not-text"
    assert rule(b"METRIC loss=1\x00\n") == rule(b"METRIC loss=1\n\xff") == "trial.not-text"


def test_a_clipped_output_says_nothing() -> None:
    assert rule("METRIC loss=1\n", is_clipped=True) == "trial.output-clipped"


def test_every_guard_must_be_there_as_well() -> None:
    assert read("METRIC loss=1\nMETRIC seconds=2\n", guards=("seconds",)) == {"loss": 1.0, "seconds": 2.0}
    missing = read("METRIC loss=1\n", guards=("seconds",))
    assert isinstance(missing, Rejected)
    assert missing.details["metric"] == "seconds"
    assert rule("METRIC loss=1\nMETRIC seconds=nan\n", guards=("seconds",)) == "trial.bad-metric"


def patterned(pattern: str) -> MetricSection:
    return LOSS.model_copy(update={"pattern": pattern})


def test_a_pattern_reads_outputs_of_another_shape() -> None:
    output = "warm up 9 ms\nmedian 12.5 ms\ntotal 99 ms\n"
    assert read(output, patterned(r"^median (\S+) ms$")) == {"loss": 12.5}
    assert rule(output, patterned(r"(\d+) ms")) == "trial.repeated-metric"
    assert rule(output, patterned(r"^mean (\S+) ms$")) == "trial.no-metric"
    assert rule("median 1,000 ms", patterned(r"median (\S+) ms")) == "trial.bad-metric"
    assert rule("median", patterned(r"median(?: (\d+))?")) == "trial.bad-metric"
    assert rule("median 1 ms\nx median 9 ms\n", patterned(r"^median (\S+) ms$")) == "trial.repeated-metric"
    assert read(output + "METRIC seconds=2", patterned(r"^median (\S+) ms$"), ("seconds",)) == {
        "loss": 12.5,
        "seconds": 2,
    }


@pytest.mark.parametrize("pattern", [r"((?:a+a+)+)b", r"^((?:\s*\w+\s*)+)!$", r"((a|aa)+)\$", r"(.*.*.*.*.*.*.*=)x"])
def test_no_pattern_and_no_output_together_take_for_ever(pattern: str) -> None:
    inner = pattern.replace("((a|aa)+)", "((?:a|aa)+)")
    assert rule(b"a" * 200_000 + b" = " * 50_000, patterned(inner)) == "trial.no-metric"


@pytest.mark.parametrize("filler", [b" ", b"\t", b"METRIC ", b"=", b"METRIC loss=", b"\r", b"1"])
def test_no_line_takes_for_ever(filler: bytes) -> None:
    assert rule(b"METRIC loss=" + filler * 200_000 + b"x") == "trial.bad-metric"
    assert rule(b"METRIC " + filler * 200_000 + b"x") in {"trial.no-metric", "trial.bad-metric"}


SPEC = """
[project]
name = "p"
[surface]
editable = ["a.py"]
protected = ["b.py"]
[[step]]
name = "s"
run = ["true"]
timeout_s = 1
[metric]
name = "loss"
direction = "lower"
pattern = '{}'
"""


@pytest.mark.parametrize(("pattern", "said"), [("(a", "missing )"), ("(?=x)(a)", "RE2"), (r"(a)\1", "RE2"), ("a", "exactly one group"),
                                               ("(a)(b)", "exactly one group"), ("(" * 600 + ")" * 600, "512")])  # fmt: skip
def test_a_pattern_that_cannot_be_used_is_refused_where_it_is_written(pattern: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_project_spec(SPEC.format(pattern))
    assert said in str(error.value)
    assert error.value.line == 14
