"""Who is believed, and what of. Ann, Bob and Cay are owners; nodes are named after them."""

import json
from hashlib import sha256

import pytest

from guardrails.consensus import Electorate, Figure, Seen, Unknown, View, believe
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
    Skill,
    Summary,
)
from protocol.ids import EntryId, NodeId

TASK, OTHER_TASK = "a" * 64, "b" * 64
SECONDS = Metric(name="seconds", direction="lower")
OWNERS = {f"{owner}-{at}": owner for owner in ("ann", "bob", "cay", "mallory") for at in range(4)}
THREE = Electorate({node: owner for node, owner in OWNERS.items() if owner != "mallory"}, f=1)
FOUR = Electorate(OWNERS, f=1)


def identity(node: str, seq: int, body: Body | None) -> EntryId:
    said = body.model_dump_json() if body else "null"
    return EntryId(sha256(f"{node} {seq} {said}".encode()).hexdigest())


class Talk:
    """A hive's entries, in the order they were said."""

    def __init__(self) -> None:
        self.entries: list[Seen] = []

    def say(self, node: str, body: Body | None, seq: int | None = None, epoch: int = 1) -> EntryId:
        own = [one.seq for one in self.entries if one.author == node]
        place = seq or max(own, default=0) + 1
        self.entries.append(Seen(identity(node, place, body), NodeId(node), epoch, place, body))
        return self.entries[-1].id

    def believe(self, electorate: Electorate = THREE, task: str = TASK):
        return believe(self.entries, electorate, task)

    def recipe(self, entry: EntryId, electorate: Electorate = THREE, task: str = TASK):
        return next(one for one in self.believe(electorate, task).recipes if one.id == entry)


def summary(gain=0.1, experiment="one", task=TASK, metric=SECONDS, **operators: Outcomes) -> Summary:
    state = Moments(n=5, mean=1.0, sd=0.1)
    return Summary(
        task=task,
        project="lz-window",
        metric=metric,
        experiment=experiment,
        baseline=state,
        champion=state,
        gain=gain,
        operators=operators,
        costs=Costs(),
        environment="linux",
    )


def recipe(gain=0.1, lower=0.05, idea="", parents=(), task=TASK, e_value=40.0) -> Recipe:
    return Recipe(
        task=task,
        project="lz-window",
        metric=SECONDS,
        files={"src/codec.py": "c" * 64},
        edits=(Edit(path="src/codec.py", search="1024", replace="2048"),),
        idea=idea,
        operator="tune",
        evidence=Measured(pairs=20, gain=gain, lower=lower, e_value=e_value),
        parents=parents,
        environment="linux",
    )


def replication(of, outcome="confirmed", gain=0.1, lower=0.05, e_value=30.0, task=TASK) -> Replication:
    evidence = None if gain is None else Measured(pairs=20, gain=gain, lower=lower, e_value=e_value)
    return Replication(recipe=of, task=task, outcome=outcome, evidence=evidence, environment="linux")


def withdrawal(of) -> Retract:
    return Retract(entry=of, reason="it degraded")


@pytest.fixture
def talk() -> Talk:
    return Talk()


# --- summaries -------------------------------------------------------------------------------------------------------


def test_one_liar_of_three_moves_no_gain(talk):
    talk.say("ann-0", summary(gain=0.10))
    talk.say("bob-0", summary(gain=0.12))
    talk.say("cay-0", summary(gain=1e15))
    belief = talk.believe()
    assert belief.typical_gain == belief.best_gain == Figure(0.12, n=3, f=1, rule="median")
    assert belief.owners == ("ann", "bob", "cay")


def test_two_owners_of_a_hive_with_a_liar_make_no_gain_known(talk):
    talk.say("ann-0", summary(gain=0.1))
    talk.say("mallory-0", summary(gain=1e15))
    belief = talk.believe(FOUR)
    assert belief.typical_gain == belief.best_gain == Unknown(n=2, needed=3)


def test_four_nodes_of_a_liar_are_one_owner(talk):
    for at, gain in enumerate((0.10, 0.12, 0.14)):
        talk.say(f"{('ann', 'bob', 'cay')[at]}-0", summary(gain=gain))
    for at in range(4):
        talk.say(f"mallory-{at}", summary(gain=1e15, experiment=f"lie {at}"))
    figure = talk.believe(FOUR).typical_gain
    assert (figure.n, figure.value) == (4, 0.13)


def test_the_newest_summary_of_an_experiment_replaces_the_earlier(talk):
    for gain in (0.3, 0.2, 0.1):
        talk.say("ann-0", summary(gain=gain))
    alone = Electorate({"ann-0": "ann"}, f=0)
    assert talk.believe(alone).typical_gain.value == 0.1
    talk.entries.reverse()
    assert talk.believe(alone).typical_gain.value == 0.1


def test_an_owners_claim_is_the_median_of_its_experiments_and_the_best_stands_beside(talk):
    for at, gain in enumerate((0.0, 0.1, 0.8)):
        talk.say(f"ann-{at}", summary(gain=gain, experiment=str(at)))
    belief = talk.believe(Electorate({f"ann-{at}": "ann" for at in range(3)}, f=0))
    assert (belief.typical_gain.value, belief.best_gain.value) == (0.1, 0.8)


def test_a_summary_taken_back_has_no_part_in_any_figure(talk):
    talk.say("ann-0", summary(gain=0.1))
    talk.say("ann-0", withdrawal(talk.say("ann-0", summary(gain=9.0, experiment="two"))))
    alone = Electorate({"ann-0": "ann"}, f=0)
    assert talk.believe(alone).best_gain.value == 0.1


def test_a_task_with_nothing_left_is_known_and_without_figures(talk):
    talk.say("ann-0", withdrawal(talk.say("ann-0", summary())))
    belief = talk.believe()
    assert (belief.owners, belief.typical_gain, belief.operators) == ((), Unknown(0, 3), {})


def test_who_is_not_in_the_charter_is_not_heard(talk):
    for at in range(50):
        talk.say(f"stranger-{at}", summary(gain=1e15))
        talk.say(f"stranger-{at}", recipe(1e15, 1e15))
    assert talk.believe() is None


def test_the_metric_is_named_by_most_owners_not_by_most_nodes(talk):
    lie = Metric(name="seconds", direction="higher")
    for at in range(4):
        talk.say(f"mallory-{at}", summary(metric=lie))
    for node in ("ann-0", "bob-0"):
        talk.say(node, summary())
    assert talk.believe(FOUR).metric == ("seconds", "lower")


def test_who_is_quarantined_is_left_out_by_name_and_the_figure_must_withstand_as_much_as_before(talk):
    owners = {NodeId(f"{name}-0"): name for name in ("ann", "bob", "cay")}
    for node in owners:
        talk.say(node, summary(gain=0.1))
    assert talk.believe(Electorate.of(owners)).typical_gain.n == 3
    belief = talk.believe(Electorate.of(owners, {NodeId("cay-0"): "quarantined"}))
    assert belief.left_out == (("cay", "quarantined"),)
    assert belief.typical_gain == Unknown(n=2, needed=3)
    assert belief.tree()["left_out"] == [{"owner": "cay", "why": "quarantined"}]


def test_who_only_voted_is_left_out_by_name_too_and_who_said_nothing_is_not(talk):
    owners = {NodeId(f"{name}-0"): name for name in ("ann", "bob", "cay", "dan")}
    silenced = Electorate.of(owners, {NodeId("cay-0"): "quarantined", NodeId("dan-0"): "quarantined"})
    offered = talk.say("ann-0", recipe())
    assert talk.believe(silenced).left_out == ()
    talk.say("cay-0", replication(offered))
    assert talk.believe(silenced).left_out == (("cay", "quarantined"),)


def test_labels_that_differ_in_case_width_or_spacing_are_one_owners(talk):
    labels = ("Ann Lee", "ann  lee", "ＡＮＮ ＬＥＥ", "bob")
    electorate = Electorate.of({NodeId(f"node-{at}"): label for at, label in enumerate(labels)})
    assert electorate.f == 0
    assert set(electorate.owners.values()) == {"Ann Lee", "bob"}
    for at in range(4):
        talk.say(f"node-{at}", summary(gain=0.1))
    assert talk.believe(electorate).typical_gain.n == 2


# --- operators -------------------------------------------------------------------------------------------------------


def test_a_claim_of_a_billion_promotions_weighs_no_more_than_the_median_owners_ideas(talk):
    talk.say("ann-0", summary(tune=Outcomes(proposed=100, not_better=90, promoted=10)))
    talk.say("bob-0", summary(tune=Outcomes(proposed=50, not_better=44, promoted=6)))
    talk.say("mallory-0", summary(tune=Outcomes(proposed=10**9, promoted=10**9)))
    tune = talk.believe(FOUR).operators["tune"]
    assert tune.ideas == Figure(100, n=3, f=1, rule="median")
    assert tune.weight == 250.0
    assert tune.shares["promoted"].value == 0.12
    assert tune.count("promoted") == 30.0


def test_what_a_node_counts_itself_is_left_out_of_the_hives_counts_and_its_owners_other_node_is_not(talk):
    two = Electorate.of({NodeId("ann-0"): "ann", NodeId("ann-1"): "ann", NodeId("bob-0"): "bob"})
    talk.say("ann-0", summary(tune=Outcomes(proposed=30, promoted=3)))
    talk.say("ann-1", summary(tune=Outcomes(proposed=10, promoted=1)))
    talk.say("bob-0", summary(tune=Outcomes(proposed=20, promoted=2)))
    tune = talk.believe(two).operators["tune"]
    assert tune.weight == 22.5 + 7.5 + 20  # ann's forty count for the median owner's thirty
    assert tune.weight_of_others(NodeId("ann-0")) == 27.5
    assert tune.count("promoted", besides=NodeId("ann-0")) == pytest.approx(2.75)
    assert tune.weight_of_others(NodeId("somebody")) == tune.weight


def test_more_fates_than_ideas_make_no_share_above_one(talk):
    talk.say("ann-0", summary(tune=Outcomes(proposed=1, promoted=30, crashed=10)))
    tune = talk.believe(Electorate({"ann-0": "ann"}, f=0)).operators["tune"]
    assert (tune.ideas.value, tune.shares["promoted"].value, tune.shares["crashed"].value) == (40, 0.75, 0.25)


def test_an_owners_experiments_add_up_and_a_repeated_summary_does_not(talk):
    for experiment in ("one", "two", "two"):
        talk.say("ann-0", summary(experiment=experiment, tune=Outcomes(proposed=10, promoted=1)))
    tune = talk.believe(Electorate({"ann-0": "ann"}, f=0)).operators["tune"]
    assert (tune.ideas.value, tune.count("promoted")) == (20, 2.0)


def test_names_that_a_liar_invents_are_not_listed(talk):
    for node in ("ann-0", "bob-0", "cay-0"):
        talk.say(node, summary(tune=Outcomes(proposed=4), llm=Outcomes()))
    talk.say("mallory-0", summary(**{f"made-up-{at}": Outcomes(proposed=9) for at in range(30)}))
    assert list(talk.believe(FOUR).operators) == ["tune"]


def test_an_operator_known_to_two_of_three_is_listed_and_is_no_evidence_yet(talk):
    for node in ("ann-0", "bob-0"):
        talk.say(node, summary(tune=Outcomes(proposed=4, promoted=4)))
    tune = talk.believe().operators["tune"]
    assert tune.ideas == Unknown(n=2, needed=3)
    assert (tune.weight, tune.count("promoted")) == (0.0, 0.0)


# --- the view --------------------------------------------------------------------------------------------------------


def heard(talk: Talk, electorate: Electorate = FOUR) -> View:
    view = View(electorate)
    for seen in talk.entries:
        view.add(seen)
    return view


def test_the_view_has_what_the_fold_has_and_keeps_it_until_something_changes(talk):
    talk.say("ann-0", summary())
    talk.say("bob-0", recipe())
    view = heard(talk)
    assert view.belief(TASK) == talk.believe(FOUR)
    assert view.belief(TASK) is view.belief(TASK)
    assert view.tasks() == [TASK]
    assert view.belief(OTHER_TASK) is None


def test_news_of_one_task_leave_the_belief_of_another_as_it_was(talk):
    talk.say("ann-0", summary())
    view = heard(talk)
    before = view.belief(TASK)
    view.add(Seen(EntryId("e" * 64), NodeId("bob-0"), 1, 1, summary(task=OTHER_TASK)))
    assert view.belief(TASK) is before
    assert view.tasks() == [TASK, OTHER_TASK]


def test_a_replayed_entry_is_counted_once_and_costs_no_fold(talk):
    talk.say("ann-0", summary(tune=Outcomes(proposed=10)))
    view = heard(talk, Electorate({"ann-0": "ann"}, f=0))
    before = view.belief(TASK)
    for _ in range(3):
        view.add(talk.entries[0])
    assert view.belief(TASK) is before


@pytest.mark.parametrize(
    "body", [None, Skill(name="x", source="", cases=(), evidence=Measured(pairs=1, gain=0, lower=0))]
)
def test_kinds_that_are_not_aggregated_change_nothing(talk, body):
    talk.say("ann-0", body)
    assert heard(talk).tasks() == []


def test_a_retraction_may_arrive_before_what_it_retracts(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("ann-0", withdrawal(offered))
    talk.entries.reverse()
    assert heard(talk).belief(TASK).recipes[0].standing == "retracted"


def test_a_retraction_on_another_task_reaches_a_belief_that_was_already_asked_for(talk):
    root = talk.say("ann-0", recipe(task=OTHER_TASK))
    talk.say("bob-0", recipe(parents=(root,)))
    view = heard(talk)
    assert view.belief(TASK).recipes[0].standing == "open"
    assert view.belief(TASK) is view.belief(TASK)
    talk.say("ann-0", withdrawal(root))
    view.add(talk.entries[-1])
    assert view.belief(TASK).recipes[0].fell_with == root


def test_an_ancestor_may_arrive_after_a_belief_was_asked_for(talk):
    root = talk.say("ann-0", recipe(task=OTHER_TASK))
    talk.say("ann-0", withdrawal(root))
    talk.say("bob-0", recipe(parents=(root,)))
    late, retraction, child = talk.entries
    view = View(FOUR)
    for seen in (child, retraction):
        view.add(seen)
    assert view.belief(TASK).recipes[0].standing == "open"
    view.add(late)
    assert view.belief(TASK).recipes[0].fell_with == root


def test_equal_numbers_are_equal_bytes_in_any_order(talk):
    offered = talk.say("ann-0", recipe(lower=0.0))
    for node, lower in (("bob-0", 0.0), ("bob-1", -0.0), ("cay-0", -0.0)):
        talk.say(node, replication(offered, lower=lower))
    forwards = talk.believe().to_json()
    talk.entries.reverse()
    assert talk.believe().to_json() == forwards
    assert b"-0.0" not in forwards


def test_a_revoked_author_leaves_the_aggregate_or_only_what_it_said_after(talk):
    talk.say("ann-0", summary(gain=0.1))
    talk.say("mallory-0", summary(gain=0.5, experiment="early"), seq=1)
    talk.say("mallory-0", summary(gain=9.0, experiment="late"), seq=2)
    two = Electorate(OWNERS, f=0)
    view = heard(talk, two)
    view.remove_author(NodeId("mallory-0"), after=(1, 1))
    assert view.belief(TASK).best_gain.value == 0.3
    view.remove_author(NodeId("mallory-0"))
    assert view.belief(TASK).best_gain == Figure(0.1, n=1, f=0, rule="median")


def test_a_removed_retraction_no_longer_retracts(talk):
    offered = talk.say("ann-0", recipe(), seq=1)
    talk.say("ann-0", withdrawal(offered), seq=2)
    view = heard(talk)
    view.remove_author(NodeId("ann-0"), after=(1, 1))
    assert view.belief(TASK).recipes[0].standing == "open"


def test_a_new_charter_is_a_new_count_of_the_same_entries(talk):
    for node in ("ann-0", "bob-0", "cay-0"):
        talk.say(node, summary())
    view = heard(talk)
    assert view.belief(TASK).typical_gain.n == 3
    view.recount(Electorate({"ann-0": "ann", "bob-0": "ann", "cay-0": "cay"}, f=0))
    assert view.belief(TASK).typical_gain.n == 2
    assert view.belief(TASK).owners == ("ann", "cay")


def test_a_belief_is_plain_json(talk):
    offered = talk.say("ann-0", recipe(), seq=7)
    talk.say("bob-0", replication(offered))
    talk.say("cay-0", replication(offered, "inapplicable"))
    for node in ("ann-0", "bob-0", "cay-0"):
        talk.say(node, summary(tune=Outcomes(proposed=4, promoted=1)))
    tree = json.loads(talk.believe().to_json())
    assert tree["metric"] == {"name": "seconds", "direction": "lower"}
    assert tree["operators"]["tune"]["shares"]["promoted"]["value"] == 0.25
    assert tree["recipes"] == [
        {
            "id": offered,
            "author": "ann-0",
            "owner": "ann",
            "project": "lz-window",
            "operator": "tune",
            "confirmed_by": ["bob"],
            "refuted_by": [],
            "inapplicable_for": ["cay"],
            "gain": {"value": None, "n": 2, "needed": 3, "left_out": []},
            "lower": 0.05,
            "earlier": 0.0,
            "e_value": None,
            "standing": "open",
            "fell_with": None,
        }
    ]
