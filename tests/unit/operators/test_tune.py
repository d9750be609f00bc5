"""The numeric operator: what it looks at, what it never proposes, and that it remembers by the ledger alone."""

import asyncio
import dataclasses
import re
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest

from guardrails.evidence import Evidence, calibrate
from guardrails.verdict import Rejected
from hive_node.config.project import TuneHint, parse_project_spec
from hive_node.config.toml import ConfigError
from hive_node.domain import Baseline, Experiment, Files, Idea, IdeaRecord, State, Trial, Verdict
from hive_node.operators.constants import find_constants
from hive_node.operators.space import Place, check_hints, search_space
from hive_node.operators.tune import Tune
from hive_node.ports import Draft, Fault, Situation
from tests.fakes.improving import SPEC

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = """\
# Widths and depths.
WIDTH = 16  # bytes
DEPTH: int = 3
RATE = 0.25
MODE = "fast"
IS_ON = True
small = 5
ZERO = 0
TWICE = 1
TWICE = 2


class Codec:
    LEVEL = -4

    def pack(self, block=512, *, name="x"):
        inner = 7
        return inner
"""


def experiment(hints: str = "", seed: int = 1, best: float = 10.0) -> Experiment:
    spec = parse_project_spec(SPEC.format(extra="") + (f"[tune]\n{hints}\n" if hints else ""))
    baseline = Baseline(calibrate([best, best]), {"cost": best}, "test")
    return Experiment(
        id="p-1", project="p", task="0" * 64, spec=spec, operator="tune", is_stepwise=False, state=State.BASELINED, branch="b",
        base="0", champion="0", seed=seed, created_at=datetime(2026, 1, 1, tzinfo=UTC), baseline=baseline, best=best,
    )  # fmt: skip


def record(number: int, draft: Draft, value: float | None) -> IdeaRecord:
    idea = Idea(number, draft.operator, draft.words, draft.files, (), "", "", parameters=draft.parameters)
    if value is None:
        crashed = Rejected("trial.step-failed", "x")
        trial = Trial(number, None, 0.01, {}, crashed, None, None)
        return IdeaRecord(idea, "", State.REJECTED, trial, Verdict(number, crashed, NOW))
    gain = (10.0 - value) / 10.0
    trial = Trial(number, Evidence(2, gain, 0.0, gain, None, None, None, True), 0.01, {}, None, 10.0, value)
    return IdeaRecord(idea, "", State.REJECTED, trial, Verdict(number, Rejected("baseline.not-better", "x"), NOW))


async def drafts(
    files: Files, count: int, hints: str = "", score: Any = lambda parameters: 1.0, **options: Any
) -> list[Draft]:
    """The first `count` ideas, each measured by `score`; fewer where the operator has none left."""
    ledger: list[IdeaRecord] = []
    found = []
    for number in range(1, count + 1):
        draft = await Tune().draft(Situation(experiment(hints, **options), files, files, ledger))
        if draft is None:
            break
        found.append(draft)
        ledger.append(record(number, draft, score(draft.parameters)))
    return found


FILES = {"src/a.py": SOURCE}


def test_constants_are_what_is_bound_once_to_a_literal() -> None:
    assert {one.name: one.value for one in find_constants(SOURCE)} == {
        "WIDTH": 16, "DEPTH": 3, "RATE": 0.25, "MODE": "fast", "IS_ON": True, "small": 5, "ZERO": 0, "Codec.LEVEL": -4,
        "Codec.pack(block)": 512, "Codec.pack(name)": "x",
    }  # fmt: skip


def test_without_hints_numbers_in_capitals_and_defaults_are_sought_around_themselves() -> None:
    space = {place.name: (hint.low, hint.high, hint.log) for place, (_, hint) in search_space(FILES, {}).items()}
    assert space == {
        "WIDTH": (4, 64, True), "DEPTH": (1, 12, True), "RATE": (0.0625, 1.0, True), "Codec.LEVEL": (-16, -1, False),
        "Codec.pack(block)": (128, 2048, True),
    }  # fmt: skip


@pytest.mark.parametrize(
    "literal",
    [
        "5e-324",
        "1e308",
        "-1e308",
        "1e999",
        "10**400",
        str(2**60),
        str(-(2**60)),
        "0.0",
        "-0.0",
        "0",
        "1j",
        "None",
        "b'x'",
    ],
)
async def test_a_number_without_a_sensible_range_is_left_alone(literal: str) -> None:
    assert search_space({"a.py": f"LIMIT = {literal}\n"}, {}) == {}
    assert await Tune().draft(Situation(experiment(), {"a.py": f"LIMIT = {literal}\n"}, {}, [])) is None


@pytest.mark.parametrize(
    "files", [{}, {"a.py": ""}, {"a.py": "def f(:\n"}, {"a.txt": "SIZE = 8\n"}, {"a.py": "size = 8\n"}]
)
async def test_without_constants_there_is_no_idea(files: Files) -> None:
    assert await drafts(files, 3) == []


async def test_only_the_constants_change_and_only_within_their_ranges() -> None:
    for draft in await drafts(FILES, 20):
        text = draft.files["src/a.py"]
        assert re.sub(r"-?\d[\d.e-]*", "#", text) == re.sub(r"-?\d[\d.e-]*", "#", SOURCE)
        values = {one.name: one.value for one in find_constants(text)}
        assert 4 <= values["WIDTH"] <= 64  # type: ignore[operator]
        assert isinstance(values["RATE"], float)
        assert (values["small"], values["MODE"], values["IS_ON"]) == (5, "fast", True)


async def test_nothing_is_proposed_twice_nor_what_the_champion_or_the_start_is() -> None:
    hints = '"src/a.py:DEPTH" = { low = 1, high = 4 }\n"src/a.py:MODE" = { choices = ["fast", "small"] }'
    found = await drafts(FILES, 50, hints)
    seen = [tuple(sorted(draft.parameters.items())) for draft in found]
    assert len(seen) == len(set(seen)) == 7, "4 depths by 2 modes, but for where it began"
    assert (("src/a.py:DEPTH", 3), ("src/a.py:MODE", "fast")) not in seen
    assert all(draft.files for draft in found)


async def test_where_it_began_is_not_proposed_again_once_the_champion_has_moved_on() -> None:
    start = {"a.py": "SIZE = 1\n"}
    situation = Situation(experiment('"a.py:SIZE" = { low = 1, high = 2 }'), {"a.py": "SIZE = 2\n"}, start, [])
    assert await Tune().draft(situation) is None


async def test_a_restart_forgets_nothing_and_repeats_nothing() -> None:
    one = [draft.parameters for draft in await drafts(FILES, 12, score=lambda values: values["src/a.py:WIDTH"])]
    other = [draft.parameters for draft in await drafts(FILES, 12, score=lambda values: values["src/a.py:WIDTH"])]
    assert one == other, "the ledger and the seed decide, and not how long this process has been there"
    assert len({tuple(sorted(values.items())) for values in one}) == 12
    different = await drafts(FILES, 12, score=lambda values: values["src/a.py:WIDTH"], seed=2)
    assert [draft.parameters for draft in different] != one


async def test_it_learns_from_what_was_measured() -> None:
    def score(values: Any) -> float:
        return float(abs(values["src/a.py:WIDTH"] - 50) + abs(values["src/a.py:DEPTH"] - 9))

    hints = '"src/a.py:WIDTH" = { low = 1, high = 64 }\n"src/a.py:DEPTH" = { low = 1, high = 12 }'
    found = [score(draft.parameters) for draft in await drafts(FILES, 45, hints, score, best=40.0)]
    assert min(found) <= 3
    assert sum(found[30:]) / 15 < sum(found[:10]) / 10


async def test_crashed_ideas_and_other_operators_ideas_are_no_obstacle() -> None:
    crashed = await drafts(FILES, 5, score=lambda _values: None)
    assert len(crashed) == 5
    foreign = record(1, Draft("recipe", "x", {"src/a.py": SOURCE.replace("16", "17")}), 3.0)
    stale = record(2, Draft("tune", "x", {}, parameters={"src/a.py:GONE": 5}), 3.0)
    far = record(3, Draft("tune", "x", {}, parameters={place.key: 10**9 for place in search_space(FILES, {})}), 3.0)
    situation = Situation(experiment(), FILES, FILES, [foreign, stale, far])
    assert await Tune().draft(situation) is not None


async def test_choices_of_every_kind_are_written_as_python() -> None:
    hints = '"src/a.py:IS_ON" = { choices = [true, false] }\n"src/a.py:MODE" = { choices = ["fast", "it\'s \\"q\\" \\u00e9"] }'
    found = await drafts(FILES, 10, hints)
    values = [{one.name: one.value for one in find_constants(draft.files["src/a.py"])} for draft in found]
    assert {(each["IS_ON"], each["MODE"]) for each in values} == {
        (False, "fast"), (True, 'it\'s "q" é'), (False, 'it\'s "q" é'),
    }  # fmt: skip


async def test_nine_dimensions_with_every_sort_of_range_and_not_a_word_on_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = "ABCDEFGHI"
    source = "".join(f"{name}{name} = {number}\n" for number, name in enumerate(names, 2)) + "HALF = 2.0\n"
    hints = [
        "{ low = 1, high = 64, log = true }", "{ low = 0, high = 32, step = 4 }", "{ low = 0, high = 33, step = 4 }", "{ low = 1, high = 9 }",
        "{ low = 0.5, high = 8.0 }", "{ low = 0.1, high = 1.05, step = 0.1 }", "{ choices = [1, 2, 4] }", "{ low = -5, high = 5 }",
        "{ low = 1e-6, high = 1.0, log = true }",
    ]  # fmt: skip
    lines = "\n".join(f'"a.py:{name}{name}" = {hint}' for name, hint in zip(names, hints, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = await drafts(
            {"a.py": source}, 25, lines + '\n"a.py:HALF" = { low = 1, high = 4 }', lambda values: values["a.py:AA"]
        )
    assert len(found) == 25
    assert all(isinstance(draft.parameters["a.py:HALF"], float) for draft in found)
    assert all(draft.parameters["a.py:CC"] in range(0, 33, 4) for draft in found)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "hint",
    ["{}", "{ low = 1 }", "{ low = 2, high = 1 }", "{ low = 1, high = 2, choices = [1] }", "{ low = 0, high = 4, log = true }", "{ low = 1, high = nan }",
     "{ low = 1, high = inf }", "{ low = 1, high = 4, step = 0 }", "{ low = 1, high = 4, step = -1 }", "{ low = 1, high = 4, step = 9 }",
     "{ low = 1, high = 1e300 }", "{ choices = [] }", "{ choices = [1], step = 1 }", '{ low = "1", high = 4 }', "{ lo = 1, high = 4 }"],
)  # fmt: skip
def test_a_hint_that_no_search_could_use_is_refused_where_it_is_written(hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        experiment(f'"src/a.py:WIDTH" = {hint}')
    assert "tune" in str(error.value)


def test_hints_are_checked_against_the_code() -> None:
    check_hints(FILES, {"src/a.py:WIDTH": TuneHint(low=1, high=2), "src/a.py:MODE": TuneHint(choices=("a",))})
    for key, said in {
        "src/a.py:TWICE": "no constant 'TWICE'",
        "src/a.py:inner": "it has: WIDTH",
        "b.py:WIDTH": "no editable text file",
    }.items():
        with pytest.raises(Fault) as error:
            check_hints(FILES, {key: TuneHint(low=1, high=2)})
        assert said in str(error.value)


async def test_drafts_do_not_hold_the_event_loop() -> None:
    ticks = 0

    async def ticking() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticker = asyncio.ensure_future(ticking())
    await drafts(FILES, 3)
    ticker.cancel()
    assert ticks > 10


def test_a_place_is_spelled_as_in_the_spec() -> None:
    assert Place("src/a.py", "Codec.pack(block)").key == "src/a.py:Codec.pack(block)"
    assert dataclasses.is_dataclass(Place)


@pytest.mark.parametrize("depth", [90, 900, 20_000])
@pytest.mark.parametrize(
    ("open_", "close"),
    [("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("a and ", ""), ("f(", ")"), ("x if y else ", "")],
)
def test_code_that_is_nested_too_deep_has_no_constants_and_ends_no_process(depth: int, open_: str, close: str) -> None:
    source = f"WIDTH = 16\nDEEP = {open_ * depth}1{close * depth}\n"
    assert [one.name for one in find_constants(source)] in ([], ["WIDTH"], ["WIDTH", "DEEP"])
