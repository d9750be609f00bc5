"""The loop one step at a time: order, bad edits, stops and restarts in between."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hive_node.domain import State, WrongState
from hive_node.ports import Fault, SandboxedCommand
from protocol.deltas import Edit
from tests.fakes.improving import Improving, distance, git, knobs

Make = Callable[..., Awaitable[Improving]]


def setting(old: int, new: int) -> tuple[Edit, ...]:
    return (Edit(path="src/knobs.py", search=f"SIZE = {old}\n", replace=f"SIZE = {new}\n"),)


async def test_a_conversation_drives_the_loop_to_a_promotion_and_an_end(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    assert (await node.steps.run(one.id)).state is State.BASELINED
    assert (await node.steps.edit(one.id, "wider", setting(8, 12))).state is State.PROPOSED
    assert (await node.steps.run(one.id)).state is State.TRIED
    promoted = await node.steps.decide(one.id)
    assert (promoted.state, promoted.best) == (State.PROMOTED, 9.0)
    assert (await node.steps.edit(one.id, "narrower", setting(12, 9))).state is State.PROPOSED
    await node.steps.run(one.id)
    assert (await node.steps.decide(one.id)).state is State.REJECTED
    ended = await node.steps.finalize(one.id)
    assert (ended.state, ended.stop_reason) == (State.FINALIZED, "user")
    assert node.branch_files(ended)[-1] == "SIZE = 12\nRATE = 2\n"
    assert node.told.kinds() == ["recipe", "summary"]
    assert node.worktrees() == []


async def test_a_step_out_of_order_says_where_it_stands_and_changes_nothing(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    for step in (node.steps.decide(one.id), node.steps.edit(one.id, "x", setting(8, 12)), node.steps.finalize(one.id)):
        with pytest.raises(WrongState) as error:
            await step
        assert error.value.state is State.CREATED
    await node.steps.run(one.id)
    for wrong in (node.steps.run(one.id), node.steps.decide(one.id)):
        with pytest.raises(WrongState):
            await wrong
    await node.steps.edit(one.id, "x", setting(8, 12))
    with pytest.raises(WrongState):
        await node.steps.decide(one.id)  # an edit that was never run is never decided
    assert (await node.ledger.get(one.id)).state is State.PROPOSED
    await node.steps.close_all()


async def test_decided_twice_is_promoted_once(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    await node.steps.run(one.id)
    await node.steps.edit(one.id, "x", setting(8, 12))
    await node.steps.run(one.id)
    results = await asyncio.gather(node.steps.decide(one.id), node.steps.decide(one.id), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Experiment", "WrongState"]
    assert len(node.branch_files(one)) == 2
    await node.steps.close_all()


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(path="src/knobs.py", search="SIZE = 99", replace="x"), "edit.no-match"),
        (Edit(path="src/knobs.py", search="= ", replace="x"), "edit.no-match"),
        (Edit(path="src/knobs.py", search="", replace="x"), "edit.no-match"),
        (Edit(path="bench/run.py", search="print", replace="x"), "edit.no-match"),
        (Edit(path="../outside.py", search="a", replace="x"), "edit.no-match"),
        (Edit(path="src/knobs.py", search="SIZE = 8", replace="SIZE = 8"), "edit.empty"),
        (Edit.model_construct(path="src/knobs.py", search="SIZE = 8", replace="'\ud800'"), "edit.not-text"),
    ],
)
async def test_an_edit_that_does_not_fit_is_refused_and_takes_nothing(improving: Make, edit: Edit, code: str) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    await node.steps.run(one.id)
    with pytest.raises(Fault) as error:
        await node.steps.edit(one.id, "x", (edit,))
    assert error.value.code == code
    after = await node.ledger.get(one.id)
    assert (after.state, after.iteration) == (State.BASELINED, 0)
    await node.steps.close_all()


async def test_an_edit_that_the_constitution_refuses_is_over_after_its_run(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    await node.steps.run(one.id)
    evil = Edit(path="src/knobs.py", search="SIZE = 8\n", replace="import os\nos.system('id')\nSIZE = 8\n")
    await node.steps.edit(one.id, "x", (evil,))
    runs = len(node.sandbox.runs)
    refused = await node.steps.run(one.id)
    assert (refused.state, refused.rejected_constitution) == (State.REJECTED, 1)
    assert len(node.sandbox.runs) == runs
    await node.steps.close_all()


async def test_the_node_goes_down_between_any_two_steps_and_the_conversation_goes_on(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)

    def killed() -> None:
        node.renew()  # the trees of the life before are still there

    killed()
    await node.steps.run(one.id)
    killed()
    await node.steps.edit(one.id, "wider", setting(8, 12))
    killed()
    await node.steps.run(one.id)
    killed()
    promoted = await node.steps.decide(one.id)
    killed()
    assert promoted.promotions == 1
    await node.steps.edit(one.id, "wider", setting(12, 20))
    await node.steps.close_all()
    killed()
    await node.steps.run(one.id)
    assert (await node.steps.decide(one.id)).promotions == 2
    killed()
    ended = await node.steps.finalize(one.id)
    assert len(node.branch_files(ended)) == 3
    assert node.worktrees() == []


async def test_a_stop_ends_the_step_that_runs(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    await node.steps.run(one.id)
    await node.steps.edit(one.id, "x", setting(8, 12))
    hangs = asyncio.Event()

    async def hanging(tree: Path, command: SandboxedCommand) -> str:
        if knobs(tree)["SIZE"] == 12:
            hangs.set()
            await asyncio.Event().wait()
        return distance(tree, command)

    node.sandbox.answer = hanging
    run = asyncio.ensure_future(node.steps.run(one.id))
    await hangs.wait()
    await node.steps.close(one.id)  # as the API's stop does it
    stopped = await node.runner.stop(one.id)
    with pytest.raises(WrongState):
        await run
    assert stopped.state is State.STOPPED
    assert (await node.ledger.get(one.id)).state is State.STOPPED
    assert node.worktrees() == []


async def test_a_baseline_that_cannot_be_measured_can_be_run_again_once_it_is_mended(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    node.sandbox.answer = lambda _tree, _command: "no metric\n"
    with pytest.raises(Fault) as error:
        await node.steps.run(one.id)
    assert error.value.code == "trial.no-metric"
    node.sandbox.answer = distance
    assert (await node.steps.run(one.id)).state is State.BASELINED
    await node.steps.close_all()


async def test_while_halted_a_decision_is_put_off_and_not_lost(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True)
    await node.steps.run(one.id)
    await node.steps.edit(one.id, "x", setting(8, 12))
    await node.steps.run(one.id)
    node.halted = "incident"
    with pytest.raises(Fault) as error:
        await node.steps.decide(one.id)
    assert error.value.code == "experiment.halted"
    node.halted = None
    assert (await node.steps.decide(one.id)).promotions == 1
    await node.steps.close_all()


async def test_the_node_does_not_drive_what_a_conversation_drives_nor_the_other_way(improving: Make) -> None:
    node = await improving()
    ours, theirs = await node.start(stepwise=True), await node.start()
    with pytest.raises(Fault) as error:
        await node.steps.run(theirs.id)
    assert error.value.code == "experiment.not-stepwise"
    await node.finish(theirs.id)
    assert (await node.ledger.get(ours.id)).state is State.CREATED


async def test_a_used_up_budget_takes_no_more_edits(improving: Make) -> None:
    node = await improving()
    one = await node.start(stepwise=True, iterations=1)
    await node.steps.run(one.id)
    await node.steps.edit(one.id, "x", setting(8, 7))
    await node.steps.run(one.id)
    await node.steps.decide(one.id)
    with pytest.raises(Fault) as error:
        await node.steps.edit(one.id, "x", setting(8, 12))
    assert error.value.code == "experiment.budget"
    assert (await node.steps.finalize(one.id)).state is State.FINALIZED
    assert git(node.path, "status", "--porcelain") == ""
