"""Advice as stories: what runs show becomes at most five changes of hive.toml, each with its evidence; a person decides."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from guardrails.evidence import Evidence
from guardrails.prices import Usage
from hive_node.adapters.store.database import migrate
from hive_node.advice.effect import Record, calibrated
from hive_node.advice.proposal import Confidence, Standing
from hive_node.domain import Arm, Sample, State
from hive_node.ports import Answer, Ending, NotFound
from hive_node.ports.advice import AdviceFault
from hive_node.subjects.workflow.report import as_markdown, proposal_row, record_rows
from tests.fakes.advising import SPEC, Advising, failed, passed, runs

SECRET = "gh" + "p_" + "a1B2c3D4e5" * 3 + "F6g7H8"
BASELINE: list[tuple[int, Arm, Sample]] = [(0, "baseline", passed()), (0, "baseline", passed())]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "hive.db"
    migrate(path)
    return path


@pytest.fixture
async def node(tmp_path: Path, empty: Path) -> AsyncIterator[Advising]:
    made = await Advising(tmp_path).open(empty)
    yield made
    await made.database.close()


def suggestion(evidence: list[str], **change: Any) -> dict[str, Any]:
    return {"title": "t", "rationale": "r", "confidence": "high", "evidence": evidence, "change": change}


def reply(*items: Any) -> str:
    return "Here it is:\n```json\n" + json.dumps({"proposals": list(items)}) + "\n```"


async def test_of_six_hundred_events_the_only_failure_is_the_last_and_it_is_cited(node: Advising) -> None:
    story = [*BASELINE, *runs(597), (598, "candidate", failed("wrong answer for input 598"))]
    experiment = await node.experiment(*story)
    advised = await node.advise(experiment)
    (proposal,) = advised.proposals
    (place,) = proposal.finding.evidence
    assert (place.experiment, place.event) == (experiment.id, "run-600")
    assert "wrong answer for input 598" in place.words
    node.applies(proposal.diff)
    node.oracle.says = reply()
    await node.advise(experiment, model=True)
    assert f"{experiment.id}/run-600" in node.oracle.heard
    sampled = [int(number) for number in re.findall(r'"event": "knobs-1/run-(\d+)"', node.oracle.heard)]
    assert len(sampled) < 130
    assert all(any(start <= one < start + 60 for one in sampled) for start in range(1, 600, 60)), "from everywhere"


async def test_a_secret_that_a_run_printed_reaches_neither_the_model_nor_the_markdown(node: Advising) -> None:
    cut = f"{'x ' * 90}{SECRET}"[:200]  # as the end of a long line is kept: half of a token
    story = [(1, "candidate", failed(f"no access with {SECRET}")), (2, "candidate", failed(cut, step="bench"))]
    experiment = await node.experiment(*BASELINE, *runs(30), *story, stop_reason=f"it said {SECRET}")
    node.spec.write_text(node.spec.read_text() + f"# {SECRET}\n")
    node.oracle.says = reply()
    advised = await node.advise(experiment, model=True)
    assert advised.proposals
    rows = [proposal_row(one, {}) for one in advised.proposals]
    markdown = await node.service.cleaner.without_secrets(as_markdown(rows, []))
    for told in (
        re.sub(rf"# {SECRET}\n", "", node.oracle.heard),
        markdown,
        json.dumps([one["evidence"] for one in rows]),
    ):
        assert SECRET not in told
        assert "ghp_a1B2" not in told
    assert "no access with [secret]" in node.oracle.heard


async def test_a_step_that_never_ends_in_time_even_unchanged_gets_more(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment((0, "baseline", late))
    (proposal,) = (await node.advise(experiment)).proposals
    assert "+timeout_s = 2400" in proposal.diff
    assert "# wide" in node.spec.read_text()


async def test_what_hangs_is_killed_sooner_with_room_for_a_busy_day(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    assert "+timeout_s = 5" in proposal.diff
    assert proposal.finding.evidence[0].event == "run-23"
    assert proposal.level == 600


async def test_a_step_that_fails_in_every_run_is_told_with_the_file_that_it_lacks(node: Advising) -> None:
    node.spec.write_text(SPEC.replace('"bench/run.py"]', '"bench/run.py", "data/cases.json"]'))
    experiment = await node.experiment(
        (0, "baseline", failed("no such file")), state=State.FAILED, stop_reason="trial.step-failed"
    )
    (proposal,) = (await node.advise(experiment)).proposals
    assert '+run = ["sha256sum", "bench/run.py", "data/cases.json"]' in proposal.diff
    assert "no file 'data/cases.json'" in proposal.finding.rationale
    assert proposal.is_new_task


async def test_candidates_that_do_not_parse_are_found_out_before_they_are_measured(node: Advising) -> None:
    broken = failed("SyntaxError: invalid syntax", wall_s=30)
    experiment = await node.experiment(*BASELINE, *[(n, "candidate", broken) for n in (1, 2, 3)])
    (proposal,) = (await node.advise(experiment)).proposals
    assert '+run = ["python", "-I", "-m", "py_compile", "src/knobs.py"]' in proposal.diff
    assert proposal.finding.confidence is Confidence.HIGH


async def test_an_end_of_a_range_where_nothing_works_is_cut_off(node: Advising) -> None:
    sizes = {1: 10, 2: 20, 3: 30, 4: 40, 5: 48, 6: 50, 7: 60}
    story = [(n, "candidate", failed("too large") if size >= 50 else passed()) for n, size in sizes.items()]
    experiment = await node.experiment(*BASELINE, *story)
    for number, size in sizes.items():
        await node.idea(experiment, number, parameters={"src/knobs.py:SIZE": size})
    (proposal,) = (await node.advise(experiment)).proposals
    assert "low = 1, high = 48" in proposal.diff
    assert {place.event for place in proposal.finding.evidence} == {"run-8", "run-9"}


async def test_a_guard_that_never_bound_is_tightened_and_one_that_did_is_left(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(10))
    for number in range(1, 11):
        await node.idea(experiment, number, guards={"seconds": ((1.0, 1.0 + number / 1000),)})
    (proposal,) = (await node.advise(experiment)).proposals
    assert "+tolerance = 0.02  # wide" in proposal.diff
    assert proposal.finding.evidence[0].event == "idea-10"
    bound = await node.experiment(*BASELINE)
    for number in range(1, 11):
        await node.idea(bound, number, guards={"seconds": ((1.0, 1.0 + number / 20),)})
    assert (await node.advise(bound)).proposals == []


async def test_a_metric_too_noisy_for_the_gain_that_is_asked_for(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, noise=0.2)
    spent = Evidence(40, 0.0, 0.2, None, 1.0, 1.0, 1.0, False)
    for number in (1, 2, 3):
        await node.idea(experiment, number, evidence=spent)
    (proposal,) = (await node.advise(experiment)).proposals
    assert re.search(r"\+min_effect = 0\.\d+", proposal.diff)
    assert proposal.finding.confidence is Confidence.HIGH


async def test_of_several_experiments_only_what_recurs_is_proposed(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    one = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late), (22, "candidate", failed("once")))
    other = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(one, other)).proposals
    assert {place.experiment for place in proposal.finding.evidence} == {one.id, other.id}
    assert "2 of the experiments" in proposal.finding.rationale


async def test_a_no_is_for_ever_also_for_another_number_and_from_a_model(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    await node.service.reject(proposal.id)
    again = await node.advise(experiment)
    assert (again.proposals, again.dropped.reasons) == ([], {"advice.turned-down": 1})
    slower = await node.experiment(*BASELINE, *[(1, "candidate", passed(wall_s=2))] * 20, (21, "candidate", late))
    node.oracle.says = reply(
        suggestion(
            [f"{slower.id}/run-46"], operation="tune-param", table="step", which="bench", key="timeout_s", value=77
        )
    )
    assert (await node.advise(slower, model=True)).dropped.reasons == {"advice.turned-down": 2}
    with pytest.raises(AdviceFault, match="was rejected before"):
        await node.service.apply(proposal.id)


async def test_a_no_that_is_said_while_a_model_is_asked_holds_as_well(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("once")))
    (proposal,) = (await node.advise(experiment)).proposals

    async def meanwhile(*_asked: Any) -> Answer:
        await node.service.reject(proposal.id)
        return Answer(reply(), Usage(1, 1), Ending.DONE)

    node.oracle.ask = meanwhile  # type: ignore[method-assign]
    assert (await node.advise(experiment, model=True)).proposals == []


async def test_asked_twice_it_gives_the_same_proposal_under_the_same_id(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("once")))
    first, second = [await node.advise(experiment) for _ in range(2)]
    assert [one.id for one in first.proposals] == [one.id for one in second.proposals]
    assert len(await node.service.shelf.all()) == 1


async def test_apply_changes_the_file_as_it_is_now_and_keeps_what_was_there(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    edited = node.spec.read_text().replace("# what is measured here", "# my own words since")
    node.spec.write_text(edited)
    node.spec.chmod(0o640)
    applied = await node.service.apply(proposal.id)
    assert node.spec.read_text() == edited.replace("timeout_s = 600", "timeout_s = 5")
    assert node.spec.stat().st_mode & 0o777 == 0o640
    assert applied.backup is not None
    assert Path(applied.backup).read_text() == edited
    assert (await node.service.projects.shelf.get("knobs")).spec.step[0].timeout_s == 5
    with pytest.raises(AdviceFault, match="was applied before"):
        await node.service.apply(proposal.id)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("timeout_s = 600", "timeout_s = 300", "advice.changed"),
        ('name = "bench"', 'name = "other"', "advice.unfit"),
        ("[metric]", "[metric", "advice.spec"),
        ('protected = ["bench/**", "tests/**"]', 'protected = ["gone/**"]', "project.no-such-file"),
    ],
)
async def test_apply_refuses_where_the_file_is_another_one_there_and_changes_nothing(
    node: Advising, old: str, new: str, code: str
) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    node.spec.write_text(node.spec.read_text().replace(old, new))
    before = node.spec.read_bytes()
    with pytest.raises(Exception) as refused:
        await node.service.apply(proposal.id)
    assert getattr(refused.value, "code", None) == code
    assert node.spec.read_bytes() == before
    assert (await node.service.shelf.get(proposal.id)).standing is Standing.OPEN


async def test_a_link_out_of_the_repository_is_left_alone(node: Advising, tmp_path: Path) -> None:
    experiment = await node.experiment(*BASELINE)
    outside = tmp_path / "outside.toml"
    node.spec.rename(outside)
    node.spec.symlink_to(outside)
    with pytest.raises(AdviceFault, match="leads out of the repository"):
        await node.advise(experiment)


async def test_killed_between_the_file_and_its_row_the_next_apply_writes_the_row(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    node.spec.write_text(node.spec.read_text().replace("timeout_s = 600", "timeout_s = 5"))
    assert (await node.service.apply(proposal.id)).standing is Standing.APPLIED


async def test_what_the_next_runs_tell_moves_the_confidence_of_its_class(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late))
    (proposal,) = (await node.advise(experiment)).proposals
    await node.service.apply(proposal.id)
    assert (await node.service.track.read()).effects[proposal.id].helped is None
    later = await node.experiment(*BASELINE, *runs(9), (10, "candidate", failed(rule="trial.timed-out", wall_s=5)))
    effect = (await node.service.track.read()).effects[proposal.id]
    assert (effect.helped, effect.before, effect.after, effect.experiments) == (True, 600, 5, (later.id,))
    assert (await node.service.track.read()).records == {("rule", Confidence.HIGH): Record(1, 1, 1)}
    node.spec.write_text(node.spec.read_text().replace("timeout_s = 5", "timeout_s = 9"))
    await node.experiment(*BASELINE, (1, "candidate", failed(rule="trial.timed-out", wall_s=9000)))
    assert (await node.service.track.read()).records == {("rule", Confidence.HIGH): Record(1, 1, 1)}, (
        "it ran without the change"
    )


async def test_that_something_rare_did_not_happen_again_tells_nothing(node: Advising) -> None:
    sizes = {1: 10, 2: 20, 3: 30, 4: 40, 5: 48, 6: 60}
    story = [(n, "candidate", failed("too large") if size >= 50 else passed()) for n, size in sizes.items()]
    experiment = await node.experiment(*BASELINE, *story)
    for number, size in sizes.items():
        await node.idea(experiment, number, parameters={"src/knobs.py:SIZE": size})
    (proposal,) = (await node.advise(experiment)).proposals
    await node.service.apply(proposal.id)
    await node.experiment(*BASELINE, *runs(10))
    told = await node.service.track.read()
    assert (told.effects[proposal.id].helped, told.records) == (None, {("rule", Confidence.LOW): Record(1, 0, 0)})
    await node.experiment(*BASELINE, *runs(20))
    assert (await node.service.track.read()).effects[proposal.id].helped is True


async def test_a_case_is_judged_by_what_it_catches(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("KeyError: once")))
    (proposal,) = (await node.advise(experiment)).proposals
    await node.service.apply(proposal.id)
    await node.experiment(*BASELINE)
    assert (await node.service.track.read()).effects[proposal.id].helped is None
    caught = await node.experiment(*BASELINE, reverted=1)
    await node.idea(caught, 1)
    assert (await node.service.track.read()).effects[proposal.id].helped is True


def test_a_class_that_is_wrong_here_is_worth_less_and_one_that_is_right_more() -> None:
    def worth(claimed: Confidence, told: int, helped: int) -> Confidence:
        return calibrated("rule", claimed, {("rule", claimed): Record(told, told, helped)})

    assert [worth(one, 0, 0) for one in Confidence] == list(Confidence)
    assert worth(Confidence.HIGH, 4, 0) is Confidence.MEDIUM
    assert worth(Confidence.HIGH, 9, 0) is Confidence.LOW
    assert worth(Confidence.LOW, 8, 8) is Confidence.HIGH
    assert calibrated("model", Confidence.HIGH, {("rule", Confidence.HIGH): Record(9, 9, 0)}) is Confidence.MEDIUM


async def test_what_a_model_invents_or_would_loosen_is_dropped_and_counted(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(5))
    real, tune = (
        [f"{experiment.id}/run-3"],
        {"operation": "tune-param", "table": "guard", "which": "seconds", "key": "tolerance"},
    )
    node.oracle.says = reply(
        suggestion([f"{experiment.id}/run-999"], **tune, value=0.1),
        suggestion(["another-1/run-3"], **tune, value=0.1),
        suggestion(real, **tune, value=0.9),
        suggestion(real, operation="add-step", name="x", run=["bash", "-c", "echo METRIC cost=0"]),
        suggestion(real, **tune, value=0.1) | {"diff": "--- a/hive.toml"},
        suggestion(real, **tune, value=0.2),
    )
    advised = await node.advise(experiment, model=True)
    assert advised.proposals == []
    assert advised.dropped.reasons == {
        "advice.no-evidence": 2,
        "advice.loosened": 1,
        "advice.forbidden": 1,
        "advice.unreadable": 1,
        "advice.too-many": 1,
    }


@pytest.mark.parametrize(
    "says",
    ["", "no", "{", "}{", '{"proposals": 3}', '{"proposals": [3]}', "[]", '{"a": 1, "a": 2}', "{" * 9000, "\ud800{}"],
)
async def test_any_text_of_a_model_ends_in_nothing_worse_than_a_count(node: Advising, says: str) -> None:
    experiment = await node.experiment(*BASELINE)
    node.oracle.says = says
    advised = await node.advise(experiment, model=True)
    assert (advised.proposals, advised.unasked) == ([], None)
    assert set(advised.dropped.reasons) <= {"advice.unreadable"}


async def test_a_model_adds_what_holds_and_its_words_are_text_and_nothing_else(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(5))
    node.oracle.says = reply(
        suggestion(
            [f"{experiment.id}/run-4"],
            operation="tune-param",
            table="guard",
            which="seconds",
            key="tolerance",
            value=0.1,
        )
        | {"title": "# <b>Now</b>\n\n[x](http://evil)", "rationale": "a | b ``` \x1b[31m"}
    )
    (proposal,) = (await node.advise(experiment, model=True)).proposals
    assert proposal.finding.source == "model"
    text = as_markdown([proposal_row(proposal, {})], record_rows({}))
    assert r"## \# \<b\>Now\</b\> \[x\](http://evil)" in text
    assert "\x1b" not in text
    node.applies(proposal.diff)


async def test_without_a_model_it_says_so_and_finds_what_needs_none(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("once")))
    advised = await node.advise(experiment, model=True)
    assert len(advised.proposals) == 1
    assert advised.unasked == "config.toml names no model [model.none]"


async def test_runs_say_nothing_of_a_setting_that_is_another_one_by_now(node: Advising) -> None:
    experiment = await node.experiment(
        *BASELINE, *runs(20), (21, "candidate", failed(rule="trial.timed-out", wall_s=600))
    )
    node.spec.write_text(node.spec.read_text().replace("timeout_s = 600", "timeout_s = 100"))
    advised = await node.advise(experiment)
    assert (advised.proposals, advised.dropped.reasons) == ([], {"advice.superseded": 1})


async def test_what_runs_of_another_evaluator_showed_is_doubted(node: Advising) -> None:
    late = failed(rule="trial.timed-out", wall_s=600)
    experiment = await node.experiment(*BASELINE, *runs(20), (21, "candidate", late), task="0" * 64)
    (proposal,) = (await node.advise(experiment)).proposals
    assert proposal.finding.confidence is Confidence.LOW
    assert "changed since those runs" in proposal.finding.rationale


async def test_thousands_of_failures_alike_are_the_evaluators_work_and_not_rare(node: Advising) -> None:
    wrong = failed("AssertionError: another answer")
    story = [(number, "candidate", wrong if number % 2 else passed()) for number in range(1, 1001)]
    experiment = await node.experiment(*BASELINE, *story)
    assert (await node.advise(experiment)).proposals == []


@pytest.mark.parametrize("after_s", ["[]", "[20000000]"])
async def test_a_watch_that_is_never_or_looks_for_months_is_no_stumbling_block(node: Advising, after_s: str) -> None:
    node.spec.write_text(f"{SPEC}[watch]\nafter_s = {after_s}\n")
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("KeyError: once")))
    proposals = (await node.advise(experiment)).proposals
    assert [one.diff.splitlines()[-1] for one in proposals] == (["+after_s = [259200]"] if after_s == "[]" else [])


async def test_experiments_of_two_projects_an_unknown_one_and_none_are_refused(node: Advising) -> None:
    one, other = await node.experiment(*BASELINE), await node.experiment(*BASELINE, project="another")
    with pytest.raises(AdviceFault, match="of several projects"):
        await node.advise(one, other)
    with pytest.raises(NotFound):
        await node.service.advise(["knobs-99"], asks_model=False)
    with pytest.raises(AdviceFault, match="name 1 to"):
        await node.advise()


async def test_two_who_ask_at_once_are_told_the_same(node: Advising) -> None:
    experiment = await node.experiment(*BASELINE, *runs(30), (31, "candidate", failed("once")))
    one, other = await asyncio.gather(node.advise(experiment), node.advise(experiment))
    assert [found.id for found in one.proposals] == [found.id for found in other.proposals]
