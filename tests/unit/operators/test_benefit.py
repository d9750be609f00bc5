"""What a hive is worth, on three seeds: `python -m benchmarks benefit` has ten. Real recipes between real nodes, in virtual time."""

import logging
import statistics
from collections.abc import Iterator

import pytest

from benchmarks.benefit import play

PROBLEM = "rastrigin, 5"
SEEDS = (3, 6, 9)


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
def test_each_of_three_nodes_needs_at_most_half_of_the_trials_that_one_needs_alone() -> None:
    alone = [play(PROBLEM, seed, 1) for seed in SEEDS]
    together = [play(PROBLEM, seed, 3) for seed in SEEDS]
    each = statistics.median(max(one.trials) for one in together)
    assert each <= 0.5 * statistics.median(one.trials[0] for one in alone)
    assert all(min(one.adopted) > 0 for one in together), "by one another's recipes"
