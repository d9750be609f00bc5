"""The corpus, whole: how much of each stratum, and in which order."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.corpus.guard import encoded, personal, placed
from tests.corpus.guard.private_keys import private_keys
from tests.corpus.guard.records import Record


@dataclass(frozen=True, slots=True)
class Size:
    """How many records of each part. The shares are those in which the things occur."""

    providers: int = 1_600
    assignments: int = 900
    connections: int = 200
    special: int = 300
    keys: int = 220
    bare: int = 120
    encoded: int = 240
    personal_labelled: int = 700
    personal_code: int = 450
    personal_unlabelled: int = 120
    personal_contact: int = 300
    personal_free_text: int = 60
    personal_bare: int = 60
    personal_encoded: int = 120
    near_misses: int = 300
    clean: int = 900

    @classmethod
    def of(cls, share: float) -> "Size":
        """A corpus of this share of the whole one's size."""
        whole = cls()
        return cls(*(round(getattr(whole, part) * share) for part in cls.__slots__))


def generate(size: Size, seed: int) -> Iterator[Record]:
    """Every record; the same for the same size and seed."""
    parts = (
        placed.provided(size.providers, random.Random(f"{seed}-provider")),
        placed.assigned(size.assignments, random.Random(f"{seed}-assigned")),
        placed.connections(size.connections, random.Random(f"{seed}-connection")),
        placed.texts("credentials", "assignment", size.special, random.Random(f"{seed}-special")),
        placed.texts("credentials", "keys", size.keys // 2, random.Random(f"{seed}-keys")),
        private_keys(size.keys // 2, random.Random(f"{seed}-private")),
        placed.texts("credentials", "bare", size.bare, random.Random(f"{seed}-bare")),
        encoded.encoded(size.encoded, random.Random(f"{seed}-encoded")),
        personal.numbers("labelled", size.personal_labelled, random.Random(f"{seed}-labelled")),
        personal.numbers("code", size.personal_code, random.Random(f"{seed}-code")),
        personal.numbers("unlabelled", size.personal_unlabelled, random.Random(f"{seed}-unlabelled")),
        placed.texts("personal", "contact", size.personal_contact, random.Random(f"{seed}-contact")),
        placed.texts("personal", "free-text", size.personal_free_text, random.Random(f"{seed}-free")),
        personal.bare(size.personal_bare, random.Random(f"{seed}-bare-number")),
        personal.disguised(size.personal_encoded, random.Random(f"{seed}-disguised")),
        placed.near_misses(size.near_misses, random.Random(f"{seed}-near")),
        placed.texts("clean", "clean", size.clean, random.Random(f"{seed}-clean")),
    )
    for part in parts:
        yield from part
