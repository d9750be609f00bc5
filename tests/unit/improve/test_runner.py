"""The runner: what stops an experiment, what makes it wait, and what one experiment may do to those beside it."""

import asyncio
import errno
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hive_node.domain import State, WrongState
from hive_node.improve.brake import Brake, Stopped
from hive_node.ports import SandboxedCommand, SandboxUnavailable, StoreError
from tests.fakes.improving import Improving, distance, git, knobs

Make = Callable[..., Awaitable[Improving]]


class Hanging:
    """Measures until SIZE is 12, then hangs until it is killed."""

    def __init__(self) -> None:
        self.hangs = asyncio.Event()
        self.killed = 0

    async def __call__(self, tree: Path, command: SandboxedCommand) -> str:
        if knobs(tree)["SIZE"] != 12:
            return distance(tree, command)
        self.hangs.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.killed += 1
            raise
        return ""


async def test_stop_kills_the_run_and_keeps_everything_that_was_promoted(improving: Make) -> None:
    node = await improving()
    node.sandbox.answer = hanging = Hanging()
    node.drafts({"SIZE": 10}, {"SIZE": 12}, {"SIZE": 20})
    experiment = await node.start()
    async with node.running():
        await hanging.hangs.wait()
        stopped = await node.runner.stop(experiment.id, "lunch")
    assert (stopped.state, stopped.stop_reason, stopped.promotions) == (State.STOPPED, "lunch", 1)
    assert hanging.killed == 1
    assert node.branch_files(stopped) == ["SIZE = 8\nRATE = 2\n", "SIZE = 10\nRATE = 2\n"]
    assert node.worktrees() == []
    assert node.told.calls.count(f"summary:{experiment.id}") == 1
    summary = node.told.entries[f"summary:{experiment.id}"].body
    assert dict(summary.operators["scripted"])["proposed"] == 2  # type: ignore[union-attr]
    assert await node.runner.stop(experiment.id) == stopped, "a second stop changes nothing"
    assert node.told.calls.count(f"summary:{experiment.id}") == 1


async def test_stop_while_waiting_for_a_turn_or_a_halt_to_end_is_prompt(improving: Make) -> None:
    node = await improving()
    await node.places.acquire()
    waiting = await node.start()
    async with node.running():
        await asyncio.sleep(0.05)
        stopped = await node.runner.stop(waiting.id)
        assert stopped.state is State.STOPPED
        node.places.release()
        node.halted = "maintenance"
        halted = await node.start()
        node.runner.wake()
        while not node.clock.slept:
            await asyncio.sleep(0.005)
        assert (await node.runner.stop(halted.id)).state is State.STOPPED
    assert node.worktrees() == []


@pytest.mark.parametrize("at", ["publish", "move_branch", "row"])
async def test_stop_in_the_middle_of_a_promotion_finishes_the_promotion(
    improving: Make, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    node = await improving()
    node.drafts({"SIZE": 20}, {"SIZE": 21})
    experiment = await node.start()
    reached, stopping = asyncio.Event(), asyncio.Event()

    def pausing(function: Callable[..., Awaitable[Any]], matches: Callable[..., bool]) -> Callable[..., Awaitable[Any]]:
        async def paused(*arguments: Any, **options: Any) -> Any:
            if matches(*arguments, **options) and not reached.is_set():
                reached.set()
                await stopping.wait()
            return await function(*arguments, **options)

        return paused

    if at == "publish":
        node.told.publish = pausing(node.told.publish, lambda *_: True)  # type: ignore[method-assign]
    elif at == "row":
        node.runner.ledger = node.ledger = _Pausing(node.ledger, pausing)  # type: ignore[assignment]
    else:
        from hive_node.adapters.git import GitRepository

        moved = pausing(GitRepository.move_branch, lambda _self, _name, _new, old: old is not None)
        monkeypatch.setattr(GitRepository, "move_branch", moved)
    async with node.running():
        await reached.wait()
        stop = asyncio.ensure_future(node.runner.stop(experiment.id))
        await asyncio.sleep(0.02)
        assert not stop.done()
        stopping.set()
        stopped = await stop
    assert (stopped.state, stopped.promotions) == (State.STOPPED, 1)
    assert git(node.path, "rev-parse", stopped.branch) == stopped.champion
    assert [promotion.commit for promotion in await node.ledger.promotions(stopped.id)] == [stopped.champion]
    assert node.told.kinds() == ["recipe", "summary"]


class _Pausing:
    """The ledger, with one pause before the row of a promotion."""

    def __init__(self, ledger: Any, pausing: Any) -> None:
        self._ledger = ledger
        self.move = pausing(ledger.move, lambda *_, **given: "promotion" in given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


async def test_an_experiment_that_nobody_drives_is_stopped_with_its_trees(improving: Make) -> None:
    node = await improving()
    experiment = await node.start()
    await node.open_workshop(experiment)  # as a life of the node that was killed would leave them
    assert len(node.worktrees()) == 3
    assert (await node.runner.stop(experiment.id)).state is State.STOPPED
    assert node.worktrees() == []


@pytest.mark.parametrize("places", [1, 2])
async def test_two_experiments_at_once_share_the_places_and_both_end(improving: Make, places: int) -> None:
    node = await improving()
    node.places = asyncio.Semaphore(places)
    node.renew()
    node.drafts({"SIZE": 10}, {"SIZE": 12}, {"SIZE": 20})

    all_taken = asyncio.Event()

    async def once_all_places_were_taken(tree: Path, command: SandboxedCommand) -> str:
        if node.sandbox.most_at_once == places:
            all_taken.set()
        await all_taken.wait()
        return distance(tree, command)

    node.sandbox.answer = once_all_places_were_taken
    one, other = await node.start(), await node.start()
    assert one.id != other.id
    assert one.branch != other.branch
    done = await node.finish(one.id, other.id)
    assert [(each.state, each.promotions, each.stop_reason) for each in done] == [(State.FINALIZED, 3, "no-ideas")] * 2
    assert node.sandbox.most_at_once == places
    assert node.branch_files(done[0]) == node.branch_files(done[1])
    assert node.worktrees() == []


async def test_a_bug_in_one_experiment_fails_it_alone(improving: Make, caplog: pytest.LogCaptureFixture) -> None:
    node = await improving()

    def broken(_situation: Any) -> Any:
        raise KeyError("a bug of ours")

    node.drafts(broken)
    buggy = await node.start()
    (failed,) = await node.finish(buggy.id)
    assert failed.state is State.FAILED
    assert failed.stop_reason == "internal: KeyError; the node's log has the details"
    assert "a bug of ours" in caplog.text
    assert (await node.improve({"SIZE": 12})).state is State.FINALIZED


async def test_a_sandbox_that_is_gone_fails_the_experiment_with_the_remedy(improving: Make) -> None:
    node = await improving()

    def gone(_tree: Path, _command: SandboxedCommand) -> str:
        raise SandboxUnavailable("sandbox.missing", "bubblewrap is not installed", "apt-get install bubblewrap")

    node.sandbox.answer = gone
    done = await node.improve({"SIZE": 12})
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert done.stop_reason.startswith("sandbox.missing: step `bench`")
    assert "apt-get install bubblewrap" in done.stop_reason


async def test_a_repository_that_is_deleted_fails_the_experiment_and_leaves_no_trees(improving: Make) -> None:
    node = await improving()

    def deleting(tree: Path, command: SandboxedCommand) -> str:
        answer = distance(tree, command)
        if knobs(tree)["SIZE"] == 12:
            shutil.rmtree(node.path, ignore_errors=True)
        return answer

    node.sandbox.answer = deleting
    done = await node.improve({"SIZE": 12})
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert done.stop_reason.startswith("repository.missing:")
    assert not (node.folder / "trees" / done.id).exists()


@pytest.mark.parametrize("prune", [False, True])
async def test_trees_that_a_person_deletes_are_laid_out_again(improving: Make, prune: bool) -> None:
    node = await improving()
    deleted: list[Path] = []

    def answer(tree: Path, command: SandboxedCommand) -> str:
        answer = distance(tree, command)
        if knobs(tree)["SIZE"] == 10 and not deleted:
            deleted.append(tree)
            for arm in ("baseline", "champion", "candidate"):
                shutil.rmtree(tree.parent / arm, ignore_errors=True)
            if prune:
                git(node.path, "worktree", "prune")
            tree.mkdir()  # the run itself still looks for what it protected
            git(node.path, "archive", "-o", str(tree / "x.tar"), "HEAD")
            shutil.unpack_archive(tree / "x.tar", tree)
        return answer

    node.sandbox.answer = answer
    done = await node.improve({"SIZE": 10}, {"SIZE": 20})
    assert deleted
    assert (done.state, done.promotions) == (State.FINALIZED, 2)
    assert node.worktrees() == []


async def test_a_branch_that_a_person_moved_fails_the_experiment_and_stays_theirs(improving: Make) -> None:
    node = await improving()
    (node.path / "mine.txt").write_text("mine\n")
    git(node.path, "add", "-A")
    git(node.path, "commit", "-q", "-m", "mine")
    theirs: list[str] = []

    def moving(tree: Path, command: SandboxedCommand) -> str:
        if knobs(tree)["SIZE"] == 12 and not theirs:
            git(node.path, "branch", "-f", "hive/knobs/knobs-1", "HEAD~1")
            theirs.append(git(node.path, "rev-parse", "HEAD~1"))
        return distance(tree, command)

    node.sandbox.answer = moving
    done = await node.improve({"SIZE": 12})
    assert done.state is State.FAILED
    assert done.stop_reason is not None
    assert done.stop_reason.startswith("repository.branch-moved:")
    assert git(node.path, "rev-parse", done.branch) == theirs[0]
    assert node.told.kinds() == ["summary"], "nothing is told of a promotion that could not be made"
    assert done.promotions == 0


async def test_a_branch_that_is_checked_out_makes_the_promotion_wait(improving: Make) -> None:
    node = await improving()
    node.drafts({"SIZE": 12}, {"SIZE": 20})

    def looking(tree: Path, command: SandboxedCommand) -> str:
        if knobs(tree)["SIZE"] == 20 and not node.clock.slept:
            git(node.path, "switch", "-q", "hive/knobs/knobs-1")
        return distance(tree, command)

    node.sandbox.answer = looking
    experiment = await node.start()
    async with node.running():
        while len(node.clock.slept) < 3:
            await asyncio.sleep(0.005)
        assert (await node.ledger.get(experiment.id)).state is State.JUDGED
        assert git(node.path, "status", "--porcelain") == ""
        git(node.path, "switch", "-q", "main")
        while not (await node.ledger.get(experiment.id)).is_over:
            await asyncio.sleep(0.005)
    done = await node.ledger.get(experiment.id)
    assert (done.state, done.promotions) == (State.FINALIZED, 2)
    assert node.told.kinds() == ["recipe", "recipe", "summary"]


@pytest.mark.parametrize("fault", ["sandbox", "store"])
async def test_a_full_disk_makes_it_wait_where_it_is_and_go_on_when_there_is_room(
    improving: Make, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    node = await improving()
    full = [True]

    def answer(tree: Path, command: SandboxedCommand) -> str:
        if fault == "sandbox" and knobs(tree)["SIZE"] == 12 and full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return distance(tree, command)

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(node.ledger, name)

        async def keep_sample(self, experiment: Any, idea: int, arm: Any, sample: Any) -> None:
            if fault == "store" and idea == 1 and full[0]:
                raise StoreError("store.disk-full", "the disk is full")
            await node.ledger.keep_sample(experiment, idea, arm, sample)

    node.sandbox.answer = answer
    node.drafts({"SIZE": 12})
    experiment = await node.start()
    opened = node.open_workshop

    async def with_full_disk(one: Any) -> Any:
        from dataclasses import replace

        return replace(await opened(one), ledger=Full())  # type: ignore[arg-type]

    node.runner.open_workshop = with_full_disk
    node.clock.lets_go.clear()
    async with node.running():
        while not node.clock.slept:
            await asyncio.sleep(0.005)
        waiting = await node.ledger.get(experiment.id)
        assert waiting.state is State.PROPOSED
        assert node.worktrees() == [], "while it waits it takes no room"
        assert "experiment waits" in caplog.text
        node.clock.lets_go.set()
        while len(node.clock.slept) < 3:
            await asyncio.sleep(0.005)
        full[0] = False
        while not (await node.ledger.get(experiment.id)).is_over:
            await asyncio.sleep(0.005)
    done = await node.ledger.get(experiment.id)
    assert (done.state, done.promotions, done.iteration) == (State.FINALIZED, 1, 1)


async def test_nothing_is_promoted_while_halted_and_all_of_it_afterwards(improving: Make) -> None:
    node = await improving()

    def halting(tree: Path, command: SandboxedCommand) -> str:
        if knobs(tree)["SIZE"] == 20 and not node.clock.slept:
            node.halted = "incident"
        return distance(tree, command)

    node.sandbox.answer = halting
    node.drafts({"SIZE": 20})
    experiment = await node.start()
    async with node.running():
        while len(node.clock.slept) < 3:
            await asyncio.sleep(0.005)
        assert (await node.ledger.get(experiment.id)).state is State.JUDGED
        assert node.branch_files(experiment) == ["SIZE = 8\nRATE = 2\n"]
        assert node.told.entries == {}
        node.halted = None
        while not (await node.ledger.get(experiment.id)).is_over:
            await asyncio.sleep(0.005)
    assert (await node.ledger.get(experiment.id)).promotions == 1


async def test_a_second_driver_of_one_experiment_loses(improving: Make) -> None:
    node = await improving()
    experiment = await node.start()
    workshop = await node.open_workshop(experiment)
    try:
        from dataclasses import replace

        await node.ledger.move(State.CREATED, replace(experiment, state=State.STOPPED, stop_reason="user"))
        sample = await workshop.subject.measure("baseline")
        with pytest.raises(WrongState):
            await node.ledger.keep_sample(experiment, 0, "baseline", sample)
        assert (await node.ledger.get(experiment.id)).state is State.STOPPED, "a late run does not bring it back"
        assert await node.ledger.samples(experiment.id, 0) == []
    finally:
        await workshop.subject.close()


async def test_a_brake_that_is_pulled_before_anything_runs_stops_the_first_thing() -> None:
    brake = Brake()
    brake.pull("user")
    with pytest.raises(Stopped):
        await brake.over(lambda: asyncio.sleep(60))


async def test_a_brake_does_not_swallow_the_end_of_the_daemon() -> None:
    brake = Brake()
    task = asyncio.ensure_future(brake.over(lambda: asyncio.sleep(60)))
    await asyncio.sleep(0)
    brake.pull("user")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_comparison_that_was_cut_short_has_drawn_on_the_error_budget(improving: Make) -> None:
    node = await improving()
    noise = iter(range(10**6))
    hangs = asyncio.Event()

    async def noisily(tree: Path, _command: SandboxedCommand) -> str:
        run = next(noise)
        if run == 9:  # after five of the baseline and two pairs
            hangs.set()
            await asyncio.Event().wait()
        return f"METRIC cost={100 + run % 7 + knobs(tree)['SIZE']}\n"

    node.sandbox.answer = noisily
    node.drafts({"SIZE": 9})
    experiment = await node.start()
    async with node.running():
        await hangs.wait()
    assert len(await node.ledger.samples(experiment.id, 1)) == 4
    assert (await node.ledger.get(experiment.id)).state is State.PROPOSED, "the node went down in the middle of it"
    node.renew()
    (done,) = await node.finish(experiment.id)
    assert done.comparisons == 2
    trial = (await node.ideas(done))[0].trial
    assert trial is not None
    from guardrails.evidence import alpha_for

    assert trial.alpha == alpha_for(2)


async def test_a_machine_in_its_owners_use_makes_it_wait_before_the_next_idea_and_says_why(improving: Make) -> None:
    node = await improving()

    def plug_out(_situation: object) -> dict[str, int]:
        node.machine.reason = "this machine runs on battery"
        return {"SIZE": 12}

    node.drafts(plug_out, {"SIZE": 14})
    node.clock.lets_go.clear()
    experiment = await node.start()
    async with node.running():
        while experiment.id not in node.runner.waiting:
            await asyncio.sleep(0.002)
        assert node.runner.waiting[experiment.id] == "this machine runs on battery"
        assert (await node.ledger.get(experiment.id)).promotions == 1, "what was begun is ended"
        runs = len(node.sandbox.runs)
        node.machine.reason = None
        assert len(node.sandbox.runs) == runs
        node.clock.lets_go.set()
        while not (done := await node.ledger.get(experiment.id)).is_over:
            await asyncio.sleep(0.002)
    assert done.promotions == 2
    assert node.runner.waiting == {}
