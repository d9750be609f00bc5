"""Rules over runs that failed: a step that never passes, one that hangs, what does not parse, what fails once in a while. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from hive_node.advice.case import MOST_FILES, Case, Found, found, quoted, rounded_up, share_of
from hive_node.advice.changes import AddCase, AddStep, TuneParam
from hive_node.advice.history import RunEvent, StepTally, by_signature
from hive_node.advice.proposal import Confidence
from hive_node.config.project import StepSection

# Fewer tell of chance.
_LEAST_FOR_HIGH: Final = 3
_LEAST_TRIALS: Final = 8
# A time-out is for what hangs: this many times the slowest run that ended by itself leaves room for a busy day.
_ROOM: Final = 10.0
_LEAST_TIMEOUT_S: Final = 5.0
_FAR_FROM_TIMEOUT: Final = 20.0
_RAISE: Final = 4.0
_MOST_TIMEOUT_S: Final = 86_400.0
_CHECK_TIMEOUT_S: Final = 30.0
_DAYS_3: Final = 259_200.0
_YEAR: Final = 31_536_000.0
# Of all runs, how many may fail alike and still be an accident.
_RARE: Final = 0.1
_EXCEPTION: Final = re.compile(r"\b\w+(Error|Exception)\b")
_FILE: Final = re.compile(r"[\w.-]+(/[\w.-]+)+")
_DOES_NOT_PARSE: Final = ("SyntaxError", "IndentationError", "TabError")


def always_late(case: Case) -> Iterator[Found]:
    """A step that never ends in time, in unchanged code either."""
    for step, tally in _steps(case):
        if not tally.unchanged or tally.unchanged_timed_out < tally.unchanged or tally.slowest:
            continue
        wanted = min(rounded_up(_RAISE * step.timeout_s), _MOST_TIMEOUT_S)
        yield found(
            case,
            TuneParam(table="step", which=step.name, key="timeout_s", value=wanted),
            Confidence.HIGH if tally.timed_out >= _LEAST_FOR_HIGH else Confidence.MEDIUM,
            f"Give step `{step.name}` more time: it never ended within {step.timeout_s:g} s",
            f"Step `{step.name}` was killed after {step.timeout_s:g} s in {share_of(tally.timed_out, tally.runs)}, "
            "in the unchanged project too: nothing can be measured. If it hangs, more time will not help.",
            case.history.of_step(step.name),
        )


def hangs(case: Case) -> Iterator[Found]:
    """A time-out that costs far more than any run that ended by itself."""
    for step, tally in _steps(case):
        wanted = rounded_up(max(_ROOM * tally.slowest, _LEAST_TIMEOUT_S))
        late = [event for event in case.history.of_step(step.name) if event.rule == "trial.timed-out"]
        is_far_off = 0 < tally.slowest * _FAR_FROM_TIMEOUT <= step.timeout_s
        if not late or not is_far_off or wanted >= step.timeout_s:
            continue
        yield found(
            case,
            TuneParam(table="step", which=step.name, key="timeout_s", value=wanted),
            Confidence.HIGH if tally.runs - tally.failed >= _LEAST_TRIALS else Confidence.MEDIUM,
            f"Kill step `{step.name}` after {wanted:g} s, not {step.timeout_s:g} s",
            f"{share_of(tally.timed_out, tally.runs).capitalize()} hung and cost {tally.lost_s:.0f} s together; no run that ended by "
            f"itself took longer than {tally.slowest:.1f} s.",
            late,
        )


def always_fails(case: Case) -> Iterator[Found]:
    """A step that fails in every run, in unchanged code too: say which file it lacks before it runs."""
    for step, tally in _steps(case):
        is_always = tally.unchanged and tally.unchanged_failed == tally.unchanged and tally.failed == tally.runs
        needed = [word for word in step.run if word in case.files or _FILE.fullmatch(word)][:MOST_FILES]
        if not is_always or tally.timed_out or not needed:
            continue
        missing = [word for word in needed if word not in case.files]
        failures = case.history.of_step(step.name)
        why = f"The commit has no file {missing[0]!r}." if missing else "What it needs is in the commit."
        yield found(
            case,
            AddStep(
                name=_free(case, "inputs"), run=("sha256sum", *needed), timeout_s=_CHECK_TIMEOUT_S, before=step.name
            ),
            Confidence.MEDIUM if missing else Confidence.LOW,
            f"Look for what step `{step.name}` needs before it runs",
            f"Step `{step.name}` failed in {share_of(tally.failed, tally.runs)}, in the unchanged project too"
            f"{quoted(failures)}. {why} A step ahead of it that reads those files tells a missing one from a broken one.",
            failures,
        )


def does_not_parse(case: Case) -> Iterator[Found]:
    """Candidates that no interpreter can read, found out by an expensive step."""
    of_candidates = [event for event in case.history.failures if event.arm == "candidate"]
    failures = [event for event in of_candidates if any(word in event.said for word in _DOES_NOT_PARSE)]
    if failures and (check := _parse_check(case)):
        lost = sum(event.wall_s for event in failures)
        yield found(
            case,
            check,
            Confidence.HIGH if len(failures) >= _LEAST_FOR_HIGH else Confidence.MEDIUM,
            "Parse the editable files before anything is run",
            f"{share_of(len(failures), case.history.runs).capitalize()} failed on source that does not parse{quoted(failures)}, after "
            f"{lost:.1f} s of measuring. A parse takes a tenth of a second, and says so.",
            failures,
        )


def rare(case: Case, explained: set[str]) -> Iterator[Found]:
    """Failures that nothing above explains, however few: the last of six hundred runs too. Many alike are the evaluator's work."""
    for (step, rule), events in by_signature(case.history.failures).items():
        open_ones = [event for event in events if event.kind == "run" and event.id not in explained]
        count = case.history.signatures.get((step, rule), 0) - (len(events) - len(open_ones))
        if not open_ones or count > max(1.0, _RARE * case.history.runs):
            continue
        where = f"in step `{step}`" if step else "without a measurement"
        told = f"{share_of(count, case.history.runs).capitalize()} failed {where} ({rule}){quoted(open_ones)}."
        check = _parse_check(case) if all(_may_not_parse(event, case) for event in open_ones) else None
        advice = _checked_first(case, check, told, open_ones) if check else _looked_at_later(case, told, open_ones)
        if advice is not None:
            yield advice


def _checked_first(case: Case, check: AddStep, told: str, events: Sequence[RunEvent]) -> Found:
    return found(
        case,
        check,
        Confidence.LOW,
        "Parse the editable files before anything is run",
        f"{told} Why, its words do not say, and nothing parses a candidate before it is measured. A check of a tenth of a second "
        "tells a broken file from a wrong answer; it would not catch what parses and fails later.",
        events,
    )


def _looked_at_later(case: Case, told: str, events: Sequence[RunEvent]) -> Found | None:
    later = max([_DAYS_3, *(3 * moment for moment in case.experiment.spec.watch.after_s)])
    if later > _YEAR:
        return None  # it is looked at for months already
    has_passed = any(event.is_unchanged or event.idea in case.history.measured_ideas for event in events)
    known = "The same code had passed before." if has_passed else "No other run of that experiment showed it."
    return found(
        case,
        AddCase(watch_s=later),
        Confidence.LOW,
        f"Look at promotions once more, after {later / 86_400:.0f} days",
        f"{told} {known} What shows this rarely is not seen by the runs of one trial: one more look at what was promoted is one "
        "more case to be held against.",
        events,
    )


def _may_not_parse(event: RunEvent, case: Case) -> bool:
    """Whether a candidate's file may have been unreadable: none of its runs passed, and it did not say otherwise."""
    is_new = event.arm == "candidate" and event.idea not in case.history.measured_ideas
    return is_new and event.rule == "trial.step-failed" and not _EXCEPTION.search(event.said)


def _parse_check(case: Case) -> AddStep | None:
    """A step that parses every editable Python file, first of all; None where there is none, or one does so already."""
    steps = case.experiment.spec.step
    if not case.sources or any("py_compile" in step.run for step in steps):
        return None
    run = ("python", "-I", "-m", "py_compile", *case.sources)
    return AddStep(name=_free(case, "parse"), run=run, timeout_s=_CHECK_TIMEOUT_S, before=steps[0].name)


def _steps(case: Case) -> Iterator[tuple[StepSection, StepTally]]:
    for step in case.experiment.spec.step:
        if tally := case.history.steps.get(step.name):
            yield step, tally


def _free(case: Case, name: str) -> str:
    taken = {step.name for step in case.experiment.spec.step}
    return name if name not in taken else next(one for n in range(2, 1000) if (one := f"{name}-{n}") not in taken)
