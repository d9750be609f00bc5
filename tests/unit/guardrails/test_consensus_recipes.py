"""Which recipes stand: who measured them again, what they found, and what fell with what."""

import pytest

from guardrails.consensus import Electorate, Figure, Unknown
from tests.unit.guardrails.test_consensus import FOUR, OTHER_TASK, Talk, recipe, replication, withdrawal


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_recipe_nobody_measured_again_is_open_and_its_gain_unknown(talk):
    offered = talk.say("ann-0", recipe())
    belief = talk.recipe(offered)
    assert (belief.standing, belief.is_corroborated, belief.is_suggested) == ("open", False, True)
    assert belief.gain == Unknown(n=1, needed=3)
    assert (belief.lower, belief.e_value) == (0.05, None)


def test_an_author_cannot_confirm_itself_not_even_through_its_other_nodes(talk):
    offered = talk.say("mallory-0", recipe())
    for node in ("mallory-0", "mallory-1", "mallory-2", "mallory-3"):
        talk.say(node, replication(offered))
    belief = talk.recipe(offered, FOUR)
    assert (belief.standing, belief.confirmed_by, belief.e_value) == ("open", (), None)
    assert belief.gain == Unknown(n=1, needed=3)


def test_one_owner_with_four_nodes_does_not_corroborate(talk):
    offered = talk.say("ann-0", recipe())
    for node in ("mallory-0", "mallory-1", "mallory-2", "mallory-3"):
        talk.say(node, replication(offered))
    belief = talk.recipe(offered, FOUR)
    assert (belief.standing, belief.confirmed_by) == ("open", ("mallory",))


def test_two_other_owners_corroborate_where_one_may_lie(talk):
    offered = talk.say("ann-0", recipe(gain=0.3, lower=0.2))
    talk.say("bob-0", replication(offered, gain=0.10, lower=0.04, e_value=25.0))
    assert talk.recipe(offered).standing == "open"
    talk.say("cay-0", replication(offered, gain=0.12, lower=0.06, e_value=900.0))
    belief = talk.recipe(offered)
    assert belief.is_corroborated
    assert belief.confirmed_by == ("bob", "cay")
    assert belief.gain == Figure(0.12, n=3, f=1, rule="median")
    assert (belief.lower, belief.e_value) == (0.06, 25.0)


def test_a_boast_of_the_author_neither_raises_the_e_value_nor_the_gain(talk):
    offered = talk.say("mallory-0", recipe(gain=1e15, lower=1e15, e_value=1e15))
    for node in ("ann-0", "bob-0", "cay-0"):
        talk.say(node, replication(offered, gain=0.1, lower=0.05, e_value=30.0))
    belief = talk.recipe(offered, FOUR)
    assert (belief.gain.value, belief.lower, belief.e_value) == (0.1, 0.05, 30.0)


def test_confirmed_is_a_word_without_a_measured_gain(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered, gain=None))
    talk.say("cay-0", replication(offered, gain=-0.2, lower=-0.3))
    belief = talk.recipe(offered)
    assert (belief.confirmed_by, belief.standing) == ((), "open")
    assert belief.gain.n == 1


def test_one_owner_cannot_refute_a_recipe_with_all_its_nodes(talk):
    offered = talk.say("ann-0", recipe())
    for node in ("mallory-0", "mallory-1"):
        talk.say(node, replication(offered, "refuted", gain=-1e15, lower=-1e15))
    belief = talk.recipe(offered, FOUR)
    assert (belief.standing, belief.refuted_by) == ("open", ("mallory",))


def test_two_owners_refute_a_recipe_with_or_without_a_measurement(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered, "refuted", gain=-0.1, lower=-0.2))
    talk.say("cay-0", replication(offered, "refuted", gain=None))
    belief = talk.recipe(offered)
    assert (belief.standing, belief.refuted_by, belief.is_suggested) == ("refuted", ("bob", "cay"), False)


def test_a_dispute_of_two_against_two_is_refuted_and_three_against_two_is_not(talk):
    owners = {name: name for name in ("ann", "bob", "cay", "dan", "eve", "fay")}
    offered = talk.say("ann", recipe())
    for node in ("bob", "cay"):
        talk.say(node, replication(offered))
    for node in ("dan", "eve"):
        talk.say(node, replication(offered, "refuted", gain=-0.1, lower=-0.2))
    assert talk.recipe(offered, Electorate(owners, f=1)).standing == "refuted"
    talk.say("fay", replication(offered))
    assert talk.recipe(offered, Electorate(owners, f=1)).standing == "corroborated"


def test_an_owner_whose_nodes_disagree_has_refuted(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered))
    talk.say("bob-1", replication(offered, "refuted", gain=-0.1, lower=-0.2, e_value=0.0))
    talk.say("cay-0", replication(offered))
    belief = talk.recipe(offered)
    assert (belief.confirmed_by, belief.refuted_by, belief.standing) == (("cay",), ("bob",), "open")
    assert belief.gain.value == 0.1  # of bob's 0.1 and −0.1 its one claim is 0.0; the median of the three owners
    assert belief.e_value == 15.0


def test_inapplicable_is_counted_apart_and_its_numbers_are_not(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered, "inapplicable", gain=1e15, lower=1e15, e_value=1e15))
    belief = talk.recipe(offered)
    assert belief.inapplicable_for == ("bob",)
    assert (belief.gain.n, belief.e_value, belief.lower) == (1, None, 0.05)


def test_a_node_that_measured_again_has_changed_its_vote(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered))
    talk.say("bob-0", replication(offered, "refuted", gain=-0.1, lower=-0.2))
    assert talk.recipe(offered).refuted_by == ("bob",)
    talk.entries.reverse()
    assert talk.recipe(offered).refuted_by == ("bob",)


def test_a_node_that_began_a_new_epoch_speaks_later_than_all_it_said_before(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered), seq=90)
    talk.say("bob-0", replication(offered, "refuted"), seq=1, epoch=2)
    assert talk.recipe(offered).refuted_by == ("bob",)


def test_a_replication_on_another_task_says_nothing_of_this_one(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered, task=OTHER_TASK))
    assert talk.recipe(offered).confirmed_by == ()
    assert talk.believe(task=OTHER_TASK) is None


def test_a_lower_bound_above_the_gain_is_cut_to_the_gain(talk):
    offered = talk.say("ann-0", recipe(gain=0.01, lower=0.9))
    assert talk.recipe(offered).lower == 0.01


def test_deterministic_metrics_have_no_e_value_and_corroborate_all_the_same(talk):
    offered = talk.say("ann-0", recipe(e_value=None))
    talk.say("bob-0", replication(offered, e_value=None))
    talk.say("cay-0", replication(offered, e_value=None))
    belief = talk.recipe(offered)
    assert (belief.standing, belief.e_value) == ("corroborated", None)


def test_in_a_hive_of_two_one_other_owner_is_enough(talk):
    offered = talk.say("ann-0", recipe(gain=0.1))
    talk.say("bob-0", replication(offered, gain=0.2))
    belief = talk.recipe(offered, Electorate.of({"ann-0": "ann", "ann-1": "ann", "bob-0": "bob"}))
    assert belief.is_corroborated
    assert (belief.gain.n, belief.gain.f) == (2, 0)


def test_a_retracted_recipe_is_not_suggested_however_often_it_was_confirmed(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered))
    talk.say("cay-0", replication(offered))
    talk.say("ann-0", withdrawal(offered))
    belief = talk.recipe(offered)
    assert (belief.standing, belief.fell_with, belief.is_suggested) == ("retracted", None, False)


@pytest.mark.parametrize("node", ["mallory-0", "ann-1"])
def test_only_the_author_itself_takes_an_entry_back(talk, node):
    offered = talk.say("ann-0", recipe())
    talk.say(node, withdrawal(offered))
    assert talk.recipe(offered, FOUR).standing == "open"


def test_a_replication_taken_back_counts_no_more_and_the_one_before_it_does(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered))
    second = talk.say("bob-0", replication(offered, "refuted", gain=-0.1, lower=-0.2))
    talk.say("bob-0", withdrawal(second))
    belief = talk.recipe(offered)
    assert (belief.confirmed_by, belief.refuted_by) == (("bob",), ())


def test_taking_back_a_retraction_does_not_restore_anything(talk):
    offered = talk.say("ann-0", recipe())
    taken_back = talk.say("ann-0", withdrawal(offered))
    talk.say("ann-0", withdrawal(taken_back))
    assert talk.recipe(offered).standing == "retracted"


def test_what_builds_on_a_retracted_recipe_falls_with_it_down_the_generations(talk):
    root = talk.say("ann-0", recipe())
    child = talk.say("bob-0", recipe(parents=(root,)))
    grandchild = talk.say("cay-0", recipe(parents=(child,)))
    bystander = talk.say("cay-0", recipe(idea="of its own"))
    talk.say("ann-0", replication(grandchild))
    talk.say("bob-0", replication(grandchild))
    assert talk.recipe(grandchild).is_corroborated
    talk.say("ann-0", withdrawal(root))
    for descendant in (child, grandchild):
        assert (talk.recipe(descendant).standing, talk.recipe(descendant).fell_with) == ("retracted", root)
    assert talk.recipe(bystander).standing == "open"


def test_what_builds_on_a_refuted_recipe_falls_with_it(talk):
    root = talk.say("ann-0", recipe())
    child = talk.say("ann-0", recipe(parents=(root,)))
    for node in ("bob-0", "cay-0"):
        talk.say(node, replication(root, "refuted", gain=-0.1, lower=-0.2))
    assert (talk.recipe(child).standing, talk.recipe(child).fell_with) == ("refuted", root)


def test_a_recipe_that_fell_by_itself_names_no_other(talk):
    root = talk.say("ann-0", recipe())
    child = talk.say("bob-0", recipe(parents=(root,)))
    talk.say("ann-0", withdrawal(root))
    talk.say("bob-0", withdrawal(child))
    assert talk.recipe(child).fell_with is None


def test_of_two_fallen_ancestors_the_retracted_one_is_named(talk):
    refuted = talk.say("ann-0", recipe(idea="refuted"))
    for node in ("bob-0", "cay-0"):
        talk.say(node, replication(refuted, "refuted", gain=-0.1, lower=-0.2))
    retracted = talk.say("ann-0", recipe(idea="retracted"))
    talk.say("ann-0", withdrawal(retracted))
    child = talk.say("bob-0", recipe(parents=(refuted, retracted)))
    assert (talk.recipe(child).standing, talk.recipe(child).fell_with) == ("retracted", retracted)


def test_of_two_retracted_ancestors_the_same_one_is_named_in_any_order(talk):
    roots = [talk.say("ann-0", recipe(idea=idea)) for idea in "abcd"]
    for root in roots:
        talk.say("ann-0", withdrawal(root))
    child = talk.say("bob-0", recipe(parents=tuple(roots)))
    assert talk.recipe(child).fell_with == min(roots)
    talk.entries.reverse()
    assert talk.recipe(child).fell_with == min(roots)


def test_a_lineage_reaches_across_a_changed_evaluator(talk):
    root = talk.say("ann-0", recipe(task=OTHER_TASK))
    child = talk.say("bob-0", recipe(parents=(root,)))
    talk.say("ann-0", withdrawal(root))
    assert talk.recipe(child).fell_with == root


def test_an_unknown_parent_or_that_of_a_stranger_is_no_fault(talk):
    strange = talk.say("stranger", recipe())
    talk.say("stranger", withdrawal(strange))
    child = talk.say("bob-0", recipe(parents=(strange, "f" * 64)))
    assert talk.recipe(child).standing == "open"


def test_a_diamond_of_ancestors_is_walked_once(talk):
    root = talk.say("ann-0", recipe())
    sides = [talk.say("bob-0", recipe(idea=side, parents=(root,))) for side in ("left", "right")]
    child = talk.say("cay-0", recipe(parents=(*sides, root)))
    talk.say("ann-0", withdrawal(root))
    assert [talk.recipe(one).fell_with for one in (*sides, child)] == [root] * 3


def test_corroborated_recipes_come_first_then_the_best_bound_and_fallen_ones_last(talk):
    modest = talk.say("ann-0", recipe(gain=0.02, lower=0.01))
    better = talk.say("bob-0", recipe(gain=0.2, lower=0.1))
    best = talk.say("cay-0", recipe(gain=0.3, lower=0.2))
    gone = talk.say("ann-0", recipe(gain=0.9, lower=0.9))
    talk.say("ann-0", withdrawal(gone))
    for node in ("bob-0", "cay-0"):
        talk.say(node, replication(modest, gain=0.02, lower=0.01))
    assert [one.id for one in talk.believe().recipes] == [modest, best, better, gone]


def test_among_the_corroborated_the_best_bound_is_first_whosever_it_is(talk):
    best, good, modest = (
        talk.say(node, recipe(bound, bound)) for node, bound in (("ann-0", 0.3), ("ann-1", 0.2), ("bob-0", 0.1))
    )
    for offered, bound in ((best, 0.3), (good, 0.2), (modest, 0.1)):
        for node in ("ann-0", "bob-0", "cay-0", "mallory-0"):
            talk.say(node, replication(offered, gain=bound, lower=bound))
    assert [one.id for one in talk.believe(FOUR).recipes] == [best, good, modest]


def test_of_an_owners_two_bounds_the_lower_one_is_its_bound(talk):
    offered = talk.say("ann-0", recipe(gain=0.1, lower=0.09))
    talk.say("bob-0", replication(offered, lower=0.02))
    talk.say("bob-1", replication(offered, lower=0.08))
    talk.say("cay-0", replication(offered, lower=0.01))
    assert talk.recipe(offered).lower == 0.02


def test_a_hundred_boasts_of_one_owner_stand_behind_everybodys_first(talk):
    boasts = [talk.say(f"mallory-{at % 4}", recipe(1e15, 1e15, idea=str(at))) for at in range(100)]
    honest = [talk.say(node, recipe(0.1, 0.05, idea=node)) for node in ("ann-0", "bob-0", "cay-0")]
    order = [one.id for one in talk.believe(FOUR).recipes]
    assert order[0] in boasts
    assert set(order[1:4]) == set(honest)


def test_of_an_owners_recipes_the_last_of_its_lineage_comes_first(talk):
    first = talk.say("ann-0", recipe(0.2, 0.2, idea="first"))
    adopted = talk.say("bob-0", recipe(0.9, 0.9))
    last = talk.say("ann-0", recipe(0.01, 0.01, idea="last", parents=(first, adopted)))
    order = [one.id for one in talk.believe().recipes]
    assert order.index(last) < order.index(first)
    assert talk.recipe(last).earlier == 0.2, "what was adopted is in a step of its own"


def test_who_was_refuted_before_has_had_its_turn(talk):
    boast = talk.say("mallory-0", recipe(1.0, 1.0, idea="boast"))
    for node in ("ann-0", "bob-0"):
        talk.say(node, replication(boast, "refuted", gain=-0.1, lower=-0.2))
    again = talk.say("mallory-0", recipe(1e15, 1e15, idea="again"))
    honest = talk.say("cay-0", recipe(0.01, 0.01))
    assert [one.id for one in talk.believe(FOUR).recipes] == [honest, again, boast]


def test_what_did_not_apply_later_on_takes_nothing_back_that_was_measured(talk):
    offered = talk.say("ann-0", recipe())
    talk.say("bob-0", replication(offered, "refuted", gain=-0.1, lower=-0.2))
    talk.say("bob-0", replication(offered, "inapplicable", gain=None))
    talk.say("cay-0", replication(offered))
    talk.say("cay-0", replication(offered, "inapplicable", gain=None))
    belief = talk.recipe(offered)
    assert (belief.refuted_by, belief.confirmed_by, belief.inapplicable_for) == (("bob",), ("cay",), ())


def test_who_was_of_no_use_to_others_has_had_its_turn(talk):
    useless = talk.say("mallory-0", recipe(1.0, 1.0, idea="useless"))
    for node in ("ann-0", "bob-0"):
        talk.say(node, replication(useless, "inapplicable", gain=None))
    again = talk.say("mallory-0", recipe(1e15, 1e15, idea="again"))
    honest = talk.say("cay-0", recipe(0.01, 0.01))
    assert [one.id for one in talk.believe(FOUR).recipes] == [honest, again, useless]
