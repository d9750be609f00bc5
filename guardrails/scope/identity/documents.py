"""Machine-readable zones of passports, visas and identity cards (ICAO 9303)."""

from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.checksums import icao

# Where a line keeps number, birthday and expiry, each with its check digit: in the second of two, or of three.
_IN_SECOND_OF_TWO: Final = ((0, 10), (13, 20), (21, 28))
_IN_SECOND_OF_THREE: Final = ((0, 7), (8, 15))


def machine_readable(candidate: Candidate) -> float:
    """A line with right check digits over what it holds."""
    *first, line = candidate.value.split()
    fields = [line[start:end] for start, end in (_IN_SECOND_OF_THREE if first else _IN_SECOND_OF_TWO)]
    return candidate.confidence if all(field[-1].isdigit() and icao(field) for field in fields) else 0.0
