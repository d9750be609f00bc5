"""Does `tune` find as much as plain Optuna does with as many trials? Deterministic problems, the operator's own code path.

Run `python benchmarks/tuning.py [--seeds N] [PROBLEM …]` for the whole table: the best of 20, 50 and 100 new points, median over
10 seeds, of both. Each problem is a Python file of constants; each idea goes through the operator, `make_idea` and a ledger that
grows as the loop's does, with the champion moving when it is better. Only the sandbox is left out: scores are computed here.
"""

import argparse
import asyncio
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.row import Effort, Figure, Row, percentile
from guardrails.evidence import Direction, EvidencePolicy, Pair, calibrate, compare
from guardrails.verdict import Rejected
from hive_node.config.project import parse_project_spec
from hive_node.domain import Baseline, Experiment, IdeaRecord, State, Trial, Verdict
from hive_node.improve.propose import make_idea
from hive_node.operators.tune import Tune
from hive_node.ports import Situation

_ROOT = Path(__file__).resolve().parents[1]
TRIALS = (20, 50, 100)
SEEDS = 10
_ROW_TRIALS = 50
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FILE = "src/knobs.py"
_SPEC = """
[project]
name = "bench"
[surface]
editable = ["src/*.py"]
protected = ["bench/**"]
[[step]]
name = "bench"
run = ["true"]
timeout_s = 1
[metric]
name = "cost"
direction = "lower"
[share]
level = "recipes"
[tune]
"""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Smaller is better. start: the constants as they are written; space: as in [tune]."""

    start: Values
    space: Mapping[str, Mapping[str, Any]]
    cost: Callable[[Values], float]

    def source(self) -> str:
        return "".join(f"{name} = {value!r}\n" for name, value in self.start.items())


@dataclass(slots=True)
class Course:
    """How one run went. best: the best of the first n new points. draft_s: seconds of each draft."""

    best: list[float] = field(default_factory=list)
    draft_s: list[float] = field(default_factory=list)

    def add(self, cost: float) -> None:
        self.best.append(min(cost, self.best[-1]) if self.best else cost)


def _numbers(values: Values) -> list[float]:
    return [float(value) for _, value in sorted(values.items())]


def _box(count: int, low: float, high: float, start: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [f"X{at}" for at in range(count)]
    starts = {name: start[at % len(start)] for at, name in enumerate(names)}
    return starts, {name: {"low": low, "high": high} for name in names}


def _sphere(values: Values) -> float:
    return sum((x - 1.3) ** 2 for x in _numbers(values))


def _rates(values: Values) -> float:
    return sum((math.log10(x) + 3.2 + 0.3 * at) ** 2 for at, x in enumerate(_numbers(values)))


def _mixed(v: Values) -> float:
    kind = {"x": 0.0, "y": 1.0, "z": 2.0}[v["KIND"]]
    sizes = (v["SIZE"] - 7) ** 2 / 10 + abs(v["STEP"] - 2 * v["SIZE"]) / 4
    return float(sizes + (math.log10(v["RATE"]) + 3) ** 2 + 4 * (v["SHARE"] - 0.3) ** 2 + kind)


def _valley(values: Values) -> float:
    xs = _numbers(values)
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(xs))


def _steps(values: Values) -> float:
    wanted = (20, 33, 8, 50)
    return float(sum(math.floor(abs(x - goal) / 4) for x, goal in zip(_numbers(values), wanted, strict=True)))


def _rastrigin(values: Values) -> float:
    moved = [x - 0.7 for x in _numbers(values)]
    return sum(x * x - 6 * math.cos(2 * math.pi * x) + 6 for x in moved)


def _ellipsoid(values: Values) -> float:
    return sum(10 ** (3 * at / 9) * (x - 1) ** 2 for at, x in enumerate(_numbers(values)))


def _logarithms(values: Values) -> float:
    return sum(math.log(x / (3 * (at + 1))) ** 2 for at, x in enumerate(_numbers(values)))


def _codec(values: Values) -> float:
    """The example's own codec over the first bytes of its own source."""
    module: dict[str, Any] = {}
    exec(_codec_code(), module)  # our own example
    module.update(values)
    return float(len(module["compress"](_codec_source()[:2500].encode())))


@cache
def _codec_source() -> str:
    return (_ROOT / "configs/examples/lz-window/src/codec.py").read_text(encoding="utf-8")


@cache
def _codec_code() -> Any:
    return compile(_codec_source(), "codec", "exec")


_CODEC_START = {
    "WINDOW_BITS": 12, "MIN_MATCH": 3, "LENGTH_BITS": 4, "KEY_BYTES": 3, "MAX_CHAIN": 4, "LAZY_BELOW": 4, "CONTEXT_BITS": 0,
    "LITERAL_RATE": 5, "MATCH_RATE": 5,
}  # fmt: skip
_CODEC_SPACE = {
    "WINDOW_BITS": {"low": 10, "high": 15}, "MIN_MATCH": {"low": 2, "high": 6}, "LENGTH_BITS": {"low": 3, "high": 8},
    "KEY_BYTES": {"low": 2, "high": 5}, "MAX_CHAIN": {"low": 1, "high": 64, "log": True},
    "LAZY_BELOW": {"low": 0, "high": 32, "step": 4}, "CONTEXT_BITS": {"low": 0, "high": 6},
    "LITERAL_RATE": {"low": 3, "high": 7}, "MATCH_RATE": {"low": 3, "high": 7},
}  # fmt: skip

_LOG_NAMES = [f"X{at}" for at in range(3)]
_INT_NAMES = [f"X{at}" for at in range(10)]
PROBLEMS: dict[str, Problem] = {
    "sphere, 2": Problem(*_box(2, -5.0, 5.0, (4.0, -3.0)), _sphere),
    "rates (log), 3": Problem(
        dict.fromkeys(_LOG_NAMES, 0.1), {name: {"low": 1e-6, "high": 1.0, "log": True} for name in _LOG_NAMES}, _rates
    ),
    "mixed, 5": Problem(
        {"SIZE": 16, "RATE": 0.1, "SHARE": 0.9, "KIND": "z", "STEP": 8},
        {
            "SIZE": {"low": 1, "high": 32},
            "RATE": {"low": 1e-6, "high": 1.0, "log": True},
            "SHARE": {"low": 0.0, "high": 1.0},
            "KIND": {"choices": ["x", "y", "z"]},
            "STEP": {"low": 0, "high": 64},
        },
        _mixed,
    ),
    "valley, 2": Problem(*_box(2, -2.0, 2.0, (-1.2, 1.0)), _valley),
    "valley, 5": Problem(*_box(5, -2.0, 2.0, (-1.0,)), _valley),
    "steps (int), 4": Problem(*_box(4, 0, 64, (60, 5, 50, 10)), _steps),
    "rastrigin, 2": Problem(*_box(2, -5.0, 5.0, (4.0, -3.0)), _rastrigin),
    "rastrigin, 5": Problem(*_box(5, -5.0, 5.0, (4.0, -3.0, 3.0, 2.0, -4.0)), _rastrigin),
    "ellipsoid, 10": Problem(*_box(10, -5.0, 5.0, (3.0,)), _ellipsoid),
    "logarithms (int), 10": Problem(
        dict.fromkeys(_INT_NAMES, 30), {name: {"low": 1, "high": 1000, "log": True} for name in _INT_NAMES}, _logarithms
    ),
    "codec of lz-window, 9": Problem(_CODEC_START, _CODEC_SPACE, _codec),
}  # fmt: skip
_QUICK = ("rates (log), 3", "mixed, 5", "steps (int), 4", "ellipsoid, 10")


def measure(effort: Effort) -> Row:
    """Some of the problems, up to 50 trials; this file alone runs all of them. With few seeds a cell may fall either way."""
    table, drafts = run(list(_QUICK), effort.choose(SEEDS, SEEDS // 2), _ROW_TRIALS)
    ratios = [ours / theirs for cells in table.values() for ours, theirs in cells.values() if theirs > 0]
    wins = [ours <= theirs for cells in table.values() for ours, theirs in cells.values()]
    return Row(
        "what `tune` finds beside plain Optuna, equal trials",
        (
            Figure("no worse than Optuna", 100 * statistics.fmean(wins), "% of cells", 100, "at least"),
            Figure("what is left, ours by theirs, median", statistics.median(ratios), "", 1),
            Figure("a draft, median", 1000 * statistics.median(drafts), "ms", 60),
            Figure("a draft, p90", 1000 * percentile(drafts, 0.9), "ms"),
        ),
        tuple(_line(name, cells) for name, cells in table.items()),
    )


Table = dict[str, dict[int, tuple[float, float]]]


def run(names: Sequence[str], seeds: int, most: int) -> tuple[Table, list[float]]:
    """Median best of ours and theirs by problem and count of trials; and the seconds of each of our drafts."""
    jobs = [(name, seed, most) for name in names for seed in range(1, seeds + 1)]
    with ProcessPoolExecutor(2) as pool:
        ours = list(pool.map(_job_ours, jobs))
        theirs = list(pool.map(_job_theirs, jobs))
    table: Table = {}
    for name in names:
        at = [index for index, job in enumerate(jobs) if job[0] == name]
        table[name] = {
            count: tuple(statistics.median(found[one].best[count - 1] for one in at) for found in (ours, theirs))  # type: ignore[misc]
            for count in TRIALS
            if count <= most
        }
    return table, [seconds for one in ours for seconds in one.draft_s]


def _job_ours(job: tuple[str, int, int]) -> Course:
    return asyncio.run(tuned(PROBLEMS[job[0]], job[1], job[2]))


def _job_theirs(job: tuple[str, int, int]) -> Course:
    return plain_optuna(PROBLEMS[job[0]], job[1], job[2])


async def tuned(problem: Problem, seed: int, trials: int) -> Course:
    """The operator, with a ledger that grows as the loop's does."""
    start = champion = {_FILE: problem.source()}
    hints = "".join(f'"{_FILE}:{name}" = {_toml(hint)}\n' for name, hint in problem.space.items())
    experiment = _experiment(hints, seed, problem.cost(problem.start))
    policy = EvidencePolicy(alpha=0.01, min_effect=experiment.spec.metric.min_effect, deterministic=True)
    ledger: list[IdeaRecord] = []
    course, operator, best = Course(), Tune(), experiment.best or 0.0
    for number in range(1, trials + 1):
        began = time.perf_counter()
        draft = await operator.draft(Situation(experiment, champion, start, ledger))
        course.draft_s.append(time.perf_counter() - began)
        if draft is None:
            course.best += course.best[-1:] * (trials + 1 - number)
            break
        cost = problem.cost({key.rpartition(":")[2]: value for key, value in draft.parameters.items()})
        course.add(cost)
        scale = experiment.baseline.value if experiment.baseline else 0.0
        evidence = compare([Pair(best, cost)] * 2, Direction.LOWER, scale, policy, champion_value=best)
        is_better = evidence.gain > policy.min_effect
        verdict = Verdict(number, None if is_better else Rejected("baseline.not-better", ""), _NOW)
        trial = Trial(number, evidence, policy.alpha, {}, None, best, cost)
        outcome = State.PROMOTED if is_better else State.REJECTED
        ledger.append(IdeaRecord(make_idea(draft, champion, number), "", outcome, trial, verdict))
        if is_better:
            champion, best = {**champion, **draft.files}, cost
            experiment = replace(experiment, best=best)
    return course


def plain_optuna(problem: Problem, seed: int, trials: int) -> Course:
    """What anybody gets who calls `create_study().optimize`."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    course = Course()

    def objective(trial: optuna.Trial) -> float:
        cost = problem.cost({name: _suggested(trial, name, hint) for name, hint in problem.space.items()})
        course.add(cost)
        return cost

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    return course


def _suggested(trial: Any, name: str, hint: Mapping[str, Any]) -> Any:
    if "choices" in hint:
        return trial.suggest_categorical(name, hint["choices"])
    kind = trial.suggest_int if isinstance(hint["low"], int) else trial.suggest_float
    step = {"step": hint["step"]} if "step" in hint else {}
    return kind(name, hint["low"], hint["high"], log=hint.get("log", False), **step)


def _experiment(hints: str, seed: int, cost: float) -> Experiment:
    baseline = Baseline(calibrate([cost, cost]), {"cost": cost}, "bench")
    return Experiment(
        id="bench-1", project="bench", task="0" * 64, spec=parse_project_spec(_SPEC + hints), operator="tune", is_stepwise=False,
        state=State.BASELINED, branch="b", base="0", champion="0", seed=seed, created_at=_NOW, baseline=baseline, best=cost,
    )  # fmt: skip


def _toml(hint: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in hint.items()) + " }"


def _line(name: str, cells: Mapping[int, tuple[float, float]]) -> str:
    shown = "  ".join(
        f"{count}: {ours:.4g} / {theirs:.4g}{'' if ours <= theirs else ' WORSE'}"
        for count, (ours, theirs) in cells.items()
    )
    return f"{name}: best of so many trials, ours / Optuna's: {shown}"


def main() -> int:
    """The whole table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help=f"all, or some of: {'; '.join(PROBLEMS)}")
    options = parser.parse_args()
    table, drafts = run(options.problems or list(PROBLEMS), options.seeds, max(TRIALS))
    print(*(_line(name, cells) for name, cells in table.items()), sep="\n")
    wins = [ours <= theirs for cells in table.values() for ours, theirs in cells.values()]
    print(
        f"no worse in {sum(wins)} of {len(wins)} cells; a draft takes {1000 * statistics.median(drafts):.0f} ms in the middle"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
