"""`tune`: new values for the constants of the editable surface, by Optuna's TPE over everything that was measured so far.

The ledger is its memory: the study is rebuilt from it, so that a restart forgets nothing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hive_node.config.project import TuneHint
from hive_node.domain import Experiment, Files, IdeaRecord
from hive_node.operators.constants import Value, find_constants, replace_constants
from hive_node.operators.edits import changed
from hive_node.ports import Draft, Situation

if TYPE_CHECKING:
    import optuna

# A new value for the same constants is drawn again this often before the space counts as used up.
_DRAWS: Final = 50
# Without a hint a number is sought within a factor of itself; beyond that a person should say what is sensible.
_FACTOR: Final = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A constant of one file."""

    path: str
    name: str

    @property
    def key(self) -> str:
        """As [tune] spells it: `path:NAME`."""
        return f"{self.path}:{self.name}"


@dataclass(frozen=True, slots=True)
class Tune:
    """The numeric operator."""

    name: str = "tune"

    async def draft(self, situation: Situation) -> Draft | None:
        """New values for some constants, or None where there are no constants or no new values."""
        # Optuna is 30 MB and a second to import, and a suggestion takes milliseconds: both beside the event loop.
        return await asyncio.to_thread(_draft, situation)


def search_space(files: Files, hints: Mapping[str, TuneHint]) -> dict[Place, tuple[Value, TuneHint]]:
    """What may be tuned: the constants that [tune] names, or, where it names none, every number in capitals or by default."""
    space: dict[Place, tuple[Value, TuneHint]] = {}
    for path, text in sorted(files.items()):
        for constant in find_constants(text) if path.endswith(".py") else []:
            place = Place(path, constant.name)
            hint = hints.get(place.key) if hints else _guess(constant.name, constant.value)
            if hint is not None:
                space[place] = (constant.value, hint)
    return space


def _guess(name: str, value: Value) -> TuneHint | None:
    last = name.rsplit(".", 1)[-1]
    if isinstance(value, bool | str) or value == 0 or not (last.isupper() or last.endswith(")")):
        return None
    bounds = sorted((value / _FACTOR, value * _FACTOR))
    if isinstance(value, float):
        return TuneHint(low=bounds[0], high=bounds[1], log=value > 0)
    low, high = int(bounds[0]), int(bounds[1])
    return TuneHint(low=max(low, 1) if value > 0 else low, high=max(high, low + 1), log=value > 0)


def _draft(situation: Situation) -> Draft | None:
    space = search_space(situation.champion, situation.experiment.spec.tune)
    if not space:
        return None
    study = _study(situation, space)
    tried = {_signature(record.idea.parameters) for record in situation.ledger}
    for _ in range(_DRAWS):
        trial = study.ask()
        values = {place: _suggest(trial, place, hint) for place, (_, hint) in space.items()}
        files = _apply(situation.champion, space, values)
        parameters = {place.key: value for place, value in values.items()}
        if files and _signature(parameters) not in tried:
            return Draft("tune", _words(space, values), files, parameters=parameters)
    return None


def _study(situation: Situation, space: Mapping[Place, tuple[Value, TuneHint]]) -> "optuna.Study":
    import optuna
    from optuna.study import StudyDirection

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    experiment = situation.experiment
    seed = (experiment.seed + len(situation.ledger)) % 2**32
    direction = StudyDirection.MINIMIZE if experiment.spec.metric.direction == "lower" else StudyDirection.MAXIMIZE
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
    distributions = {place.key: _distribution(hint) for place, (_, hint) in space.items()}
    start = search_space(situation.start, experiment.spec.tune)
    known = [({place.key: value for place, (value, _) in start.items()}, _baseline(experiment))]
    known += [(dict(record.idea.parameters), _value(record)) for record in situation.ledger]
    for parameters, value in known:
        if value is not None and _fits(parameters, distributions):
            study.add_trial(optuna.create_trial(params=parameters, distributions=distributions, value=value))
    return study


def _baseline(experiment: Experiment) -> float | None:
    return experiment.baseline.value if experiment.baseline else None


def _value(record: IdeaRecord) -> float | None:
    return record.trial.candidate_value if record.trial else None


def _fits(
    parameters: Mapping[str, Value], distributions: "Mapping[str, optuna.distributions.BaseDistribution]"
) -> bool:
    if parameters.keys() != distributions.keys():
        return False
    return all(_contains(distributions[name], value) for name, value in parameters.items())


def _contains(distribution: "optuna.distributions.BaseDistribution", value: Value) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))  # noqa: SLF001 - no public way to ask
    except ValueError:
        return False


def _distribution(hint: TuneHint) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions

    if hint.choices:
        return distributions.CategoricalDistribution(list(hint.choices))
    low, high = _bounds(hint)
    if isinstance(low, int) and isinstance(high, int) and isinstance(hint.step or 1, int):
        return distributions.IntDistribution(low, high, log=hint.log, step=int(hint.step or 1))
    return distributions.FloatDistribution(low, high, log=hint.log, step=hint.step)


def _suggest(trial: "optuna.Trial", place: Place, hint: TuneHint) -> Value:
    if hint.choices:
        chosen = trial.suggest_categorical(place.key, list(hint.choices))
        return chosen if chosen is not None else hint.choices[0]
    low, high = _bounds(hint)
    if isinstance(low, int) and isinstance(high, int) and isinstance(hint.step or 1, int):
        return trial.suggest_int(place.key, low, high, log=hint.log, step=int(hint.step or 1))
    return trial.suggest_float(place.key, low, high, log=hint.log, step=hint.step)


def _bounds(hint: TuneHint) -> tuple[float | int, float | int]:
    if hint.low is None or hint.high is None:
        raise ValueError("a hint without choices has low and high")
    return hint.low, hint.high


def _apply(
    champion: Files, space: Mapping[Place, tuple[Value, TuneHint]], values: Mapping[Place, Value]
) -> dict[str, str] | None:
    result = dict(champion)
    for path in {place.path for place in space}:
        chosen = {place.name: value for place, value in values.items() if place.path == path}
        text = replace_constants(champion[path], chosen)
        if text is None:
            return None
        result[path] = text
    return changed(champion, result) or None


def _words(space: Mapping[Place, tuple[Value, TuneHint]], values: Mapping[Place, Value]) -> str:
    changes = [f"{place.name} {old!r} → {values[place]!r}" for place, (old, _) in space.items() if values[place] != old]
    return "Set " + ", ".join(changes)


def _signature(parameters: Mapping[str, Value]) -> str:
    return repr(sorted(parameters.items()))
