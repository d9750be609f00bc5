"""Gate: the baseline-delta gate over what was measured. The constitutional gate spoke before the run, and speaks again at promotion."""

from dataclasses import replace

from guardrails.baseline import HoldoutResult, judge
from guardrails.evidence import Direction, Pair, Promote, decide
from guardrails.verdict import Rejected
from hive_node.domain import Experiment, State, Trial, Verdict
from hive_node.improve.measuring import guard_samples, policy_of
from hive_node.improve.workshop import Judged, Tried, Workshop
from hive_node.ports import Fault


async def gate(tried: Tried, workshop: Workshop) -> Judged:
    """What the gates say of an idea, as a row."""
    experiment, idea, trial = tried.experiment, tried.idea, tried.trial
    if isinstance(trial, Rejected):  # not run: the constitution or the ledger said no
        return Judged(experiment, idea, None, Verdict(idea.number, trial, workshop.clock.now()))
    if experiment.state is State.JUDGED:
        record = await workshop.ledger.idea(experiment.id, idea.number)
        if record.verdict is None:
            raise Fault("experiment.no-verdict", f"idea {idea.number} of {experiment.id} is judged without a verdict")
        return Judged(experiment, idea, trial, record.verdict)
    verdict = Verdict(idea.number, judge_trial(experiment, trial), workshop.clock.now())
    after = await workshop.ledger.move(experiment.state, replace(experiment, state=State.JUDGED), verdict=verdict)
    return Judged(after, idea, trial, verdict)


def judge_trial(experiment: Experiment, trial: Trial) -> Rejected | None:
    """The baseline-delta gate's *no*, or None. Missing data fails."""
    if trial.failure is not None:
        return trial.failure
    policy = policy_of(experiment, trial.alpha)
    # Guards and holdout are measured only for what is better: for anything else they are not missing, but not asked.
    is_better = trial.evidence is not None and isinstance(decide(trial.evidence, policy), Promote)
    guards = guard_samples(experiment.spec, trial.guards) if is_better else []
    holdout = _holdout(experiment, trial) if is_better else None
    verdict = judge(trial.evidence, policy, guards, missing=(), holdout=holdout)
    return verdict if isinstance(verdict, Rejected) else None


def _holdout(experiment: Experiment, trial: Trial) -> HoldoutResult | None:
    if experiment.spec.holdout is None:
        return None
    # Relative to the champion's own value on the held-out cases: their scale is not the baseline's.
    pairs = [Pair(*trial.holdout)] if trial.holdout else []
    scale = pairs[0].champion if pairs else 0.0
    return HoldoutResult(
        Direction(experiment.spec.metric.direction), scale, pairs, _expected_gain(experiment, trial) / 2
    )


def _expected_gain(experiment: Experiment, trial: Trial) -> float:
    """What the pairs showed, at least, as a share of the champion. Nothing of it on other cases: the answers were learned by heart."""
    if trial.evidence is None or experiment.baseline is None:
        return 0.0
    shown = trial.evidence.gain if trial.evidence.lower is None else trial.evidence.lower
    return max(0.0, shown) * (abs(experiment.baseline.value) or 1.0) / (abs(trial.champion_value or 0.0) or 1.0)
