"""One experiment from its first row to its last: what is promoted, what is rejected and why, what is told."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from guardrails.constitution import Constitution
from hive_node.domain import TRANSITIONS, State
from hive_node.improve.report import idea_row
from hive_node.ports import Draft, News, SandboxedCommand
from protocol.deltas import Recipe, Retract, Summary
from tests.fakes.improving import KNOBS, SPEC, Improving, git, knobs, outcome

Make = Callable[..., Awaitable[Improving]]


async def test_what_is_better_becomes_a_commit_and_what_is_not_becomes_a_reason(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 10}, {"RATE": 3}, {"SIZE": 20})
    assert (done.state, done.stop_reason) == (State.FINALIZED, "no-ideas")
    assert await node.rules(done) == ["promoted", "baseline.worse", "baseline.not-better", "promoted"]
    assert (done.baseline.value if done.baseline else None, done.best, done.promotions) == (13.0, 1.0, 2)
    assert node.branch_files(done) == ["SIZE = 8\nRATE = 2\n", "SIZE = 12\nRATE = 2\n", "SIZE = 20\nRATE = 2\n"]
    assert git(node.path, "rev-parse", done.branch) == done.champion
    trailers = git(node.path, "log", "-1", "--format=%(trailers:only,unfold)", done.branch)
    assert "Hive-Metric: cost" in trailers
    assert "Hive-Before: 9" in trailers
    assert "Hive-After: 1" in trailers
    assert f"Hive-Idea: {done.id}/4" in trailers
    assert git(node.path, "status", "--porcelain") == ""
    assert git(node.path, "branch", "--show-current") == "main"


async def test_the_transitions_form_a_path_and_every_run_is_on_the_books(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 10})
    steps = [(State(row["before"]), State(row["after"])) for row in await node.ledger.transitions(done.id)]
    assert steps[0][0] is State.CREATED
    assert all(after in TRANSITIONS[before] for before, after in steps)
    assert all(one[1] is following[0] for one, following in pairwise(steps))
    samples = [len(await node.ledger.samples(done.id, idea)) for idea in (0, 1, 2)]
    assert sum(samples) == len(node.sandbox.runs)
    assert done.spent.wall_s == 0.5 * sum(samples)
    assert done.spent.trials == 2
    assert samples[0] == 2, "two equal runs show a deterministic metric"


async def test_trees_are_gone_when_the_row_says_that_it_is_over(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    assert node.worktrees() == []
    assert not (node.folder / "trees" / done.id).exists()


async def test_a_recipe_is_told_with_each_promotion_and_a_summary_once(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 10}, {"SIZE": 20})
    assert list(node.told.entries) == [f"recipe:{done.id}:1", f"recipe:{done.id}:3", f"summary:{done.id}"]
    first, second, summary = (news.body for news in node.told.entries.values())
    assert isinstance(first, Recipe)
    assert [(edit.search, edit.replace) for edit in first.edits] == [("SIZE = 8\n", "SIZE = 12\n")]
    assert isinstance(second, Recipe)
    assert len(second.parents) == 1
    assert isinstance(summary, Summary)
    assert (summary.costs.trials, summary.champion.mean) == (3, 1.0)
    assert dict(summary.operators["scripted"]) == {
        "proposed": 3, "crashed": 0, "refused": 0, "rejected": 0, "not_better": 1, "promoted": 2,
    }  # fmt: skip


async def test_an_idea_that_was_tried_is_not_measured_again(improving: Make) -> None:
    node = await improving()
    first = await node.improve({"SIZE": 6}, {"SIZE": 6})
    assert await node.rules(first) == ["baseline.worse", "ledger.repeated"]
    before = len(node.sandbox.runs)
    second = await node.improve({"SIZE": 6}, {"SIZE": 12})
    assert await node.rules(second) == ["ledger.repeated", "promoted"]
    assert len(node.sandbox.runs) - before == 2 + 4, "a baseline, and two pairs for the new one"


@pytest.mark.parametrize("lucky", [2, 3, 6])
async def test_a_candidate_that_was_lucky_a_few_times_does_not_repeat_it_and_is_rejected(
    improving: Make, lucky: int
) -> None:
    node = await improving()
    left = lucky

    def answer(tree: Path, _command: SandboxedCommand) -> str:
        nonlocal left
        size = knobs(tree)["SIZE"]
        if size == 12 and tree.name == "candidate":
            left -= 1
            return f"METRIC cost={1 if left >= 0 else 30}\n"
        return f"METRIC cost={abs(size - 20) + 1}\n"

    node.sandbox.answer = answer
    drawn, also_drawn = ("import random\n" + KNOBS.replace("8", size) for size in ("12", "10"))
    done = await node.improve(spelled(drawn), spelled(also_drawn))
    assert await node.rules(done) == ["trial.not-repeated", "promoted"]
    assert done.comparisons == 1, "the next one has to repeat itself more often"
    assert len(await node.ledger.samples(done.id, 2)) > 2 + 2 + 5


def spelled(text: str) -> Draft:
    return Draft("scripted", "The same in other words", {"src/knobs.py": text})


async def test_an_idea_that_was_tried_is_known_again_in_another_spelling_and_another_experiment(
    improving: Make,
) -> None:
    node = await improving()
    first = await node.improve({"SIZE": 6}, spelled("SIZE = (6)\n\nRATE = 2  # as before\n"))
    assert await node.rules(first) == ["baseline.worse", "ledger.repeated"]
    second = await node.improve(spelled("# Smaller.\nSIZE = 0x6\nRATE = 2\n"), {"SIZE": 12})
    assert await node.rules(second) == ["ledger.repeated", "promoted"]


async def test_a_placebo_is_refused_before_it_is_run_and_costs_no_error_budget(improving: Make) -> None:
    node = await improving()
    done = await node.improve(spelled("# Tuned.\nSIZE  =  8\n\n\nRATE = 2\n"), {"SIZE": 12})
    assert await node.rules(done) == ["ledger.placebo", "promoted"]
    assert await node.ledger.samples(done.id, 1) == []
    assert (done.comparisons, done.spent.trials) == (0, 1)


async def test_where_the_metric_reads_the_sources_a_comment_is_no_placebo(improving: Make) -> None:
    node = await improving(spec=SPEC.format(extra="").replace("[surface]", "[surface]\nverbatim = true"))
    node.sandbox.answer = lambda tree, _command: f"METRIC cost={len((tree / 'src/knobs.py').read_text())}\n"
    done = await node.improve(spelled("SIZE=8\nRATE=2\n"), spelled("SIZE=8;RATE=2"))
    assert await node.rules(done) == ["promoted", "promoted"]


async def test_what_the_constitution_refuses_is_never_run(improving: Make) -> None:
    node = await improving()
    text = "import socket\nSIZE = 8\nRATE = 2\nsocket.create_connection(('example.com', 80))\n"
    done = await node.improve(Draft("scripted", "Fetch the answer", {"src/knobs.py": text}), {"SIZE": 12})
    rules = await node.rules(done)
    assert rules[0].startswith("constitution.")
    assert rules[1] == "promoted"
    assert (done.rejected_constitution, done.rejected_baseline) == (1, 0)
    assert await node.ledger.samples(done.id, 1) == []
    assert done.spent.trials == 1


async def test_a_new_seed_that_is_lucky_once_is_not_promoted(improving: Make) -> None:
    node = await improving()
    draws = count(1)

    def lucky(tree: Path, _command: SandboxedCommand) -> str:
        # Equal at every run of the champion; the candidate of RATE 9 draws anew each time, and well the first time.
        if knobs(tree)["RATE"] == 9:
            return f"METRIC cost={5 + 3 * next(draws)}\n"
        return "METRIC cost=13\n"

    node.sandbox.answer = lucky
    done = await node.improve({"RATE": 9})
    assert done.promotions == 0
    (rule,) = await node.rules(done)
    assert rule.startswith("baseline.")
    assert done.comparisons == 1, "a metric that was found to vary draws on the error budget"


@pytest.mark.parametrize(
    ("printed", "rule"),
    [
        ("", "trial.no-metric"),
        ("METRIC cost=1\nMETRIC cost=1\n", "trial.repeated-metric"),
        ("METRIC cost=nan\n", "trial.bad-metric"),
        ("METRIC cost=inf\n", "trial.bad-metric"),
        ("METRIC cost=-0\n", "trial.bad-metric"),
        (outcome("METRIC cost=1\n", stdout_truncated=True), "trial.output-clipped"),
        (outcome("METRIC cost=1\n", exit_code=3, stderr=b"boom\x1b[31m\n"), "trial.step-failed"),
        (outcome("", exit_code=None, ending="timed-out"), "trial.timed-out"),
        (outcome("", exit_code=None, ending="output-capped"), "trial.limit"),
        (outcome("", exit_code=None, ending="memory-limit"), "trial.limit"),
        (outcome("", exit_code=None, ending="process-limit"), "trial.limit"),
    ],
)
async def test_a_candidate_without_a_measurement_is_rejected_and_the_next_one_is_tried(
    improving: Make, printed: object, rule: str
) -> None:
    node = await improving()

    def answer(tree: Path, _command: SandboxedCommand) -> object:
        return printed if knobs(tree)["RATE"] == 9 else f"METRIC cost={abs(knobs(tree)['SIZE'] - 20) + 1}\n"

    node.sandbox.answer = answer  # type: ignore[assignment]
    done = await node.improve({"RATE": 9, "SIZE": 20}, {"SIZE": 19})
    assert await node.rules(done) == [rule, "promoted"]
    rejected = (await node.ideas(done))[0].verdict
    assert rejected is not None
    assert rejected.rejected is not None
    assert "\x1b" not in str(rejected.rejected.details)
    assert done.last_rejection is not None
    assert done.last_rejection.startswith(rule)


@pytest.mark.parametrize("printed", ["", outcome("", exit_code=1, stderr=b"Traceback: no module\n")])
async def test_a_project_that_cannot_be_measured_fails_with_what_it_said(improving: Make, printed: object) -> None:
    node = await improving()
    node.sandbox.answer = lambda _tree, _command: printed  # type: ignore[assignment,return-value]
    done = await node.improve({"SIZE": 12})
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert "the unchanged project cannot be measured" in done.stop_reason
    assert done.stop_reason.startswith("trial.")
    if printed:
        assert "no module" in done.stop_reason
    assert node.told.entries == {}
    assert (await node.ledger.get(done.id)).stop_reason == done.stop_reason, "the reason is kept"


async def test_a_champion_that_crashes_beside_the_candidate_is_not_the_candidates_fault(improving: Make) -> None:
    node = await improving()
    runs = count(1)

    def flaky(tree: Path, _command: SandboxedCommand) -> object:
        if tree.name == "champion" and next(runs) == 1:
            return outcome("", exit_code=139, stderr=b"Segmentation fault\n")
        return f"METRIC cost={abs(knobs(tree)['SIZE'] - 20) + 1}\n"

    node.sandbox.answer = flaky  # type: ignore[assignment]
    done = await node.improve({"SIZE": 12}, {"SIZE": 14})
    assert await node.rules(done) == ["trial.champion-failed", "promoted"]
    assert "The champion itself failed" in str((await node.ideas(done))[0].verdict)


async def test_small_losses_of_a_guard_do_not_add_up_behind_the_gate(improving: Make) -> None:
    node = await improving('[[guard]]\nmetric = "seconds"\ndirection = "lower"\ntolerance = 0.1')

    def answer(tree: Path, _command: SandboxedCommand) -> str:
        values = knobs(tree)
        return f"METRIC cost={100 - values['SIZE']}\nMETRIC seconds={10 + values['RATE']}\n"

    node.sandbox.answer = answer
    # Each step costs 4 % against the champion before it; the third is 12 % above the pinned baseline of 12 s.
    done = await node.improve(
        {"SIZE": 20, "RATE": 2.5}, {"SIZE": 30, "RATE": 3}, {"SIZE": 40, "RATE": 3.5}, {"SIZE": 41}
    )
    assert await node.rules(done) == ["promoted", "promoted", "baseline.regression", "promoted"]
    details = [
        record.verdict.rejected.details
        for record in await node.ideas(done)
        if record.verdict and record.verdict.rejected
    ]
    assert details[0]["change"] == pytest.approx(0.125)


async def test_a_guard_that_is_not_printed_fails_closed(improving: Make) -> None:
    node = await improving('[[guard]]\nmetric = "seconds"\ndirection = "lower"\ntolerance = 0.1')

    def answer(tree: Path, _command: SandboxedCommand) -> str:
        seconds = "" if knobs(tree)["RATE"] == 9 else "METRIC seconds=1\n"
        return f"METRIC cost={100 - knobs(tree)['SIZE']}\n{seconds}"

    node.sandbox.answer = answer
    done = await node.improve({"SIZE": 20, "RATE": 9})
    assert await node.rules(done) == ["trial.no-metric"]


@pytest.mark.parametrize(
    ("held_out", "outcome"), [(50, "baseline.holdout"), (49.9, "baseline.holdout"), (47, "promoted")]
)
async def test_a_gain_that_is_less_than_half_on_the_held_out_cases_was_learned_by_heart(
    improving: Make, held_out: float, outcome: str
) -> None:
    node = await improving('[holdout]\nrun = ["python", "-I", "bench/holdout.py"]')

    def answer(tree: Path, command: SandboxedCommand) -> str:
        is_new = knobs(tree)["SIZE"] == 12
        if "bench/holdout.py" in command.argv:
            return f"METRIC cost={held_out if is_new else 50}\n"
        return f"METRIC cost={90 if is_new else 100}\n"

    node.sandbox.answer = answer
    assert await node.rules(await node.improve({"SIZE": 12})) == [outcome]


async def test_who_makes_the_next_idea_learns_that_the_holdout_said_no_and_nothing_else_until_the_end(
    improving: Make,
) -> None:
    node = await improving('[holdout]\nrun = ["python", "-I", "bench/holdout.py"]')

    def answer(tree: Path, command: SandboxedCommand) -> Any:
        size = knobs(tree)["SIZE"]
        if "bench/holdout.py" not in command.argv:
            return f"METRIC cost={100 - size}\n"
        return {12: outcome("", exit_code=77, stderr=b"held-out case 4711"), 9: "METRIC cost=4711\n"}.get(
            int(size), f"METRIC cost={420 - 10 * size}\n"
        )

    node.sandbox.answer = answer
    done = await node.improve({"SIZE": 9}, {"SIZE": 12}, {"SIZE": 13})
    assert await node.rules(done) == ["baseline.holdout", "trial.holdout", "promoted"]
    ledger = node.operator.seen[-1].ledger
    assert [record.verdict.rejected.rule for record in ledger if record.verdict and record.verdict.rejected][:2] == [
        "baseline.holdout",
        "trial.holdout",
    ]
    records = await node.ideas(done)
    during = replace(done, state=State.REJECTED)
    for seen in (ledger, [idea_row(record, during) for record in records], done.last_rejection):
        assert not {"4711", "77", "290", "340"} & set(re.findall(r"\d+", str(seen)))
    shown = [idea_row(record, done) for record in records]
    assert shown[0]["details"]["gain"] < 0
    assert shown[1]["details"]["why"].endswith("held-out case 4711")
    assert shown[2]["holdout"] == (340.0, 290.0)


async def test_the_holdout_decides_last_and_its_looks_are_counted(improving: Make) -> None:
    node = await improving('[holdout]\nrun = ["python", "-I", "bench/holdout.py"]\nlooks = 2')

    def answer(tree: Path, command: SandboxedCommand) -> str:
        size = knobs(tree)["SIZE"]
        is_holdout = "bench/holdout.py" in command.argv
        return f"METRIC cost={60 - size / 2 + 9 * (size % 2) if is_holdout else 100 - size}\n"

    node.sandbox.answer = answer
    done = await node.improve({"SIZE": 9}, {"SIZE": 10}, {"SIZE": 12})
    assert await node.rules(done) == ["baseline.holdout", "promoted"]
    assert (done.spent.holdout_looks, done.stop_reason) == (2, "holdout")


async def test_numbers_that_no_delta_may_say_are_promoted_here_and_told_to_nobody(improving: Make) -> None:
    node = await improving()
    node.sandbox.answer = lambda tree, _command: f"METRIC cost={(100 - knobs(tree)['SIZE']) * 1e18}\n"
    done = await node.improve({"SIZE": 12}, {"SIZE": 20})
    assert (done.state, done.promotions) == (State.FINALIZED, 2)
    assert "summary" not in node.told.kinds()


async def test_edits_beyond_a_recipe_are_promoted_here_without_one(improving: Make) -> None:
    node = await improving()
    lines = [f"V{number} = {number}" for number in range(150)]
    (node.path / "src/knobs.py").write_text("\n".join(["SIZE = 8", "RATE = 2", *lines, ""]))
    git(node.path, "commit", "-qam", "many knobs")
    done = await node.improve({"SIZE": 20} | {f"V{number}": number + 1 for number in range(0, 140, 2)})
    assert await node.rules(done) == ["promoted"]
    assert node.told.kinds() == ["summary"]
    assert "Hive-Delta: none" in git(node.path, "log", "-1", "--format=%B", done.branch)


@pytest.mark.parametrize(
    ("budget", "reason", "ideas"),
    [
        ("iterations = 2", "iterations", 2),
        ("wall_s = 1.5", "wall", 1),
        ("target = 9.0", "target", 3),
        ("patience = 2", "no-progress", 2),
    ],
)
async def test_an_experiment_ends_by_its_budget_its_target_or_its_patience(
    improving: Make, budget: str, reason: str, ideas: int
) -> None:
    node = await improving(spec=SPEC.format(extra="").replace("iterations = 8", budget))
    done = await node.improve({"SIZE": 7}, {"SIZE": 6}, {"SIZE": 12}, {"SIZE": 20})
    assert (done.stop_reason, done.iteration) == (reason, ideas)


async def test_no_idea_at_all_is_an_end_and_not_a_loop(improving: Make) -> None:
    node = await improving()
    done = await node.improve()
    assert (done.state, done.stop_reason, done.iteration) == (State.FINALIZED, "no-ideas", 0)
    assert node.branch_files(done) == ["SIZE = 8\nRATE = 2\n"]


async def test_a_recipe_that_was_told_before_the_rules_changed_is_taken_back(
    improving: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between telling and committing; when it goes on, the rules forbid what passed them."""
    node = await improving()
    forbidding = Constitution.load({"rule": [{"id": "no-twelve", "reason": "not that", "added": ["SIZE = 12"]}]})
    publish = type(node.told).publish
    stopped = asyncio.Event()

    async def cut(told: Any, news: News) -> Any:
        entry = await publish(told, news)
        if isinstance(news.body, Recipe):
            stopped.set()
            await asyncio.Event().wait()
        return entry

    node.drafts({"SIZE": 12})
    experiment = await node.start()
    with monkeypatch.context() as patch:
        patch.setattr(type(node.told), "publish", cut)
        async with node.running():
            await stopped.wait()
    node.constitution = forbidding
    node.renew()
    node.drafts()
    done = (await node.finish(experiment.id))[0]

    assert (done.promotions, done.rejected_constitution) == (0, 1)
    retracted = [one.body.entry for one in node.told.entries.values() if isinstance(one.body, Retract)]
    assert retracted == [await node.told.told(f"recipe:{done.id}:1")]
