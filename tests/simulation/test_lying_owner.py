"""A hive of five of whom one lies, a thousand times over: the fold, the rule by which recipes are tried, and the gate, as they are.

Left out are signatures and the way of the entries, which say nothing of what is believed once an entry is in; the stories
beside this one have them. What the liar says, and through how many nodes, is drawn anew for each seed; so are the truths.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import pytest
from pydantic import ValidationError

from guardrails.baseline import judge
from guardrails.consensus import Electorate, Figure, Seen, TaskBelief, View
from guardrails.evidence import Continue, Direction, Evidence, EvidencePolicy, Pair, Promote, compare, decide
from protocol.deltas import Body, Measured, Outcomes, Recipe, Replication, Retract, Summary
from protocol.ids import EntryId, NodeId
from tests.fakes.hive import TASK, recipe, summary

HONEST: Final = ("ada", "bo", "cy", "di")
LIAR: Final = "mallory"
RUNS: Final = 1_000
FATES: Final = ("crashed", "refused", "rejected", "not_better", "promoted")
# As an experiment's spec has it unless it says otherwise.
POLICY: Final = EvidencePolicy(alpha=0.05 / 8, min_effect=0.01, max_pairs=40)
NOISE: Final = 0.02
HONEST_SUMMARY: Final = summary()


@dataclass
class Village:
    """Everything that was said so far, as every node holds it."""

    chance: random.Random
    said: list[Seen] = field(default_factory=list)
    nodes: dict[NodeId, str] = field(default_factory=dict)
    numbers: dict[NodeId, int] = field(default_factory=dict)

    def say(self, node: str, body: Body) -> EntryId:
        author = NodeId(node)
        number = self.numbers[author] = self.numbers.get(author, 0) + 1
        entry = EntryId(sha256(f"{node} {number}".encode()).hexdigest())
        self.said.append(Seen(entry, author, 1, number, body))
        return entry

    def view(self) -> TaskBelief:
        """A node's belief: in its own order of arrival, with duplicates."""
        view = View(Electorate.of(self.nodes))
        arrived = self.said + self.chance.sample(self.said, len(self.said) // 4)
        self.chance.shuffle(arrived)
        for one in arrived:
            view.add(one)
        belief = view.belief(TASK)
        assert belief is not None
        return belief


@dataclass
class Run:
    """One seed's village and its truths."""

    village: Village
    gains: dict[str, list[float]]
    outcomes: dict[str, Outcomes]
    bad: set[EntryId]
    good: EntryId
    effects: dict[EntryId, float]
    promoted: list[EntryId] = field(default_factory=list)


def said_gain(gain: float, experiment: str = "one", **operators: Outcomes) -> Summary:
    """A summary that claims so much, whatever its other figures say."""
    return HONEST_SUMMARY.model_copy(update={"gain": gain, "experiment": experiment, "operators": operators})


def extreme(chance: random.Random) -> float:
    return chance.choice([1e15, -1e15, 0.999, -0.999, 1e-9, 0.0, chance.uniform(-1, 1), chance.uniform(-1e6, 1e6)])


def liars_nodes(chance: random.Random) -> list[str]:
    return [f"mallory-{number}" for number in range(chance.choice([1, 2, 5]))]


# --- what a liar does, each with the nodes of its own, the entry of somebody's good recipe, and those of its own bad ones


def boast(run: Run, nodes: list[str]) -> None:
    for node in nodes:
        run.village.say(node, said_gain(extreme(run.village.chance)))


def many_experiments(run: Run, nodes: list[str]) -> None:
    for number in range(run.village.chance.choice([5, 40])):
        run.village.say(nodes[number % len(nodes)], said_gain(extreme(run.village.chance), f"e{number}"))


def many_versions_of_one(run: Run, nodes: list[str]) -> None:
    for _ in range(20):
        run.village.say(nodes[0], said_gain(extreme(run.village.chance)))


def invented_operators(run: Run, nodes: list[str]) -> None:
    made = {f"op{number}": Outcomes(proposed=10**9, promoted=10**9) for number in range(8)}
    run.village.say(nodes[0], said_gain(0.1, **made, tune=Outcomes(proposed=10**9, crashed=10**9)))


def vote_for_itself(run: Run, nodes: list[str]) -> None:
    for node in nodes:
        for bad in run.bad:
            run.village.say(node, vote(bad, "confirmed", 0.999))


def refute_the_good_one(run: Run, nodes: list[str]) -> None:
    for node in nodes:
        run.village.say(node, vote(run.good, "refuted", -0.999))


def take_back_what_is_not_its_own(run: Run, nodes: list[str]) -> None:
    run.village.say(nodes[0], Retract(entry=run.good, reason="mine, I say"))


def take_back_and_say_again(run: Run, nodes: list[str]) -> None:
    for bad in list(run.bad):
        run.village.say(nodes[-1], Retract(entry=bad, reason="so that its refutations are forgotten"))
        offer(run, nodes[-1], run.effects[bad])


def many_bad_recipes(run: Run, nodes: list[str]) -> None:
    for number in range(12):
        offer(run, nodes[number % len(nodes)], -0.01 * number - 0.01)


def a_bad_one_upon_the_good_one(run: Run, nodes: list[str]) -> None:
    offer(run, nodes[0], -0.2, parents=[run.good])


STRATEGIES: Final[tuple[Callable[[Run, list[str]], None], ...]] = (
    boast,
    many_experiments,
    many_versions_of_one,
    invented_operators,
    vote_for_itself,
    refute_the_good_one,
    take_back_what_is_not_its_own,
    take_back_and_say_again,
    many_bad_recipes,
    a_bad_one_upon_the_good_one,
)


# --- what the honest do


def vote(entry: EntryId, outcome: str, gain: float, evidence: Evidence | None = None) -> Replication:
    measured = Measured(pairs=9, gain=gain, lower=gain, e_value=1e15)
    if evidence is not None:
        lower = evidence.gain if evidence.lower is None else evidence.lower
        measured = Measured(pairs=evidence.pairs, gain=evidence.gain, lower=lower, e_value=evidence.e_value)
    return Replication(recipe=entry, task=TASK, outcome=outcome, evidence=measured, environment="linux")


def offer(run: Run, node: str, effect: float, **changes: object) -> EntryId:
    """A bad recipe: what it really does is `effect`, what it claims is anything."""
    claim = run.village.chance.choice([0.05, 0.5, 0.999, 1e15])
    evidence = Measured(pairs=40, gain=claim, lower=claim, e_value=1e15)
    entry = run.village.say(node, recipe(evidence=evidence, **changes))
    run.bad.add(entry)
    run.effects[entry] = effect
    return entry


def measured(chance: random.Random, effect: float) -> Evidence:
    """What a node's own sandbox says: the champion beside the candidate, until the evidence speaks."""
    pairs: list[Pair] = []
    while True:
        pairs.append(Pair(chance.gauss(1, NOISE), chance.gauss(1 - effect, NOISE)))
        evidence = compare(pairs, Direction.LOWER, 1.0, POLICY)
        if not isinstance(decide(evidence, POLICY), Continue):
            return evidence


def try_a_suggestion(run: Run, node: str) -> None:
    """As the loop does: the first that is suggested, through the gate, and told of."""
    suggested = (one.id for one in run.village.view().recipes if one.is_suggested and one.author != node)
    entry = next(suggested, None)
    if entry is None:
        return
    evidence = measured(run.village.chance, run.effects[entry])
    is_promoted = isinstance(judge(evidence, POLICY, (), (), None), Promote)
    if is_promoted:
        run.promoted.append(entry)
    run.village.say(node, vote(entry, "confirmed" if is_promoted else "refuted", evidence.gain, evidence))


def play(seed: int) -> Run:
    chance = random.Random(seed)
    nodes = liars_nodes(chance)
    owners = {NodeId(name): name for name in HONEST} | {NodeId(node): LIAR for node in nodes}
    village = Village(chance, nodes=owners)
    gains = {name: [chance.uniform(0.02, 0.2) for _ in range(chance.randint(1, 3))] for name in HONEST}
    made = {name: Outcomes(proposed=chance.randint(10, 40), promoted=chance.randint(0, 9)) for name in HONEST}
    good = village.say("ada", recipe())
    run = Run(village, gains, made, set(), good, {good: 0.1})
    for name in HONEST:
        for number, gain in enumerate(gains[name]):
            village.say(name, said_gain(gain, f"e{number}", **({"tune": made[name]} if not number else {})))
    offer(run, nodes[0], chance.choice([-0.3, -0.05, -0.01, 0.0]))
    for strategy in chance.sample(STRATEGIES, chance.randint(1, 4)):
        strategy(run, nodes)
    for name in chance.sample(HONEST, len(HONEST)):
        try_a_suggestion(run, name)
    for strategy in chance.sample(STRATEGIES, 2):  # now that it knows what the others found
        strategy(run, nodes)
    return run


def figures(belief: TaskBelief, run: Run) -> Iterator[tuple[object, list[float]]]:
    """Each published figure beside what the honest say of the same."""
    middle = [
        sorted(own)[len(own) // 2] if len(own) % 2 else sum(sorted(own)[len(own) // 2 - 1 :][:2]) / 2
        for own in run.gains.values()
    ]
    yield belief.typical_gain, middle
    yield belief.best_gain, [max(own) for own in run.gains.values()]
    tune = belief.operators["tune"]
    yield tune.ideas, [float(max(one.proposed, one.promoted)) for one in run.outcomes.values()]
    for fate in FATES:
        yield tune.shares[fate], [getattr(one, fate) / max(one.proposed, one.promoted) for one in run.outcomes.values()]


def test_in_a_thousand_runs_no_figure_leaves_the_honest_range_and_no_bad_recipe_is_promoted() -> None:
    helped = tried = 0
    for seed in range(RUNS):
        run = play(seed)
        belief = run.village.view()
        helped += run.good in run.promoted
        tried += any(one.refuted_by for one in belief.recipes if one.id in run.bad)
        for figure, honest in figures(belief, run):
            assert isinstance(figure, Figure), seed
            assert min(honest) - 1e-12 <= figure.value <= max(honest) + 1e-12, seed
        assert set(belief.operators) == {"tune"}, seed
        assert not run.bad & set(run.promoted), seed
        standings = {one.id: one for one in belief.recipes}
        assert not any(standings[bad].is_corroborated for bad in run.bad), seed
        assert standings[run.good].is_suggested, seed
    assert min(helped, tried) >= RUNS / 4  # the honest did try, the good one and bad ones


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e16, "0.1", None, True])
def test_what_is_no_figure_never_becomes_a_claim(value: object) -> None:
    with pytest.raises(ValidationError):
        Summary.model_validate(summary().model_dump() | {"gain": value})
    with pytest.raises(ValidationError):
        Recipe.model_validate(recipe().model_dump() | {"evidence": {"pairs": 9, "gain": value, "lower": 0.1}})
