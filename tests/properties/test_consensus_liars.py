"""Whatever a minority of owners says, through as many nodes as it likes, no figure leaves the range of the honest."""

from hashlib import sha256
from itertools import count

from hypothesis import given, settings, target
from hypothesis import strategies as st

from guardrails.consensus import Electorate, Figure, Seen, believe, merge_e_values, robust_location
from protocol.deltas import Costs, Edit, Measured, Metric, Moments, Outcomes, Recipe, Replication, Retract, Summary
from protocol.ids import EntryId, NodeId

TASK = "a" * 64
OFFERED = "0" * 64
METRIC = Metric(name="seconds", direction="lower")
STATE = Moments(n=5, mean=1.0, sd=0.1)
SYBILS = 5
FATES = ("crashed", "refused", "rejected", "not_better", "promoted")

lies = st.one_of(st.sampled_from([-1e15, 0.0, 1e15]), st.floats(-1e15, 1e15))
truths = st.floats(-1, 1)
big = st.one_of(st.just(10**9), st.integers(0, 10**9))
few = st.integers(0, 1000)


def outcomes(counts: st.SearchStrategy[int]) -> st.SearchStrategy[Outcomes]:
    fields = dict.fromkeys(FATES, counts)
    return st.builds(Outcomes, proposed=st.integers(1, 1000).filter(bool), **fields)


def summary(gain: float, experiment: str = "one", tune: Outcomes | None = None) -> Summary:
    return Summary(
        task=TASK,
        project="p",
        metric=METRIC,
        experiment=experiment,
        baseline=STATE,
        champion=STATE,
        gain=gain,
        operators={"tune": tune} if tune else {},
        costs=Costs(),
        environment="linux",
    )


def recipe(gain: float, lower: float, e_value: float = 40.0) -> Recipe:
    return Recipe(
        task=TASK,
        project="p",
        metric=METRIC,
        files={"f": "c" * 64},
        edits=(Edit(path="f", search="1", replace="2"),),
        idea="",
        operator="tune",
        evidence=Measured(pairs=9, gain=gain, lower=lower, e_value=e_value),
        environment="linux",
    )


def replication(outcome: str, gain: float, lower: float, e_value: float = 40.0) -> Replication:
    evidence = Measured(pairs=9, gain=gain, lower=lower, e_value=e_value)
    return Replication(recipe=OFFERED, task=TASK, outcome=outcome, evidence=evidence, environment="linux")


def hive(honest: int) -> Electorate:
    """One node each for the honest, and SYBILS of them for one liar; f as the hive would assume it."""
    owners = {f"honest-{at}": f"honest-{at}" for at in range(honest)} | {
        f"sybil-{at}": "mallory" for at in range(SYBILS)
    }
    return Electorate.of({NodeId(node): owner for node, owner in owners.items()})


def entries(said: list[tuple[str, object]]) -> list[Seen]:
    numbers = count(1)
    return [
        Seen(EntryId(sha256(str(seq := next(numbers)).encode()).hexdigest()), NodeId(node), 1, seq, body)
        for node, body in said
    ]


def is_within(figure: object, honest: list[float]) -> bool:
    assert isinstance(figure, Figure)
    return min(honest) <= figure.value <= max(honest)


sybil_summaries = st.lists(
    st.tuples(
        st.integers(0, SYBILS - 1).map("sybil-{}".format),
        st.builds(summary, lies, st.sampled_from(["one", "two", "three"]), st.none() | outcomes(big)),
    ),
    max_size=12,
)


@given(st.lists(truths, min_size=1, max_size=20), st.data())
@settings(max_examples=300)
def test_as_many_liars_as_a_figure_says_it_withstands_move_it_nowhere(honest, data):
    false = data.draw(st.lists(lies, max_size=len(honest) + 1))
    said = {f"honest-{at}": value for at, value in enumerate(honest)} | {
        f"liar-{at}": lie for at, lie in enumerate(false)
    }
    figure = robust_location(said)
    assert figure.n == len(said) >= 2 * figure.f + 1
    if len(false) <= figure.f:
        assert is_within(figure, honest)


@given(st.sampled_from([2, 4, 9]), st.data(), sybil_summaries)
@settings(max_examples=150)
def test_one_lying_owner_of_three_of_five_or_of_ten_moves_no_figure_out_of_the_honest_range(honest, data, false):
    gains = data.draw(st.lists(truths, min_size=honest, max_size=honest))
    made = data.draw(st.lists(outcomes(few), min_size=honest, max_size=honest))
    said = [(f"honest-{at}", summary(gain, tune=made[at])) for at, gain in enumerate(gains)]
    electorate = hive(honest)
    belief = believe(entries(said + false), electorate, TASK)
    assert belief.typical_gain.n <= honest + 1
    tune = belief.operators["tune"]
    for figure in (belief.typical_gain, belief.best_gain):
        assert not isinstance(figure, Figure) or is_within(figure, gains)
    totals = [max(one.proposed, sum(getattr(one, fate) for fate in FATES)) for one in made]
    assert not isinstance(tune.ideas, Figure) or is_within(tune.ideas, totals)
    assert tune.weight <= max(totals) * (honest + 1)
    for fate in FATES:
        shares = [getattr(one, fate) / total for one, total in zip(made, totals, strict=True)]
        figure = tune.shares[fate]
        assert not isinstance(figure, Figure) or is_within(figure, shares)
        assert tune.count(fate) <= tune.weight


@given(st.sampled_from([2, 4, 9]), st.data(), st.lists(lies, min_size=1, max_size=6))
@settings(max_examples=150)
def test_a_search_for_the_worst_lie_finds_none_that_leaves_the_honest_range(honest, data, false):
    """The adversary sees what the others say, and is told how far each lie got."""
    gains = data.draw(st.lists(truths, min_size=honest, max_size=honest))
    electorate = hive(honest)
    said = [(f"honest-{at}", summary(gain)) for at, gain in enumerate(gains)]
    told = [(f"sybil-{at % SYBILS}", summary(lie, experiment=str(at))) for at, lie in enumerate(false)]
    belief = believe(entries(said + told), electorate, TASK)
    figures = [figure for figure in (belief.typical_gain, belief.best_gain) if isinstance(figure, Figure)]
    for name, figure in zip(("typical", "best"), figures, strict=False):
        beyond = max(figure.value - max(gains), min(gains) - figure.value)
        target(max(-1e6, beyond), label=f"{name}: how far beyond the honest range")
        assert beyond <= 0


@given(st.sampled_from([3, 5]), st.data(), sybil_summaries)
@settings(max_examples=100)
def test_who_takes_a_victims_label_silences_one_owner_and_moves_no_figure(honest, data, false):
    """A label is its holder's own word. Whoever takes another's shares that owner's one vote, and gets no second one."""
    gains = data.draw(st.lists(truths, min_size=honest, max_size=honest))
    owners = {NodeId(f"honest-{at}"): f"honest-{at}" for at in range(honest)}
    owners |= {NodeId(f"sybil-{at}"): "honest-0" for at in range(SYBILS)}
    said = [(f"honest-{at}", summary(gain)) for at, gain in enumerate(gains)]
    belief = believe(entries(said + false), Electorate.of(owners), TASK)
    assert belief.typical_gain.n == honest
    assert is_within(belief.typical_gain, gains[1:])
    assert is_within(belief.best_gain, gains[1:])


@given(sybil_summaries, st.lists(truths, min_size=4, max_size=4))
@settings(max_examples=100)
def test_four_honest_owners_always_have_a_figure_whatever_a_fifth_does(false, gains):
    said = [(f"honest-{at}", summary(gain)) for at, gain in enumerate(gains)]
    assert is_within(believe(entries(said + false), hive(4), TASK).best_gain, gains)


sybil_votes = st.lists(
    st.tuples(
        st.integers(0, SYBILS - 1).map("sybil-{}".format),
        st.one_of(
            st.builds(
                replication, st.sampled_from(["confirmed", "refuted", "inapplicable"]), lies, lies, st.floats(0, 1e15)
            ),
            st.just(Retract(entry=OFFERED, reason="")),
        ),
    ),
    max_size=12,
)


@given(st.sampled_from([3, 5, 9]), sybil_votes, st.data())
@settings(max_examples=150)
def test_one_lying_owner_neither_corroborates_nor_refutes_nor_moves_what_others_measured(owners, false, data):
    gains = data.draw(st.lists(st.floats(0.01, 1), min_size=owners, max_size=owners))
    offered = Seen(EntryId(OFFERED), NodeId("honest-0"), 1, 1, recipe(gains[0], gains[0] / 2))
    voters = data.draw(st.integers(2, owners - 1))
    true = [(f"honest-{at}", replication("confirmed", gains[at], gains[at] / 2)) for at in range(1, voters + 1)]
    [alone] = believe([offered, *entries(false)], hive(owners), TASK).recipes
    assert alone.standing == "open"
    assert alone.e_value is None
    [belief] = believe([offered, *entries(true + false)], hive(owners), TASK).recipes
    assert belief.is_corroborated
    assert is_within(belief.gain, gains[: voters + 1])
    assert min(gains) / 2 <= belief.lower <= max(gains) / 2
    assert belief.e_value <= 40.0


@given(
    st.floats(0, 1e15),
    lies,
    st.floats(0, 1e15),
    sybil_votes,
    st.lists(truths.map(lambda gain: gain - 1.01), min_size=2),
)
@settings(max_examples=100)
def test_a_liars_own_recipe_is_never_corroborated_by_its_nodes_and_is_refuted_by_two(
    gain, lower, e_value, votes, losses
):
    votes = [(node, body) for node, body in votes if not isinstance(body, Retract)]
    offered = Seen(EntryId(OFFERED), NodeId("sybil-0"), 1, 1, recipe(gain, lower, e_value))
    [boast] = believe([offered, *entries(votes)], hive(2), TASK).recipes
    assert boast.standing == "open"
    true = [(f"honest-{at}", replication("refuted", loss, loss, 0.0)) for at, loss in enumerate(losses[:2])]
    [belief] = believe([offered, *entries(votes + true)], hive(2), TASK).recipes
    assert belief.standing == "refuted"
    assert is_within(belief.gain, losses[:2])


@given(st.dictionaries(st.text(), st.floats(0, 100), min_size=1), st.dictionaries(st.text(), st.floats(), max_size=3))
def test_a_merged_e_value_never_exceeds_the_honest_average(honest, false):
    false = {owner: lie for owner, lie in false.items() if owner not in honest}
    merged = merge_e_values(honest | false, f=len(false))
    assert 0 <= merged <= sum(honest.values()) / len(honest) + 1e-9
