"""The view is a fold: any order, any duplicates, any questions in between, and the same bytes."""

from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.consensus import Electorate, Seen, View, believe
from protocol.deltas import (
    Body,
    Costs,
    Edit,
    Measured,
    Metric,
    Moments,
    Outcomes,
    Recipe,
    Replication,
    Retract,
    Summary,
)
from protocol.ids import EntryId, NodeId

TASKS = ("a" * 64, "b" * 64)
NODES = tuple(f"node-{at}" for at in range(6))
IDS = tuple(sha256(str(at).encode()).hexdigest() for at in range(40))
METRIC = Metric(name="seconds", direction="lower")
STATE = Moments(n=5, mean=1.0, sd=0.1)

numbers = st.one_of(st.sampled_from([-1e15, -0.0, 0.0, 0.1, 0.3, 1e15]), st.floats(-1e15, 1e15))
counts = st.one_of(st.integers(0, 3), st.integers(0, 10**9))
tasks = st.sampled_from(TASKS)
ids = st.sampled_from(IDS)
measured = st.builds(
    Measured,
    pairs=counts,
    gain=numbers,
    lower=numbers,
    e_value=st.none() | st.floats(0, 1e15),
    noise=st.just(0.0),
)
outcomes = st.builds(Outcomes, proposed=counts, crashed=counts, promoted=counts)
summaries = st.builds(
    Summary,
    task=tasks,
    project=st.just("p"),
    metric=st.just(METRIC) | st.just(Metric(name="bytes", direction="higher")),
    experiment=st.sampled_from(["one", "two"]),
    baseline=st.just(STATE),
    champion=st.just(STATE),
    gain=numbers,
    operators=st.dictionaries(st.sampled_from(["tune", "llm"]), outcomes),
    costs=st.just(Costs()),
    environment=st.just("linux"),
)
recipes = st.builds(
    Recipe,
    task=tasks,
    project=st.just("p"),
    metric=st.just(METRIC),
    files=st.just({"f": "c" * 64}),
    edits=st.just((Edit(path="f", search="1", replace="2"),)),
    idea=st.just(""),
    operator=st.just("tune"),
    evidence=measured,
    parents=st.lists(ids, max_size=3).map(tuple),
    environment=st.just("linux"),
)
replications = st.builds(
    Replication,
    recipe=ids,
    task=tasks,
    outcome=st.sampled_from(["confirmed", "refuted", "inapplicable"]),
    evidence=st.none() | measured,
    environment=st.just("linux"),
)
retractions = st.builds(Retract, entry=ids, reason=st.just(""))
bodies: st.SearchStrategy[Body | None] = st.one_of(summaries, recipes, recipes, replications, replications, retractions)


@st.composite
def hives(draw: st.DrawFn) -> list[Seen]:
    """Up to 40 entries whose ids are known beforehand, so that they can speak of one another, in circles too."""
    spoken = draw(
        st.lists(st.tuples(st.sampled_from(NODES), bodies, st.integers(1, 2), st.integers(1, 5)), max_size=40)
    )
    return [
        Seen(EntryId(id_), NodeId(node), epoch, seq, body)
        for id_, (node, body, epoch, seq) in zip(IDS, spoken, strict=False)
    ]


electorates = st.builds(
    Electorate,
    owners=st.dictionaries(st.sampled_from(NODES).map(NodeId), st.sampled_from(["ann", "bob", "cay", "dan"])),
    f=st.integers(0, 2),
)


def spelt(belief):
    return belief and belief.to_json()


@given(hives(), electorates, st.data())
@settings(max_examples=200)
def test_any_order_any_duplicates_and_any_questions_between_are_the_same_bytes(entries, electorate, data):
    arrivals = data.draw(
        st.permutations(entries + data.draw(st.lists(st.sampled_from(entries or [None]), max_size=10)))
    )
    view = View(electorate)
    for seen in filter(None, arrivals):
        view.add(seen)
        if data.draw(st.integers(0, 3)) == 0:
            view.belief(data.draw(tasks))
    for task in TASKS:
        assert spelt(view.belief(task)) == spelt(believe(entries, electorate, task))
    assert view.tasks() == [task for task in TASKS if believe(entries, electorate, task)]


@given(
    hives(),
    electorates,
    electorates,
    st.sampled_from(NODES),
    st.none() | st.tuples(st.integers(1, 2), st.integers(0, 5)),
)
@settings(max_examples=100)
def test_after_a_revocation_and_a_new_charter_the_view_is_as_if_it_had_never_been_otherwise(
    entries, before, after, revoked, last
):
    view = View(before)
    for seen in entries:
        view.add(seen)
        view.belief(TASKS[0])
    view.remove_author(NodeId(revoked), last)
    view.recount(after)
    kept = [one for one in entries if one.author != revoked or (last and (one.epoch, one.seq) <= last)]
    for task in TASKS:
        assert spelt(view.belief(task)) == spelt(believe(kept, after, task))


silences = st.dictionaries(st.sampled_from(NODES).map(NodeId), st.sampled_from(["quarantined", "shunned"]), max_size=3)
labels = st.dictionaries(st.sampled_from(NODES).map(NodeId), st.sampled_from(["ann", "Ann ", "bob", "cay", "ＣＡＹ"]))
whole_electorates = st.builds(Electorate.of, labels, silences)


@given(hives(), st.lists(whole_electorates, min_size=1, max_size=4), st.data())
@settings(max_examples=150)
def test_quarantines_and_charters_at_any_moment_leave_what_the_last_of_them_and_the_log_amount_to(
    entries, electorates, data
):
    view = View(electorates[0])
    moments = data.draw(st.lists(st.integers(0, len(entries)), min_size=len(electorates), max_size=len(electorates)))
    for at, seen in enumerate(data.draw(st.permutations(entries))):
        for moment, electorate in zip(moments, electorates, strict=True):
            if moment == at:
                view.recount(electorate)
        view.add(seen)
        view.belief(data.draw(tasks))
    view.recount(electorates[-1])
    for task in TASKS:
        assert spelt(view.belief(task)) == spelt(believe(entries, electorates[-1], task))


@given(hives(), electorates)
@settings(max_examples=100)
def test_no_belief_says_nan_and_no_vote_is_cast_twice_or_by_the_author(entries, electorate):
    for belief in filter(None, (believe(entries, electorate, task) for task in TASKS)):
        assert b"NaN" not in belief.to_json()
        assert b"Infinity" not in belief.to_json()
        for recipe in belief.recipes:
            voters = [*recipe.confirmed_by, *recipe.refuted_by, *recipe.inapplicable_for]
            assert len(set(voters)) == len(voters)
            assert recipe.owner not in voters
            assert not recipe.is_corroborated or len(recipe.confirmed_by) > electorate.f


@given(hives(), electorates)
@settings(max_examples=100)
def test_nothing_stands_on_a_fallen_recipe(entries, electorate):
    beliefs = filter(None, (believe(entries, electorate, task) for task in TASKS))
    standing = {recipe.id: recipe for belief in beliefs for recipe in belief.recipes}
    for seen in entries:
        if seen.id in standing and isinstance(seen.body, Recipe):
            parents = [standing[parent] for parent in seen.body.parents if parent in standing]
            assert not standing[seen.id].is_suggested or all(parent.is_suggested for parent in parents)
