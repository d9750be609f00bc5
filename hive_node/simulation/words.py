"""What simulated nodes say."""

from hashlib import sha256
from typing import Final

from protocol.deltas import Costs, Metric, Moments, Summary

TASK: Final = sha256(b"the task of simulated hives").hexdigest()
# What honest nodes say that they gained.
HONEST: Final = (0.05, 0.15)


def summary(experiment: str, gain: float) -> Summary:
    """An experiment that gained so much."""
    return Summary(
        task=TASK,
        project="simulated",
        metric=Metric(name="seconds", direction="lower"),
        experiment=experiment,
        baseline=Moments(n=8, mean=1.0, sd=0.01),
        champion=Moments(n=8, mean=1.0 - gain, sd=0.01),
        gain=gain,
        costs=Costs(trials=16, wall_s=20.0),
        environment="simulated",
    )
