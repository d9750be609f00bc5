"""No input makes the guard slow: of the traps that every rule and layer gives rise to, a few; `make traps` tries all."""

import random

import pytest

from guardrails.scope import default_engine
from tests.traps.shapes import Trap, every_trap
from tests.traps.timing import SLOWER, growth

CHARS = 8 * 1024
# As the seed says; another one each time would make a red run that nobody sees again.
CHOSEN = random.Random(20).sample(list(every_trap()), 60)


@pytest.mark.parametrize("trap", CHOSEN, ids=lambda trap: trap.name)
def test_time_grows_as_the_text_does(trap: Trap) -> None:
    assert growth(default_engine().scan, trap, CHARS) < SLOWER


def test_what_measures_traps_sees_one() -> None:
    def quadratic(text: str) -> int:
        return sum(1 for start in range(0, len(text), 16) if "\x00" in text[start:])

    assert growth(quadratic, Trap("of ours", "a" * 64), 128 * 1024) >= SLOWER
    assert growth(len, Trap("of ours", "a"), CHARS) < SLOWER
