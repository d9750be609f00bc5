"""Numbers of people's devices and vehicles: handsets, SIM cards, serial numbers, advertising ids, chassis, plates."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal.checksums import luhn
from guardrails.scope.placeholders import is_dummy, is_placeholder

# A serial number is longer than a count and has a digit.
_SERIAL_CHARS: Final = 6
# A version, a date, an amount: no serial number.
_LEAST_SERIAL_DIGITS: Final = 2


def imei(candidate: Candidate) -> float:
    """3GPP TS 23.003: fifteen digits with Luhn's; sixteen with a software version, or a MEID, have no check."""
    digits = "".join(filter(str.isdigit, candidate.value))
    is_pattern = len(set(digits)) < 4 or digits.startswith("123456789")
    return 0.0 if is_pattern or (len(digits) == 15 and not luhn(digits)) else candidate.confidence


def sim(candidate: Candidate) -> float:
    """ITU-T E.118: begins with 89, nineteen or twenty digits."""
    digits = "".join(filter(str.isdigit, candidate.value))
    return candidate.confidence if len(set(digits)) > 4 else 0.0


def labelled_chassis(candidate: Candidate) -> float:
    """A vehicle's number (ISO 3779) after its label: European makers leave the ninth place without a check."""
    value = candidate.value
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return candidate.confidence if has_both and len(set(value)) > 6 else 0.0


def serial(candidate: Candidate) -> float:
    """What tells one device from all others, after a word that says so."""
    value = candidate.value
    digits = sum(map(str.isdigit, value))
    is_count = value.isdigit() and len(value) < 8
    is_word = digits < _LEAST_SERIAL_DIGITS or is_placeholder(value) or is_dummy(value)
    is_dotted = "." in value and all(part.isdigit() for part in value.split("."))
    is_date = value[:2] in {"19", "20"} and value[4:5] == "-"
    return 0.0 if is_count or is_word or is_dotted or is_date or len(value) < _SERIAL_CHARS else candidate.confidence


def advertising(candidate: Candidate) -> float:
    """A UUID that follows a person through their applications; all zeros where they forbade it."""
    value = candidate.value.replace("-", "")
    return candidate.confidence if len(set(value)) > 4 else 0.0


def plate(candidate: Candidate) -> float:
    """A vehicle's plate, after a word that says so: letters and digits, few of both."""
    value = candidate.value
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    is_plate = 1 <= digits <= 7 and letters <= 8 and 4 <= letters + digits <= 10 and letters + digits > 3
    has_letters = letters > 0 or ("-" in value and digits >= 6)
    return candidate.confidence if is_plate and has_letters and not is_placeholder(value) else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "imei": imei,
    "sim": sim,
    "labelled-chassis": labelled_chassis,
    "serial": serial,
    "advertising": advertising,
    "plate": plate,
}
