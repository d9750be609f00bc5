"""A change of hive.toml as data. There is no other: what a model writes becomes one of these, or nothing."""

import posixpath
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from hive_node.config.project import (
    Argv,
    Bound,
    DirectionName,
    Glob,
    MetricName,
    Name,
    ProjectSpec,
    Seconds,
    Share,
    StepSection,
    WatchSection,
)
from hive_node.config.toml import Section
from protocol.ids import sha256_hex
from protocol.wire import JsonValue, dump_json

Tree: TypeAlias = dict[str, Any]
"""A parsed hive.toml: plain dictionaries, or tomlkit's, which behave like them."""

# What a person can still look through before saying yes.
_MOST_WORDS: Final = 32
_ID_CHARS: Final = 12


def plain(number: float) -> float | int:
    """A number as a person would write it: 60, not 60.0."""
    return int(number) if float(number).is_integer() else number


class Unfit(Exception):
    """The change has no place in this hive.toml. str(): why, in a sentence."""


class AddStep(Section):
    """One more command of a trial. before: the step that it goes ahead of; None: at the end."""

    operation: Literal["add-step"] = "add-step"
    name: Name
    run: Annotated[Argv, Field(max_length=_MOST_WORDS)]
    timeout_s: Seconds = 60.0
    before: Name | None = None


class TuneParam(Section):
    """Another value for one number. which: of several steps, guards or constants, the one that is meant; None elsewhere."""

    operation: Literal["tune-param"] = "tune-param"
    table: Literal["metric", "step", "guard", "holdout", "tune", "auto"]
    which: Annotated[str, Field(min_length=1)] | None = None
    key: Literal["min_effect", "timeout_s", "tolerance", "looks", "low", "high", "step", "explore"]
    value: Bound


class NewGuard(Section):
    """A metric that the steps print, and that may not get worse."""

    metric: MetricName
    direction: DirectionName
    tolerance: Share


class AddCase(Section):
    """One more case to be held against. protected, held_out: a glob. watch_s: another look at a promotion, so many seconds after it.

    Exactly one of the four is given.
    """

    operation: Literal["add-case"] = "add-case"
    guard: NewGuard | None = None
    protected: Glob | None = None
    held_out: Glob | None = None
    watch_s: Annotated[float, Field(gt=0, le=31_536_000)] | None = None


Change: TypeAlias = AddStep | TuneParam | AddCase
# Where each number stands, so that a change cannot name a key that its table does not have.
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "metric": frozenset({"min_effect"}),
    "step": frozenset({"timeout_s"}),
    "guard": frozenset({"tolerance"}),
    "holdout": frozenset({"looks", "timeout_s"}),
    "tune": frozenset({"low", "high", "step"}),
    "auto": frozenset({"explore"}),
}
_NAMED_BY: Final = {"step": "name", "guard": "metric"}
_DEFAULT_WATCH: Final = [plain(one) for one in WatchSection().after_s]
_DEFAULT_STEP: Final = str(StepSection.model_fields["name"].default)


def carry_out(change: Change, tree: Tree, make: Callable[[Tree], Tree] = dict) -> None:
    """Make the change in `tree`. make: a new step of its fields. Raises Unfit, and `tree` is of no use then."""
    match change:
        case AddStep():
            _add_step(change, tree, make)
        case TuneParam():
            _place_of(change, tree)[change.key] = plain(change.value)
        case AddCase():
            _add_case(change, tree)


def number_in(spec: ProjectSpec, change: TuneParam) -> float | int | None:
    """The number that the change is about, as `spec` has it, by default too; None where there is none."""
    match change.table:
        case "step":
            found: object = next((one for one in spec.step if one.name == change.which), None)
        case "guard":
            found = next((one for one in spec.guard if one.metric == change.which), None)
        case "tune":
            found = spec.tune.get(change.which or "")
        case table:
            found = getattr(spec, table)
    value = getattr(found, change.key, None)
    return value if isinstance(value, int | float) else None


def holds(change: Change, spec: ProjectSpec) -> bool:
    """Whether `spec` has the change in it."""
    match change:
        case AddStep(run=run):
            return any(step.run == run for step in spec.step)
        case TuneParam(value=value):
            return number_in(spec, change) == value
        case AddCase(guard=guard, protected=protected, held_out=held_out, watch_s=watch_s):
            return any(
                (
                    guard is not None and guard.metric in {one.metric for one in spec.guard},
                    protected is not None and protected in spec.surface.protected,
                    held_out is not None and held_out in spec.held_out,
                    watch_s is not None and watch_s in spec.watch.after_s,
                )
            )


def identity_of(project: str, change: Change, before: Tree, after: Tree) -> str:
    """The id of a proposal: one for every way to write the same difference, whatever stands around it."""
    lines = {"project": project, "change": change.operation, "difference": _difference(before, after)}
    return sha256_hex(dump_json(lines))[:_ID_CHARS]


def topic_of(change: Change, present: float | int | None) -> str:
    """What the change is about: after a *no* another number for the same thing, in the same direction, is the same idea."""
    match change:
        case AddStep(run=run):
            return " ".join(["add-step", run[0], *sorted({posixpath.normpath(word) for word in run[1:]})])
        case TuneParam(table=table, which=which, key=key, value=value):
            direction = "up" if present is None or value > present else "down"
            return f"tune-param {table}.{which or ''}.{key} {direction}"
        case AddCase(guard=guard, protected=protected, held_out=held_out):
            case = guard.metric if guard else protected or held_out or "watch"
            kind = "guard" if guard else "protected" if protected else "held-out" if held_out else "moment"
            return f"add-case {kind} {case}"


def _add_step(change: AddStep, tree: Tree, make: Callable[[Tree], Tree]) -> None:
    steps = tree["step"]
    names = [step.get("name", _DEFAULT_STEP) for step in steps]
    if change.name in names:
        raise Unfit(f"there is a step `{change.name}` already")
    if change.before is not None and change.before not in names:
        raise Unfit(f"there is no step `{change.before}`")
    place = names.index(change.before) if change.before is not None else len(names)
    steps.insert(place, make({"name": change.name, "run": list(change.run), "timeout_s": plain(change.timeout_s)}))


def _place_of(change: TuneParam, tree: Tree) -> Tree:
    if change.key not in _KEYS[change.table]:
        raise Unfit(f"[{change.table}] has no number `{change.key}`")
    if change.table in _NAMED_BY:
        return _one_of(tree.get(change.table, []), _NAMED_BY[change.table], change.which, change.table)
    if change.table == "tune":
        hints = tree.get("tune", {})
        if change.which not in hints:
            raise Unfit(f"[tune] has no constant `{change.which}`")
        found: Tree = hints[change.which]
        return found
    if change.which is not None:
        raise Unfit(f"there is one [{change.table}]: `which` is left out")
    if change.table == "holdout" and "holdout" not in tree:
        raise Unfit("there is no [holdout]")
    if change.table not in tree:
        tree[change.table] = {}
    table: Tree = tree[change.table]
    return table


def _one_of(tables: list[Tree], key: str, name: str | None, what: str) -> Tree:
    for table in tables:
        if table.get(key, _DEFAULT_STEP) == name:
            return table
    raise Unfit(f"there is no {what} `{name}`")


def _add_case(change: AddCase, tree: Tree) -> None:
    given = [one for one in (change.guard, change.protected, change.held_out, change.watch_s) if one is not None]
    if len(given) != 1:
        raise Unfit("one case is added at a time: give guard, protected, held_out or watch_s")
    if change.guard is not None:
        _append(tree, "guard", change.guard.model_dump(), [])
    elif change.protected is not None:
        _append(tree["surface"], "protected", change.protected, [])
    elif change.held_out is not None:
        if "holdout" not in tree:
            raise Unfit("there is no [holdout]")
        _append(tree["holdout"], "files", change.held_out, [])
    else:
        if "watch" not in tree:
            tree["watch"] = {}
        _append(tree["watch"], "after_s", plain(change.watch_s or 0.0), _DEFAULT_WATCH)


def _append(table: Tree, key: str, item: object, default: list[Any]) -> None:
    if item in table.get(key, default):
        raise Unfit(f"`{item}` stands in `{key}` already")
    if key in table:
        table[key].append(item)
    else:
        table[key] = [*default, item]


def _difference(before: JsonValue, after: JsonValue) -> JsonValue:
    """What differs, by place; lists are compared as what was taken out and what was put in."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted(before.keys() | after.keys())
        return {key: _difference(before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}
    if isinstance(before, list) and isinstance(after, list):
        gone: list[JsonValue] = [item for item in before if item not in after]
        come: list[JsonValue] = [item for item in after if item not in before]
        return {"-": gone, "+": come}
    return {"-": _leaf(before), "+": _leaf(after)}


def _leaf(value: JsonValue) -> JsonValue:
    return plain(value) if isinstance(value, float) else value
