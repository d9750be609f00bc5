"""What a hive is worth: trials that each of three nodes needs to reach a target, beside those that one node alone needs.

Run `python benchmarks/benefit.py [--seeds N] [PROBLEM …]` for more problems than the row has.

Everything between a draft and a suggestion is the product's own: operators, ledger of ideas, baseline-delta gate, recipes and
replications, scope guard, signatures, feeds, the network of `hive-node simulate`, belief, suggestions. Not there: sandbox and git
(the metric is computed here) and processes. In a round each node drafts on what it knew when the round began, as nodes do that
measure at the same time; what a round found is on every node before the next.
"""

import argparse
import asyncio
import logging
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.row import Effort, Figure, Row
from benchmarks.tuning import _FILE, _NOW, PROBLEMS, Problem, _experiment, _toml
from guardrails.evidence import Direction, EvidencePolicy, Pair, compare
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, Files, Idea, IdeaRecord, Promotion, State, Trial, Verdict
from hive_node.improve.judge import judge_trial
from hive_node.improve.news import recipe_news, replication_news
from hive_node.improve.propose import make_idea
from hive_node.improve.workshop import Judged
from hive_node.operators.auto import Auto
from hive_node.operators.combine import Combine
from hive_node.operators.constants import find_constants
from hive_node.operators.recipe import FromRecipes
from hive_node.operators.tune import Tune
from hive_node.ports import Situation
from hive_node.simulation.hive import HiveSimulator
from hive_node.simulation.moment import VirtualLoop
from hive_node.simulation.node import SimNode
from protocol.ids import EntryId

NODES = 3
SEEDS = 10
_BUDGET = 0.5
# Who did not get there within so many trials is counted as having needed them: the true figure is larger.
_MOST = 150
# Each with a target: about what one node alone reaches in fifty trials, in the middle of ten seeds.
TARGETS = {"rastrigin, 5": 19.0, "mixed, 5": 0.16, "ellipsoid, 10": 250.0, "codec of lz-window, 9": 1138.0}
_PROBLEM = "rastrigin, 5"


class _Nobody:
    """No other experiments on this node."""

    async def promoted_elsewhere(self, _experiment: Experiment) -> Sequence[Idea]:
        return []


@dataclass(slots=True)
class Player:
    """One node at one problem. trials: measured ideas. adopted: promotions that came from others' recipes."""

    problem: Problem
    target: float
    experiment: Experiment
    start: Files
    operator: Auto
    node: SimNode
    champion: Files = field(default_factory=dict)
    ledger: list[IdeaRecord] = field(default_factory=list)
    recipes: list[EntryId] = field(default_factory=list)
    trials: int = 0
    adopted: int = 0

    @property
    def is_there(self) -> bool:
        return self.best <= self.target

    @property
    def best(self) -> float:
        return self.experiment.best or 0.0

    def draft(self) -> Idea | None:
        """The operator's next idea. In a loop of its own: the hive's time does not pass meanwhile."""
        situation = Situation(self.experiment, self.champion, self.start, self.ledger)
        draft = asyncio.run(self.operator.draft(situation))
        return make_idea(draft, self.champion, len(self.ledger) + 1) if draft else None

    def decide(self, idea: Idea) -> Judged:
        """Measure the idea, and let the gate judge it; known variants are not measured."""
        if any(idea.variant == record.idea.variant for record in self.ledger):
            return Judged(self.experiment, idea, None, Verdict(idea.number, Rejected("ledger.repeated", ""), _NOW))
        self.trials += 1
        values = {one.name: one.value for one in find_constants({**self.champion, **idea.files}[_FILE])}
        cost = self.problem.cost(values)
        scale = self.experiment.baseline.value if self.experiment.baseline else 0.0
        policy = EvidencePolicy(alpha=0.01, min_effect=self.experiment.spec.metric.min_effect, deterministic=True)
        evidence = compare([Pair(self.best, cost)] * 2, Direction.LOWER, scale, policy, champion_value=self.best)
        trial = Trial(idea.number, evidence, policy.alpha, {}, None, self.best, cost)
        return Judged(self.experiment, idea, trial, Verdict(idea.number, judge_trial(self.experiment, trial), _NOW))

    async def carry_out(self, judged: Judged) -> None:
        """Promote what passed, and tell the hive."""
        is_promoted = judged.verdict.rejected is None
        outcome = State.PROMOTED if is_promoted else State.REJECTED
        self.ledger.append(IdeaRecord(judged.idea, "", outcome, judged.trial, judged.verdict))
        if judged.idea.recipe and (news := replication_news(judged, "bench")):
            await self.node.share.publish(news)
        if is_promoted and judged.trial and judged.trial.evidence:
            await self._promote(judged.idea, judged.trial)

    async def _promote(self, idea: Idea, trial: Trial) -> None:
        assert trial.evidence is not None
        parents = (*self.recipes, *([idea.recipe] if idea.recipe else []))
        after = trial.candidate_value or 0.0
        promotion = Promotion(idea, "", self.best, after, trial.evidence, {}, parents)
        news = recipe_news(self.experiment, promotion, self.champion, "bench")
        if news and (told := await self.node.share.publish(news)):
            self.recipes.append(told)
        self.adopted += idea.recipe is not None
        self.champion = {**self.champion, **idea.files}
        gained = self.experiment.gained + trial.evidence.gain
        self.experiment = replace(self.experiment, best=after, gained=gained, champion=str(idea.number))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What each node of one run needed, and how many of its promotions came from others' recipes."""

    trials: tuple[int, ...]
    adopted: tuple[int, ...]


def play(name: str, seed: int, nodes: int) -> Outcome:
    """One run: each node until it reaches the target, or to the most trials."""
    loop = VirtualLoop()
    sim = HiveSimulator(seed)
    try:
        loop.run_until_complete(_gather(sim, nodes))
        players = [_player(name, 1000 * seed + number, node) for number, node in enumerate(sim.nodes)]
        while active := [one for one in players if not one.is_there and len(one.ledger) < _MOST]:
            ideas = [(one, one.draft()) for one in active]
            judged = [(one, one.decide(idea)) for one, idea in ideas if idea is not None]
            if not judged:
                break
            loop.run_until_complete(_round(sim, judged))
        loop.run_until_complete(sim.close())
    finally:
        loop.close()
    return Outcome(
        tuple(one.trials if one.is_there else _MOST for one in players), tuple(one.adopted for one in players)
    )


async def _gather(sim: HiveSimulator, nodes: int) -> None:
    await sim.found(nodes)
    for node in sim.nodes:
        await node.start()
    await sim.until(sim.has_met)


async def _round(sim: HiveSimulator, judged: Sequence[tuple[Player, Judged]]) -> None:
    for player, one in judged:
        await player.carry_out(one)
    await sim.until(sim.is_in_step)


def _player(name: str, seed: int, node: SimNode) -> Player:
    problem, start = PROBLEMS[name], {_FILE: PROBLEMS[name].source()}
    hints = "".join(f'"{_FILE}:{knob}" = {_toml(hint)}\n' for knob, hint in problem.space.items())
    experiment = replace(_experiment(hints, seed, problem.cost(problem.start)), id=f"bench-{seed}")
    operator = Auto((FromRecipes(node.suggest), Tune(), Combine(_Nobody())), (node.suggest,))
    return Player(problem, TARGETS[name], experiment, start, operator, node, start)


@dataclass(frozen=True, slots=True)
class Benefit:
    """Over all seeds: trials of one node alone, of each of three (in the middle, and of the slowest), and what they adopted."""

    alone: float
    each: float
    slowest: float
    adopted: float

    @property
    def ratio(self) -> float:
        return self.each / self.alone


def run(name: str, seeds: int) -> Benefit:
    """Medians over the seeds."""
    with ProcessPoolExecutor(2) as pool:
        alone = list(pool.map(_job, [(name, seed, 1) for seed in range(1, seeds + 1)]))
        together = list(pool.map(_job, [(name, seed, NODES) for seed in range(1, seeds + 1)]))
    return Benefit(
        statistics.median(one.trials[0] for one in alone),
        statistics.median(statistics.median(one.trials) for one in together),
        statistics.median(max(one.trials) for one in together),
        statistics.fmean(statistics.fmean(one.adopted) for one in together),
    )


def _job(job: tuple[str, int, int]) -> Outcome:
    logging.disable(logging.CRITICAL)  # what simulated nodes say of one another
    return play(*job)


def measure(effort: Effort) -> Row:
    """One problem whose hollows are found by luck, so that three that look at once find them sooner."""
    seeds = effort.choose(SEEDS, 3)
    found = run(_PROBLEM, seeds)
    return Row(
        "trials each of three nodes needs, of those of one alone",
        (
            Figure("each of three, by one alone", found.ratio, "", _BUDGET),
            Figure("each of three, median", found.each, "trials", limit=found.alone, limit_is="one node alone"),
            Figure("the slowest of three, median", found.slowest, "trials"),
            Figure("promotions from others' recipes, a node", found.adopted, ""),
        ),
        (
            f"{_PROBLEM}, from {PROBLEMS[_PROBLEM].cost(PROBLEMS[_PROBLEM].start):.4g} to {TARGETS[_PROBLEM]:g}, {seeds} seeds; "
            "sandbox, git and processes are left out",
        ),
    )


def main() -> int:
    """Several problems."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help=f"all, or some of: {'; '.join(TARGETS)}")
    options = parser.parse_args()
    for name in options.problems or TARGETS:
        found = run(name, options.seeds)
        print(
            f"{name}: alone {found.alone:g}, each of {NODES} {found.each:g} (slowest {found.slowest:g}), ratio {found.ratio:.2f}; "
            f"promotions from others' recipes {found.adopted:.1f} a node",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
