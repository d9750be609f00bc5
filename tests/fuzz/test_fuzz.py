"""A seeded part of `make fuzz`: what a stranger's bytes can be ends in what was said, or in a refusal with a code."""

from collections import Counter
from random import Random

import pytest

from tests.fuzz.targets import TARGETS, ended

COUNT = 400


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_sent_is_read_or_refused(name: str) -> None:
    random = Random(name)
    stages = Counter(ended(TARGETS[name], TARGETS[name].make(random)) for _ in range(COUNT))

    assert stages.total() == COUNT
    assert len(stages) > 1, "all inputs come to the same end: the mutations reach nothing"
