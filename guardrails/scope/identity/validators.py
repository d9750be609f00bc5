"""The checks by the names that rules call them by."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identity import americas, asia_africa, europe, north_east
from guardrails.scope.identity.checksums import Check
from guardrails.scope.identity.documents import machine_readable
from guardrails.scope.identity.plausible import apart, personal_number, plate_number, record_number


def _judged(check: Check, candidate: Candidate) -> float:
    compact = "".join(filter(str.isalnum, candidate.value)).upper()
    return candidate.confidence if check(compact) else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "apart": apart,
    "personal-number": personal_number,
    "record-number": record_number,
    "plate-number": plate_number,
    "machine-readable": machine_readable,
    **{
        name: partial(_judged, check)
        for name, check in {**europe.CHECKS, **north_east.CHECKS, **americas.CHECKS, **asia_africa.CHECKS}.items()
    },
}
