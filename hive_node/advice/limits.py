"""Which changes of hive.toml may be proposed at all: those that leave every gate at least as strict as it is. Pure.

Two specs are compared, section by section, whatever wrote the second one. A section without a judge of its own may not differ,
so that a key that is new to hive.toml is out of reach until somebody decides otherwise.
"""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from guardrails.verdict import Rejected
from hive_node.config.project import GuardSection, ProjectSpec, StepSection, TuneHint

# Beyond this no change of anything would count as a gain.
_MOST_MIN_EFFECT: Final = 0.2
# A time-out is raised step by step: each hang costs that long.
_MOST_RAISE: Final = 10.0
# Below this a run that ended well may be killed the next time, on a busier day.
_LEAST_ROOM: Final = 2.0
_MOST_NEW_STEP_S: Final = 600.0
_PYTHON: Final = re.compile(r"python[0-9.]*")
# They read the files that they are given, run nothing of them, and print neither what is in them nor what else lies beside them.
_READING_MODULE: Final = "py_compile"
_READING_PROGRAM: Final = "sha256sum"


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of the project beside its spec.

    protected: files of the commit that judge; held_out: those of them that the holdout alone may read. slowest: by step, the seconds of the
    longest run that ended by itself; timed_out: steps that were killed for their time where the code was unchanged.
    """

    protected: Set[str]
    held_out: Set[str] = frozenset()
    slowest: Mapping[str, float] = field(default_factory=dict)
    timed_out: Set[str] = frozenset()


Judge: TypeAlias = Callable[[ProjectSpec, ProjectSpec, Ground], Rejected | None]


def judge_change(before: ProjectSpec, after: ProjectSpec, ground: Ground) -> Rejected | None:
    """Why the second spec may not be proposed in the place of the first; None where it may."""
    for section in ProjectSpec.model_fields:
        if getattr(before, section) != getattr(after, section):
            judge = _JUDGES.get(section)
            refused = judge(before, after, ground) if judge else _forbidden(f"[{section}] is for its owner to change")
            if refused is not None:
                return refused
    return None


def _surface(before: ProjectSpec, after: ProjectSpec, _ground: Ground) -> Rejected | None:
    old, new = before.surface, after.surface
    if (old.editable, old.verbatim) != (new.editable, new.verbatim):
        return _forbidden("what may be edited is for its owner to change")
    return _only_more("[surface] protected", old.protected, new.protected)


def _metric(before: ProjectSpec, after: ProjectSpec, _ground: Ground) -> Rejected | None:
    old, new = before.metric, after.metric
    if old.model_copy(update={"min_effect": new.min_effect}) != new:
        return _forbidden("the metric is for its owner to change")
    if not old.min_effect <= new.min_effect <= _MOST_MIN_EFFECT:
        return _loosened(f"min_effect may only rise, to {_MOST_MIN_EFFECT} at most: less would let luck through")
    return None


def _guards(before: ProjectSpec, after: ProjectSpec, _ground: Ground) -> Rejected | None:
    now = {guard.metric: guard for guard in after.guard}
    refused = (_guard(guard, now.get(guard.metric)) for guard in before.guard)
    return next((one for one in refused if one is not None), None)


def _guard(old: GuardSection, new: GuardSection | None) -> Rejected | None:
    if new is None or new.direction != old.direction or new.tolerance > old.tolerance:
        return _loosened(f"guard `{old.metric}` may only become stricter")
    return None


def _holdout(before: ProjectSpec, after: ProjectSpec, ground: Ground) -> Rejected | None:
    old, new = before.holdout, after.holdout
    if old is None or new is None or old.run != new.run:
        return _forbidden("what the holdout runs is for its owner to change")
    if new.looks > old.looks:
        return _loosened("each look at the holdout tells something of it: `looks` may only fall")
    timed = _timeout("holdout", old.timeout_s, new.timeout_s, ground)
    return timed or _only_more("[holdout] files", old.files, new.files)


def _tune(before: ProjectSpec, after: ProjectSpec, _ground: Ground) -> Rejected | None:
    if before.tune.keys() != after.tune.keys():
        return _forbidden("which constants are tuned is for its owner to change")
    if any(_fixed(before.tune[key]) != _fixed(after.tune[key]) for key in before.tune):
        return _forbidden("of a constant's range only its ends and its grid may move")
    return None


def _fixed(hint: TuneHint) -> tuple[object, ...]:
    return hint.log, hint.choices


def _watch(before: ProjectSpec, after: ProjectSpec, _ground: Ground) -> Rejected | None:
    return _only_more("[watch] after_s", before.watch.after_s, after.watch.after_s)


def _allowed(_before: ProjectSpec, _after: ProjectSpec, _ground: Ground) -> None:
    """How often a radical idea is asked for decides nothing."""


def _steps(before: ProjectSpec, after: ProjectSpec, ground: Ground) -> Rejected | None:
    known = {step.name: step for step in before.step}
    kept = [step for step in after.step if step.name in known]
    if [step.name for step in kept] != list(known):
        return _forbidden("no step may go, or change its place among the others")
    for step in after.step:
        old = known.get(step.name)
        refused = _new_step(step, before, ground) if old is None else _old_step(old, step, ground)
        if refused is not None:
            return refused
    return None


def _old_step(old: StepSection, new: StepSection, ground: Ground) -> Rejected | None:
    if old.run != new.run:
        return _forbidden(f"what step `{old.name}` runs is for its owner to change")
    return _timeout(old.name, old.timeout_s, new.timeout_s, ground)


def _timeout(step: str, old: float, new: float, ground: Ground) -> Rejected | None:
    if new > old and (step not in ground.timed_out or new > _MOST_RAISE * old):
        return _loosened(
            f"`{step}`: a time-out rises, by {_MOST_RAISE:g} times at most, only where unchanged code did not end in time"
        )
    if new < old and new < _LEAST_ROOM * (ground.slowest.get(step) or old):  # of 0 s: it never ended by itself
        return Rejected("advice.too-tight", f"`{step}`: runs that ended well took longer than half of that time.")
    return None


def _new_step(step: StepSection, spec: ProjectSpec, ground: Ground) -> Rejected | None:
    """A new command sees the candidate's tree, and what it prints is read for metrics: it only reads, or runs what judges already."""
    if step.timeout_s > _MOST_NEW_STEP_S:
        return _forbidden(f"a new step has at most {_MOST_NEW_STEP_S:g} s")
    if any("\n" in word or "METRIC" in word or _names(word, spec.metric_names) for word in step.run):
        return _forbidden("a new step may not spell a metric")
    program, words = step.run[0], step.run[1:]
    if posixpath.normpath(program) in ground.protected:
        return _runs(program, words, spec, ground)
    if program == _READING_PROGRAM:
        return _only_reads(words)
    if _PYTHON.fullmatch(posixpath.basename(program)):
        return _python(words, spec, ground)
    if program not in {one.run[0] for one in spec.step}:
        return _forbidden(f"`{program}` is not among the programs that this project's steps run")
    return _runs(words[0], words[1:], spec, ground) if words else _forbidden("a new step runs a protected file")


def _python(words: Sequence[str], spec: ProjectSpec, ground: Ground) -> Rejected | None:
    if words[:1] != ("-I",):
        return _forbidden("a new step runs Python with -I, so that no candidate's module is imported")
    if words[1:3] == ("-m", _READING_MODULE):
        return _only_reads(words[3:]) or _writes_beside(words[3:], ground)
    if len(words) < 2 or words[1].startswith("-"):
        return _forbidden("a new step runs a file of the project, not code or a module of its own choice")
    return _runs(words[1], words[2:], spec, ground)


def _only_reads(words: Sequence[str]) -> Rejected | None:
    if not words or any(word.startswith("-") for word in words):
        return _forbidden("a step that only reads is given files, and no options")
    return None


def _writes_beside(files: Sequence[str], ground: Ground) -> Rejected | None:
    """What is compiled is written down beside its source."""
    judges = [file for file in files if posixpath.normpath(file) in ground.protected]
    return _forbidden(f"nothing can be written beside the protected file `{judges[0]}`") if judges else None


def _runs(file: str, words: Sequence[str], spec: ProjectSpec, ground: Ground) -> Rejected | None:
    script = posixpath.normpath(file)
    if script not in ground.protected:
        return _forbidden(f"`{file}` is no protected file: what a candidate could write may not measure")
    if script in {posixpath.normpath(word) for step in spec.step for word in step.run}:
        return _forbidden(f"a step runs `{file}` already: what it prints would stand there twice")
    if ground.held_out & {script, *(posixpath.normpath(word) for word in words)}:
        return _forbidden("a step other than the holdout finds held-out files empty")
    return None


def _names(word: str, metrics: Sequence[str]) -> bool:
    return any(word.startswith(f"{metric}=") for metric in metrics)


def _only_more(what: str, old: Sequence[object], new: Sequence[object]) -> Rejected | None:
    gone = [one for one in old if one not in new]
    return _loosened(f"{what}: `{gone[0]}` may not go") if gone else None


def _forbidden(reason: str) -> Rejected:
    return Rejected("advice.forbidden", f"{reason[0].upper()}{reason[1:]}.")


def _loosened(reason: str) -> Rejected:
    return Rejected("advice.loosened", f"{reason[0].upper()}{reason[1:]}.")


_JUDGES: Final[Mapping[str, Judge]] = {
    "surface": _surface,
    "step": _steps,
    "metric": _metric,
    "guard": _guards,
    "holdout": _holdout,
    "tune": _tune,
    "watch": _watch,
    "auto": _allowed,
}
