"""A change of a hive.toml changes what it says and nothing else, in any layout; git takes the diff."""

import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive_node.advice.changes import AddCase, AddStep, NewGuard, TuneParam, Unfit, carry_out, identity_of, topic_of
from hive_node.advice.editing import edited

HEAD = [
    "[project]",
    'name = "p"  # \u2028 odd',
    "",
    "[surface]",
    'editable = ["src/a.py"]   # only this',
    'protected = ["bench/**"]',
]
BLOCKS = [
    ["# the tests", "[[step]]", 'name = "test"', 'run = ["python", "-I", "tests/check.py"]', "timeout_s = 60   # long"],
    [
        "",
        "# then the bench",
        "[[step]]",
        'name = "bench"',
        'run = ["python", "-I",',
        '  "bench/run.py" ] # two lines',
        "timeout_s = 120",
    ],
]
INLINE = ['step = [{ name = "test", run = ["a"], timeout_s = 60 }, { name = "bench", run = ["b"] }]']
TAIL = [
    ["[metric]", 'name = "cost"', 'direction = "lower"'],
    ["[[guard]]", 'metric = "seconds"', 'direction = "lower"', "tolerance = 0.10 # loose"],
    ["[tune]", '"src/a.py:SIZE" = { low = 1, high = 64, log = true } # sizes'],
    ["[watch]", "after_s = [600, 3600]"],
    ["", "# the end"],
]  # fmt: skip


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A hive.toml in one of many layouts."""
    lines = (INLINE if draw(st.booleans()) else []) + HEAD
    lines += [] if lines[0].startswith("step") else [line for block in BLOCKS for line in block]
    tail = draw(st.permutations(TAIL[1:4]))
    lines += [line for block in [TAIL[0], *tail[: draw(st.integers(0, 3))], TAIL[4]] for line in block]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


CHANGES = st.one_of(
    st.builds(
        AddStep,
        name=st.sampled_from(["parse", "test"]),
        run=st.just(("python", "-I", "-m", "py_compile", 'src/a "b".py')),
        timeout_s=st.sampled_from([30.0, 0.5]),
        before=st.sampled_from([None, "test", "bench", "missing"]),
    ),
    st.builds(TuneParam, table=st.just("metric"), key=st.just("min_effect"), value=st.floats(0.001, 0.2)),
    st.builds(TuneParam, table=st.just("step"), which=st.sampled_from(["test", "x"]), key=st.just("timeout_s"), value=st.integers(1, 999)),
    st.builds(TuneParam, table=st.just("guard"), which=st.just("seconds"), key=st.just("tolerance"), value=st.floats(0, 1)),
    st.builds(TuneParam, table=st.just("tune"), which=st.just("src/a.py:SIZE"), key=st.just("high"), value=st.integers(2, 99)),
    st.builds(TuneParam, table=st.just("auto"), key=st.just("explore"), value=st.floats(0, 1)),
    st.builds(TuneParam, table=st.just("guard"), key=st.just("explore"), value=st.just(0.5)),
    st.builds(AddCase, watch_s=st.sampled_from([3600.0, 259200.0])),
    st.builds(AddCase, protected=st.sampled_from(["data/**", "bench/**"])),
    st.builds(AddCase, guard=st.just(NewGuard(metric="memory", direction="lower", tolerance=0.2))),
    st.builds(AddCase, held_out=st.just("x/**")),
    st.just(AddCase()),
)  # fmt: skip


@given(specs(), CHANGES)
@settings(max_examples=300)
def test_only_what_was_meant_is_changed_and_every_other_line_stays(text: str, change: Any) -> None:
    wanted = tomllib.loads(text)
    try:
        made = edited(text, change)
    except Unfit:
        return
    carry_out(change, wanted)
    assert tomllib.loads(made.text) == wanted == made.after
    gone = [line[1:] for line in made.diff.split("\n")[2:] if line.startswith("-")]
    assert len(gone) <= 2, "one line makes room for another; a last one without its end, too"
    assert all(remark in made.text for remark in ("# \u2028 odd", "# only this", "# the end"))
    assert ("\r\n" in text) == ("\r\n" in made.text)
    assert made.text.count("\n") - made.text.count("\r\n") in {0, made.text.count("\n")}


@given(specs(), CHANGES)
@settings(max_examples=40)
def test_git_takes_the_diff_and_comes_to_the_same_text(text: str, change: Any) -> None:
    try:
        made = edited(text, change)
    except Unfit:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "hive.toml")
        file.write_bytes(text.encode())
        done = subprocess.run(["git", "apply", "-"], cwd=folder, input=made.diff.encode(), capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert file.read_bytes() == made.text.encode()


@given(specs())
def test_the_same_change_has_one_id_in_every_layout_and_another_in_another_project(text: str) -> None:
    change = TuneParam(table="step", which="test", key="timeout_s", value=30)
    made = edited(text, change)
    other = edited("\n".join([*INLINE, *HEAD, *TAIL[0]]), change)
    first = identity_of("p", change, made.before, made.after)
    assert (first == identity_of("p", change, other.before, other.after)) == (
        made.before["step"] == other.before["step"]
    )
    assert first != identity_of("q", change, made.before, made.after)


def test_another_number_in_the_same_direction_is_the_same_idea() -> None:
    def raised(value: float) -> TuneParam:
        return TuneParam(table="step", which="test", key="timeout_s", value=value)

    assert topic_of(raised(240), 60) == topic_of(raised(120), 60) != topic_of(raised(30), 60)
    one, other = (
        AddStep(name=name, run=("sha256sum", *files)) for name, files in (("x", ("a/b", "c")), ("y", ("./c", "a//b")))
    )
    assert topic_of(one, None) == topic_of(other, None)


@pytest.mark.parametrize("text", ["", "[[step]\n", "step = 3\n", "\0"])
def test_a_file_that_is_none_is_an_unfit_and_nothing_else(text: str) -> None:
    with pytest.raises(Unfit):
        edited(text, AddStep(name="x", run=("true",)))
