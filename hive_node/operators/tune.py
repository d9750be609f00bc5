"""`tune`: new values for the constants of the editable surface, by Optuna's TPE over everything that was measured so far.

The ledger is its memory: the study is rebuilt from it, so that a restart forgets nothing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hive_node.config.project import TuneHint
from hive_node.domain import Experiment, Files, IdeaRecord
from hive_node.operators.constants import Value, replace_constants
from hive_node.operators.edits import changed
from hive_node.operators.space import Place, Space, search_space
from hive_node.ports import Draft, Situation
from protocol.limits import TEXT_CHARS

if TYPE_CHECKING:
    import optuna

# A new value for the same constants is drawn again this often before the space counts as used up.
_DRAWS: Final = 50


@dataclass(frozen=True, slots=True)
class Tune:
    """The numeric operator."""

    name: str = "tune"

    async def draft(self, situation: Situation) -> Draft | None:
        """New values for some constants, or None where there are no constants or no new values."""
        # Optuna is 30 MB and a second to import, and a suggestion takes milliseconds: both beside the event loop.
        return await asyncio.to_thread(_draft, situation)


def _draft(situation: Situation) -> Draft | None:
    hints = situation.experiment.spec.tune
    space = search_space(situation.champion, hints)
    if not space:
        return None
    start = _values(search_space(situation.start, hints))
    study = _study(situation, space, start)
    tried = {_signature(start), *(_signature(record.idea.parameters) for record in situation.ledger)}
    for _ in range(_DRAWS):
        trial = study.ask()
        values = {place: _like(present, _suggest(trial, place, hint)) for place, (present, hint) in space.items()}
        files = _apply(situation.champion, values)
        parameters = {place.key: value for place, value in values.items()}
        if files and _signature(parameters) not in tried:
            return Draft("tune", _words(space, values), files, parameters=parameters)
    return None


def _study(situation: Situation, space: Space, start: Mapping[str, Value]) -> "optuna.Study":
    import optuna
    from optuna.study import StudyDirection

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    experiment = situation.experiment
    seed = (experiment.seed + len(situation.ledger)) % 2**32
    direction = StudyDirection.MINIMIZE if experiment.spec.metric.direction == "lower" else StudyDirection.MAXIMIZE
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.TPESampler(seed=seed))
    distributions = {place.key: _distribution(hint) for place, (_, hint) in space.items()}
    known = [(start, _baseline(experiment))]
    known += [(record.idea.parameters, _value(record)) for record in situation.ledger]
    for parameters, value in known:
        if value is not None and _fits(parameters, distributions):
            study.add_trial(optuna.create_trial(params=dict(parameters), distributions=distributions, value=value))
    return study


def _baseline(experiment: Experiment) -> float | None:
    return experiment.baseline.value if experiment.baseline else None


def _value(record: IdeaRecord) -> float | None:
    return record.trial.candidate_value if record.trial else None


def _fits(
    parameters: Mapping[str, Value], distributions: "Mapping[str, optuna.distributions.BaseDistribution]"
) -> bool:
    """Whether a study over `distributions` can learn from these: they may come from other hints, or from a recipe."""
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
        return distributions.CategoricalDistribution(hint.choices)
    low, high, step = _bounds(hint)
    if isinstance(low, int) and isinstance(high, int) and isinstance(step or 1, int):
        return distributions.IntDistribution(low, high, log=hint.log, step=int(step or 1))
    return distributions.FloatDistribution(low, high, log=hint.log, step=step)


def _suggest(trial: "optuna.Trial", place: Place, hint: TuneHint) -> Value:
    if hint.choices:
        chosen = trial.suggest_categorical(place.key, hint.choices)
        return chosen if chosen is not None else hint.choices[0]
    low, high, step = _bounds(hint)
    if isinstance(low, int) and isinstance(high, int) and isinstance(step or 1, int):
        return trial.suggest_int(place.key, low, high, log=hint.log, step=int(step or 1))
    return trial.suggest_float(place.key, low, high, log=hint.log, step=step)


def _like(present: Value, value: Value) -> Value:
    """A float stays a float where its range was written in whole numbers."""
    return float(value) if isinstance(present, float) and not isinstance(value, str) else value


def _bounds(hint: TuneHint) -> tuple[float | int, float | int, float | int | None]:
    """As Optuna wants them: the last of equal steps lies within the range, or it warns and moves the end itself."""
    if hint.low is None or hint.high is None:
        raise ValueError("a hint without choices has low and high")
    if hint.step is None:
        return hint.low, hint.high, None
    steps = int((hint.high - hint.low) / hint.step + 1e-9)
    return hint.low, hint.low + steps * hint.step, hint.step


def _apply(champion: Files, values: Mapping[Place, Value]) -> dict[str, str] | None:
    result = dict(champion)
    for path in {place.path for place in values}:
        chosen = {place.name: value for place, value in values.items() if place.path == path}
        text = replace_constants(champion[path], chosen)
        if text is None:
            return None
        result[path] = text
    return changed(champion, result) or None


def _values(space: Space) -> dict[str, Value]:
    return {place.key: value for place, (value, _) in space.items()}


def _words(space: Space, values: Mapping[Place, Value]) -> str:
    changes = [f"{place.name} {old!r} → {values[place]!r}" for place, (old, _) in space.items() if values[place] != old]
    return ("Set " + ", ".join(changes))[:TEXT_CHARS]


def _signature(parameters: Mapping[str, Value]) -> str:
    return repr(sorted(parameters.items()))
