"""No input makes the guard slow: of the traps that every rule and layer gives rise to, a few; `make traps` tries all."""

import random
import string

import pytest

from guardrails.scope import default_engine
from tests.traps.shapes import Trap, every_trap
from tests.traps.timing import SLOWER, cost, growth

CHARS = 8 * 1024
# What a character beyond Latin-1 may cost more than an English letter: it is normalised by itself.
FOREIGN_TIMES = 40
# As the seed says; another one each time would make a red run that nobody sees again.
CHOSEN = random.Random(20).sample(list(every_trap()), 60)


@pytest.mark.parametrize("trap", CHOSEN, ids=lambda trap: trap.name)
def test_time_grows_as_the_text_does(trap: Trap) -> None:
    assert growth(default_engine().scan, trap, CHARS) < SLOWER


def test_text_of_another_script_is_no_dearer_than_plain_text_by_far() -> None:
    """Letters of all scripts nearly match the labels of all of them: each tried costs as much as a thousand letters read."""
    chance = random.Random(20)
    plain = "".join(chance.choices(string.ascii_letters + " \n", k=4 * CHARS))
    foreign = "".join(chr(chance.randrange(0x370, 0xD800)) for _ in range(4 * CHARS))
    scan = default_engine().scan
    scan(plain), scan(foreign)  # what is compiled at first use
    assert cost(scan, foreign) < FOREIGN_TIMES * cost(scan, plain)


def test_what_measures_traps_sees_one() -> None:
    def quadratic(text: str) -> int:
        return sum(1 for start in range(0, len(text), 16) if "\x00" in text[start:])

    assert growth(quadratic, Trap("of ours", "a" * 64), 128 * 1024) >= SLOWER
    assert growth(len, Trap("of ours", "a"), CHARS) < SLOWER
