"""After a promotion: it is measured again, and what became worse is taken back, from the branch and from the hive."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from hive_node.domain import Experiment, State, WatchState
from hive_node.improve.rendering import as_markdown
from hive_node.improve.report import Material, report
from hive_node.improve.workshop import Halted
from hive_node.ports import Draft, Fault, SandboxedCommand
from protocol.deltas import Retract, Summary
from protocol.ids import EntryId, sha256_hex
from tests.fakes.improving import SPEC, Improving, distance, git, knobs, outcome

Make = Callable[..., Awaitable[Improving]]
GUARDED = """
[[guard]]
metric = "seconds"
direction = "lower"
tolerance = 0.1
"""


def spoiled(tree: Path, command: SandboxedCommand) -> str:
    """What was better once is worse now: another machine, another interpreter, a lucky first time."""
    return "METRIC cost=99\n" if knobs(tree)["SIZE"] == 12 else distance(tree, command)


async def later(node: Improving, experiment: Experiment, look: Callable[..., object] = distance) -> Experiment:
    """The experiment after everything that is due by the day after was looked at."""
    node.sandbox.answer = look  # type: ignore[assignment]
    for _ in range(6):
        for watch in await node.ledger.watches_due(node.clock.now() + timedelta(days=2)):
            await node.watchman._attend(watch)
    return await node.ledger.get(experiment.id)


async def test_what_holds_stays_and_is_looked_at_as_often_as_the_spec_says(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 20})
    runs = len(node.sandbox.runs)
    assert await later(node, done) == await node.ledger.get(done.id)
    watches = await node.ledger.watches(done.id)
    assert [(watch.idea, watch.state, watch.looks) for watch in watches] == [
        (1, WatchState.OVER, 3),
        (2, WatchState.OVER, 3),
    ]
    assert len(node.sandbox.runs) > runs
    assert (await node.ledger.get(done.id)).champion == done.champion
    assert (await node.ledger.get(done.id)).spent.wall_s > done.spent.wall_s, "a look is on the books too"
    assert node.worktrees() == []


async def test_nothing_is_looked_at_before_its_time(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    (watch,) = await node.ledger.watches(done.id)
    assert await node.ledger.watches_due(node.clock.now() + timedelta(seconds=500)) == []
    assert await node.ledger.watches_due(node.clock.now() + timedelta(seconds=601)) == [watch]


async def test_what_became_worse_is_reverted_with_all_that_was_built_on_it_and_retracted(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"RATE": 3, "SIZE": 9}, {"SIZE": 12}, {"SIZE": 20})
    assert done.promotions == 3
    after = await later(node, done, spoiled)
    assert (after.state, after.promotions, after.reverted, after.best) == (State.FINALIZED, 1, 2, 12.0)
    assert node.branch_files(done)[-1] == "SIZE = 9\nRATE = 3\n"
    assert git(node.path, "rev-parse", done.branch) == after.champion
    trailers = git(node.path, "log", "-1", "--format=%(trailers:only,unfold)", done.branch)
    assert "Hive-Rule: baseline.worse" in trailers
    assert trailers.count("Hive-Reverts: ") == 2
    assert await node.rules(done) == ["promoted", "baseline.worse", "baseline.worse"]
    retracted = [news.body.entry for news in node.told.entries.values() if isinstance(news.body, Retract)]
    told = [
        await node.told.told(f"{kind}:{done.id}{rest}")
        for kind, rest in (("recipe", ":2"), ("recipe", ":3"), ("summary", ""))
    ]
    assert retracted == told
    assert [one.promoted for news in node.told.entries.values() if isinstance(news.body, Summary) for one in news.body.operators.values()] == [3, 1]  # fmt: skip


async def test_a_promotion_that_no_longer_runs_goes_and_one_that_stumbles_once_stays(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    stumbles = iter([True] + [False] * 100)

    def once(tree: Path, command: SandboxedCommand) -> object:
        if tree.name == "candidate" and next(stumbles):
            return outcome(exit_code=1)
        return distance(tree, command)

    assert (await later(node, done, once)).reverted == 0
    other = await node.improve({"SIZE": 14})
    assert other.promotions == 1

    def never(tree: Path, command: SandboxedCommand) -> object:
        return outcome(exit_code=1) if tree.name == "candidate" else distance(tree, command)

    after = await later(node, other, never)
    assert after.reverted == 1
    assert after.last_rejection is not None
    assert after.last_rejection.startswith("trial.step-failed")


async def test_a_machine_on_which_nothing_runs_takes_nothing_back(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    after = await later(node, done, lambda _tree, _command: outcome(exit_code=1))
    assert (after.reverted, after.promotions) == (0, 1)


async def test_a_guard_that_falls_below_the_pinned_baseline_takes_the_promotion_back(improving: Make) -> None:
    node = await improving(spec=SPEC.format(extra=GUARDED))

    def well(tree: Path, command: SandboxedCommand) -> str:
        return distance(tree, command) + "METRIC seconds=1\n"

    def slow(tree: Path, command: SandboxedCommand) -> str:
        return distance(tree, command) + f"METRIC seconds={1.3 if knobs(tree)['SIZE'] == 12 else 1}\n"

    node.sandbox.answer = well
    done = await node.improve({"SIZE": 12})
    assert done.promotions == 1
    after = await later(node, done, slow)
    assert after.last_rejection is not None
    assert after.last_rejection.startswith("baseline.regression")


async def test_a_new_file_of_a_promotion_is_gone_with_it(improving: Make) -> None:
    from hive_node.ports import Draft

    node = await improving()
    texts = {"src/knobs.py": "SIZE = 12\nRATE = 2\n", "src/more.py": "MORE = 1\n"}
    done = await node.improve(Draft("scripted", "two files", texts))
    assert git(node.path, "ls-tree", "-r", "--name-only", done.branch).split().count("src/more.py") == 1
    await later(node, done, spoiled)
    assert "src/more.py" not in git(node.path, "ls-tree", "-r", "--name-only", done.branch)


async def test_a_running_experiment_looks_between_its_ideas_and_goes_on_from_what_is_left(improving: Make) -> None:
    node = await improving(extra="[watch]\nafter_s = [1.0, 2.0, 3.0]\n")

    def spoil(_situation: object) -> dict[str, int]:
        node.sandbox.answer = spoiled
        return {"RATE": 5}

    done = await node.improve({"SIZE": 12}, spoil, {"SIZE": 10})
    assert done.reverted == 1
    assert await node.rules(done) == ["baseline.worse", "baseline.not-better", "promoted"]
    assert node.branch_files(done)[-1] == "SIZE = 10\nRATE = 2\n"


@pytest.mark.parametrize("fails_at", ["publish", "commit", "move_branch", "revert"])
async def test_interrupted_anywhere_it_is_taken_back_once(
    improving: Make, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    from hive_node.adapters.git import GitRepository
    from hive_node.adapters.store import ExperimentStore
    from tests.fakes.improving import Told

    node = await improving()
    done = await node.improve({"SIZE": 12})
    owner = {"publish": Told, "revert": ExperimentStore}.get(fails_at, GitRepository)
    real = getattr(owner, fails_at)

    async def cut(*arguments: object, **options: object) -> object:
        monkeypatch.setattr(owner, fails_at, real)
        if fails_at != "revert":
            await real(*arguments, **options)
        raise OSError("cut off")

    monkeypatch.setattr(owner, fails_at, cut)
    after = await later(node, done, spoiled)
    assert (after.reverted, after.promotions) == (1, 0)
    assert node.branch_files(done) == ["SIZE = 8\nRATE = 2\n", "SIZE = 12\nRATE = 2\n", "SIZE = 8\nRATE = 2\n"]
    assert git(node.path, "rev-parse", done.branch) == after.champion


async def test_a_branch_that_its_user_moved_is_left_as_it_is(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    git(node.path, "branch", "-f", done.branch, "main")
    node.sandbox.answer = spoiled
    (watch,) = await node.ledger.watches_due(node.clock.now() + timedelta(days=2))
    await node.watchman._attend(watch)
    (kept,) = await node.ledger.watches(done.id)
    assert kept.state is WatchState.REVERTING
    assert kept.due_at > node.clock.now() + timedelta(minutes=30), "tried again, not at once"
    assert git(node.path, "rev-parse", done.branch) == git(node.path, "rev-parse", "main")


async def test_its_user_can_take_back_any_promotion_by_hand(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12}, {"SIZE": 14}, {"SIZE": 20})
    with pytest.raises(Fault, match=r"standing: 1, 2, 3"):
        await node.watchman.roll_back(done.id, 7, "no")
    last = await node.watchman.roll_back(done.id, None, "changed my mind")
    assert (last.promotions, node.branch_files(done)[-1]) == (2, "SIZE = 14\nRATE = 2\n")
    first = await node.watchman.roll_back(done.id, 1, "all of it")
    assert (first.promotions, first.reverted, first.best) == (0, 3, 13.0)
    assert node.branch_files(done)[-1] == "SIZE = 8\nRATE = 2\n"
    with pytest.raises(Fault, match="standing: none"):
        await node.watchman.roll_back(done.id, None, "again")
    assert await node.ledger.watches_due(node.clock.now() + timedelta(days=2)) == []


# --- the recipe behind a promotion fell ------------------------------------------------------------------------------


async def adopted(improving: Make, **options: str) -> tuple[Improving, Experiment, EntryId]:
    """A promotion that came from a recipe."""
    node = await improving(**options)
    recipe = EntryId(sha256_hex(b"recipe"))
    draft = Draft("recipe", "a peer's", {"src/knobs.py": "SIZE = 12\nRATE = 2\n"}, recipe=recipe)
    done = await node.improve(draft, {"SIZE": 14})
    assert done.promotions == 2
    return node, done, recipe


async def looked_now(node: Improving, experiment: Experiment) -> Experiment:
    """After one round of the service, at this very moment."""
    await node.watchman.call_for_looks()
    for watch in await node.ledger.watches_due(node.clock.now()):
        await node.watchman._attend(watch)
    return await node.ledger.get(experiment.id)


@pytest.mark.parametrize("how", ["retracted", "refuted"])
async def test_what_was_adopted_from_a_fallen_recipe_is_measured_again_at_once_and_goes_if_it_is_worse(
    improving: Make, how: Literal["retracted", "refuted"]
) -> None:
    node, done, recipe = await adopted(improving)
    node.sandbox.answer = spoiled
    assert (await looked_now(node, done)).reverted == 0, "its time has not come, and nothing is said against it"
    node.repute.fall(recipe, how)
    after = await looked_now(node, done)
    assert (after.reverted, after.promotions) == (2, 0)
    assert node.branch_files(done)[-1] == "SIZE = 8\nRATE = 2\n"


async def test_what_holds_here_stays_whatever_became_of_its_recipe_and_the_report_says_so(improving: Make) -> None:
    node, done, recipe = await adopted(improving)
    (before, _) = await node.ledger.watches(done.id)
    node.repute.fall(recipe, "retracted")
    runs = len(node.sandbox.runs)
    assert (await looked_now(node, done)).reverted == 0
    assert len(node.sandbox.runs) > runs
    (watch, other) = await node.ledger.watches(done.id)
    assert (watch.state, watch.looks, watch.cause, watch.is_called) == (
        WatchState.OPEN,
        before.looks,
        "retracted",
        False,
    )
    assert (other.cause, other.looks) == (None, 0)
    told = as_markdown(report(Material(done, [], [], {}, {}, [watch])))
    assert "The recipe that it came from was retracted: it was measured again at once and holds here." in told


async def test_a_look_is_called_for_once_for_each_way_to_fall(improving: Make) -> None:
    node, done, recipe = await adopted(improving)
    for how in ("refuted", "retracted"):
        node.repute.fall(recipe, how)
        await looked_now(node, done)
        runs = len(node.sandbox.runs)
        node.repute.changes += 1
        node.renew()
        await looked_now(node, done)
        assert len(node.sandbox.runs) == runs


@pytest.mark.parametrize("options", [{}, {"extra": "[watch]\nafter_s = []\n"}])
async def test_what_is_not_watched_any_more_or_never_was_is_looked_at_too(
    improving: Make, options: dict[str, str]
) -> None:
    node, done, recipe = await adopted(improving, **options)
    await later(node, done)
    node.repute.fall(recipe, "refuted")
    node.sandbox.answer = spoiled
    assert (await looked_now(node, done)).reverted == 2


async def test_a_running_experiment_looks_as_soon_as_a_recipe_of_its_own_fell(improving: Make) -> None:
    node = await improving()
    recipe = EntryId(sha256_hex(b"recipe"))

    async def fall(_situation: object) -> dict[str, int]:
        node.sandbox.answer = spoiled
        node.repute.fall(recipe, "retracted")
        await node.watchman.call_for_looks()
        return {"RATE": 5}

    draft = Draft("recipe", "a peer's", {"src/knobs.py": "SIZE = 12\nRATE = 2\n"}, recipe=recipe)
    done = await node.improve(draft, fall, {"SIZE": 10})
    assert done.reverted == 1
    assert node.branch_files(done)[-1] == "SIZE = 10\nRATE = 2\n"


async def test_while_the_hive_is_halted_nothing_is_taken_back(improving: Make) -> None:
    node = await improving()
    done = await node.improve({"SIZE": 12})
    node.halted = "halted by its admin"
    with pytest.raises(Halted):
        await node.watchman.roll_back(done.id, None, "now")
    assert (await node.ledger.get(done.id)).promotions == 1
    node.halted = None
    assert (await later(node, done)).promotions == 0, "what was asked for is done once that is over"
