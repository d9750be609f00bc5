"""Rules over numbers: a range whose end never works, a guard that never binds, a metric too noisy for what is asked. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from guardrails.evidence.calibration import pairs_for
from hive_node.advice.case import Case, Found, found, quoted, rounded_up, share_of, worst_change
from hive_node.advice.changes import TuneParam, plain
from hive_node.advice.proposal import MOST_EVIDENCE, Confidence, Finding, Place

# Fewer tell of chance.
_LEAST_TRIALS: Final = 8
_MANY_TRIALS: Final = 30
_LEAST_SURVIVORS: Final = 5
_LEAST_FOR_HIGH: Final = 3
# A guard whose worst case used less than this share of its tolerance never bound anything.
_UNUSED: Final = 0.2
_LEAST_TOLERANCE: Final = 0.02
_MOST_MIN_EFFECT: Final = 0.2


def narrow_range(case: Case) -> Iterator[Found]:
    """An end of a tuned range where nothing works."""
    values = {record.idea.number: record.idea.parameters for record in case.ideas}
    failed = {number: event for number, event in case.history.failed_ideas.items() if values.get(number)}
    for key, hint in case.experiment.spec.tune.items():
        bad = {number: _number(values[number].get(key)) for number in failed}
        good = [
            _number(values[number].get(key))
            for number in case.history.measured_ideas - failed.keys()
            if number in values
        ]
        worked = [value for value in good if value is not None]
        broke = {number: value for number, value in bad.items() if value is not None}
        if not broke or len(worked) < _LEAST_SURVIVORS or hint.low is None or hint.high is None:
            continue
        if min(broke.values()) > max(worked) > hint.low:
            yield _range_end(case, key, "high", max(worked), broke)
        elif max(broke.values()) < min(worked) < hint.high:
            yield _range_end(case, key, "low", min(worked), broke)


def _range_end(case: Case, key: str, end: str, value: float, broke: Mapping[int, float]) -> Found:
    side, name = ("above", max) if end == "high" else ("below", min)
    events = [case.history.failed_ideas[number] for number in broke]
    return found(
        case,
        TuneParam.model_validate({"table": "tune", "which": key, "key": end, "value": plain(value)}),
        Confidence.MEDIUM if len(broke) >= _LEAST_FOR_HIGH else Confidence.LOW,
        f"End the range of `{key.rpartition(':')[2]}` at {value:g}",
        f"Every idea with a value {side} {value:g} failed: {len(broke)} of them, up to {name(broke.values()):g}; "
        f"none that was measured lies there{quoted(events)}.",
        events,
    )


def idle_guard(case: Case) -> Iterator[Found]:
    """A guard so wide that nothing ever came near it."""
    for guard in case.experiment.spec.guard:
        changes = worst_change(case, guard)
        if len(changes) < _LEAST_TRIALS or guard.tolerance <= _LEAST_TOLERANCE:
            continue
        worst = max(0.0, *changes.values())
        wanted = rounded_up(max(2 * worst, _LEAST_TOLERANCE))
        if worst > _UNUSED * guard.tolerance or wanted > guard.tolerance / 2:
            continue
        nearest = sorted(changes, key=lambda number: -changes[number])[:3]
        places = tuple(
            Place(case.experiment.id, f"idea-{number}", f"{guard.metric} {changes[number]:+.2%} against the baseline")
            for number in nearest
        )
        yield Found(
            Finding(
                TuneParam(table="guard", which=guard.metric, key="tolerance", value=wanted),
                Confidence.HIGH if len(changes) >= _MANY_TRIALS else Confidence.MEDIUM,
                f"Tighten the guard `{guard.metric}` to {wanted:.3g}: it never bound",
                f"Over {len(changes)} ideas the worst change of `{guard.metric}` was {worst:+.2%}; a tolerance of {guard.tolerance:.0%} "
                "lets a slow decline through that nobody would notice.",
                places,
            )
        )


def flaky_metric(case: Case) -> Iterator[Found]:
    """Gains that are asked for, and that the metric's noise never lets show."""
    baseline, metric = case.experiment.baseline, case.experiment.spec.metric
    if baseline is None or baseline.calibration.deterministic:
        return
    noise = baseline.calibration.noise
    if pairs_for(noise, max(metric.min_effect, 1e-9)) <= case.most_pairs:
        return
    smallest = next((step / 1000 for step in range(1, 1001) if pairs_for(noise, step / 1000) <= case.most_pairs), None)
    wanted = rounded_up(min((smallest or 1.0) / 2, _MOST_MIN_EFFECT))
    spent = [record for record in case.ideas
             if record.trial and record.trial.evidence and record.trial.evidence.pairs >= case.most_pairs]  # fmt: skip
    if wanted <= metric.min_effect:
        return
    words = f"{metric.name} varied by {noise:.1%} from run to run"
    baseline_runs = [event for event in case.history.sample if event.kind == "run" and event.idea == 0]
    places = [Place(case.experiment.id, event.id, words) for event in baseline_runs]
    places += [Place(case.experiment.id, f"idea-{one.idea.number}", "every pair was spent on it") for one in spent]
    shown = f"below {smallest:.1%}" if smallest else "of any size"
    yield Found(
        Finding(
            TuneParam(table="metric", key="min_effect", value=wanted),
            Confidence.HIGH if len(spent) >= _LEAST_FOR_HIGH else Confidence.MEDIUM,
            f"Ask for gains that show: min_effect = {wanted:.3g}",
            f"The unchanged project varies by {noise:.1%} from run to run: a gain {shown} does not show within {case.most_pairs} "
            f"pairs. {share_of(len(spent), len(case.ideas), 'idea').capitalize()} took every pair. A larger min_effect ends hopeless ones sooner.",
            tuple(places[:MOST_EVIDENCE]),
        )
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
