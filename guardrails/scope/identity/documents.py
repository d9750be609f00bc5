"""Machine-readable zones of passports, visas and identity cards (ICAO 9303)."""

from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity.checksums import icao

# Where each format's second line keeps: number with its check, birthday, expiry.
_FIELDS: Final = {44: ((0, 10), (13, 20), (21, 28)), 36: ((0, 10), (13, 20), (21, 28)), 30: ((0, 7), (8, 15))}


def machine_readable(candidate: Candidate) -> float:
    """A zone of whose lines one has right check digits over number, birthday and expiry."""
    lines = candidate.value.split()
    return candidate.confidence if any(map(_is_checked, lines)) else 0.0


def _is_checked(line: str) -> bool:
    fields = [line[start:end] for start, end in _FIELDS.get(len(line), ())]
    return bool(fields) and all(field[-1].isdigit() and icao(field) for field in fields)
