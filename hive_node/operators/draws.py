"""Draws that are no chance: the same experiment, at the same idea and for the same purpose, draws the same after a restart."""

from random import Random  # noqa: TID251 - seeded each time; nothing here is left to chance
from typing import TypeAlias

from hive_node.ports import Situation

Draws: TypeAlias = Random
"""A stream of numbers that was decided beforehand."""


def draws(situation: Situation, purpose: str) -> Draws:
    """What the experiment's seed, the ledger's length and `purpose` decide."""
    return Random(f"{situation.experiment.seed} {len(situation.ledger)} {purpose}")  # noqa: S311 - no secret


def lasting_draws(situation: Situation, purpose: str) -> Draws:
    """The same for the whole of an experiment."""
    return Random(f"{situation.experiment.seed} {purpose}")  # noqa: S311 - no secret
