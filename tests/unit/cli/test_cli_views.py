"""What people read of a hive: who is how, since when and why; what is believed, by how many, and who stands behind a recipe."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from guardrails.consensus import Electorate
from hive_node.cli import peers
from hive_node.cli.views import view_words
from protocol.deltas import Outcomes
from protocol.ids import NodeId
from tests.unit.guardrails.test_consensus import Talk, recipe, replication, summary, withdrawal

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def printed(talk: Talk, electorate: Electorate, capsys: pytest.CaptureFixture[str], **more: Any) -> str:
    belief = talk.believe(electorate)
    tree = {"project": "parser", "task": "a" * 64, "belief": belief and json.loads(belief.to_json()), "suggestions": []}
    view_words(tree | more)
    return capsys.readouterr().out


def owners(*names: str, **silent: str) -> Electorate:
    nodes = {NodeId(f"{name}-0"): name for name in (*names, *silent)}
    return Electorate.of(nodes, {NodeId(f"{name}-0"): why for name, why in silent.items()})


def test_every_figure_is_shown_with_its_rule_its_owners_and_the_liars_it_withstands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    talk = Talk()
    for name, gain in (("ann", 0.1), ("bob", 0.12), ("cay", 0.3), ("dan", 9.0)):
        talk.say(f"{name}-0", summary(gain=gain, tune=Outcomes(proposed=40, promoted=4, not_better=30)))
    shown = printed(talk, owners("ann", "bob", "cay", dan="quarantined"), capsys)
    assert "3 owners worked on it: ann, bob, cay." in shown
    assert "Not heard: dan, who is quarantined." in shown
    assert "any f = 1 of its n owners may lie" in shown
    assert shown.count("+12.00%  median, n = 3, f = 1") == 2
    assert "tune      40     10%       75%         0%        median, n = 3, f = 1" in shown
    assert "Nothing to try from others now." in shown


def test_what_cannot_be_known_says_how_many_owners_it_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    talk.say("ann-0", summary())
    assert "unknown  1 owner of 3 needed" in printed(talk, owners("ann", "bob", "cay"), capsys)


def test_who_was_trimmed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    names = [f"owner{at}" for at in range(9)]
    for at, name in enumerate(names):
        talk.say(f"{name}-0", summary(gain=at / 100))
    shown = printed(talk, owners(*names), capsys)
    assert "trimmed mean, n = 9, f = 2, without owner0, owner1, owner7, owner8" in shown


def test_two_owners_are_told_that_nothing_withstands_a_liar(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    offered = talk.say("ann-0", recipe())
    assert "nothing withstands a liar" in printed(talk, owners("ann", "bob"), capsys)
    talk.say("bob-0", replication(offered, "refuted", gain=-0.1, lower=-0.2))
    assert "refuted by bob" in printed(talk, owners("ann", "bob"), capsys)


def test_of_each_recipe_one_reads_who_stands_behind_it_and_what_it_fell_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    talk = Talk()
    good = talk.say("ann-0", recipe(idea="good"))
    disputed = talk.say("bob-0", recipe(idea="disputed"))
    fallen = talk.say("cay-0", recipe(idea="fallen"))
    talk.say("ann-0", recipe(idea="child", parents=(fallen,)))
    bad = talk.say("bob-0", recipe(idea="bad"))
    talk.say("bob-0", recipe(idea="new"))
    for node in ("bob-0", "cay-0"):
        talk.say(node, replication(good))
    talk.say("ann-0", replication(disputed))
    talk.say("cay-0", replication(disputed, "refuted", gain=-0.1, lower=-0.2))
    for node in ("ann-0", "cay-0"):
        talk.say(node, replication(bad, "refuted", gain=-0.1, lower=-0.2))
    talk.say("cay-0", withdrawal(fallen))
    suggestions = [{"recipe": good, "owner": "ann", "lower": 0.05, "corroborated": True}]
    shown = printed(talk, owners("ann", "bob", "cay"), capsys, suggestions=suggestions)
    for words in (
        "corroborated by bob, cay",
        "open: confirmed by ann, cay did not find it; it takes 2",
        "retracted by its author",
        f"retracted with {fallen[:8]}, on which it builds",
        "refuted by ann, cay",
        "open: nobody else measured it",
        f"{good[:8]} of ann: at least +5.00%, corroborated",
    ):
        assert words in shown


def test_a_task_nobody_spoke_of_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "said nothing of this task yet" in printed(Talk(), owners("ann"), capsys)


def line(name: str, state: str, seen: timedelta | None = None, **more: Any) -> dict[str, Any]:
    seen_at = (NOW - seen).strftime("%Y-%m-%dT%H:%M:%SZ") if seen is not None else None
    fields = {"name": name, "owner": f"{name}'s owner", "state": state, "seen_at": seen_at, "discovered_by": "mdns"}
    return (
        fields
        | {"behind_by": None, "why": None, "address": "h:1", "entries": 7, "standing": 0.0, "node": name * 16}
        | more
    )


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (0, "just now"),
        (59, "59 s ago"),
        (-5, "just now"),
        (61, "1 min ago"),
        (7300, "2 h ago"),
        (86_400 * 5, "5 days ago"),
    ],
)
def test_moments_are_told_as_people_tell_them(passed: int, words: str) -> None:
    then = (NOW - timedelta(seconds=passed)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert peers.ago(then, NOW) == words


def test_the_state_says_how_far_behind_a_peer_is() -> None:
    assert peers.state_in_words(line("x", "behind", behind_by=12)) == "behind by 12 entries"
    assert peers.state_in_words(line("x", "behind", behind_by=1)) == "behind by 1 entry"
    assert peers.state_in_words(line("x", "behind")) == "behind"
    assert peers.state_in_words(line("x", "ahead")) == "has news for us"
    assert peers.ago(None, NOW) == "never"


def test_a_line_has_more_to_it_where_it_may_be_wide() -> None:
    one = line("x", "in step", timedelta(seconds=1), standing=-25.0)
    assert peers._row(one, NOW, is_wide=False) == ("x", "x's owner", "in step", "just now", "the network")
    assert peers._row(one, NOW, is_wide=True)[5:] == ("h:1", 7, "-25", "x" * 16)


def test_the_notes_count_how_many_are_how_and_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    peers._notes([line("a", "in step"), line("b", "shunned", why="it forged"), line("c", "in step"), line("d", "away")])
    shown = capsys.readouterr().out
    assert "4 other members: 2 in step, 1 away, 1 shunned." in shown
    assert "b of b's owner is shunned: it forged." in shown
    peers._notes([])
    assert capsys.readouterr().out == ""
