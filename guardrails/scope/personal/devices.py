"""Numbers of people's devices and vehicles: handsets, SIM cards, serial numbers, advertising ids, chassis, plates."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.personal.checksums import luhn
from guardrails.scope.placeholders import is_dummy, is_placeholder

# A vehicle's number: what its letters are worth, and its places.
_CHASSIS_VALUES: Final = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "012345678912345678123457923456789"), strict=True)
)
_CHASSIS_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
# World manufacturer identifiers (ISO 3780) of what most people drive.
_MAKERS: Final = (
    "WVW", "WV1", "WV2", "WAU", "WA1", "WBA", "WBS", "WBY", "WDB", "WDD", "WDC", "WDF", "W1K", "W1N", "WME", "WMW", "WP0",
    "WP1", "WF0", "W0L", "VF1", "VF3", "VF6", "VF7", "VF8", "VR1", "VR3", "VR7", "VSS", "VNK", "VWV", "ZFA", "ZAR", "ZCF",
    "ZFF", "ZHW", "TMB", "TMA", "TSM", "TRU", "UU1", "SAL", "SAJ", "SAR", "SB1", "SCC", "SHH", "SJN", "SUL", "YV1", "YV4",
    "YS3", "XTA", "X4X", "X7L", "XW8", "Z94", "NMT", "NM0", "JHM", "JHL", "JTD", "JTE", "JTM", "JTH", "JN1", "JN8", "JMZ",
    "JM1", "JM3", "JF1", "JF2", "JS2", "JSA", "JA4", "JYA", "KMH", "KM8", "KNA", "KND", "KNM", "KPT", "LFV", "LSV", "LSG",
    "LVS", "LRW", "MAL", "MAJ", "MA1", "MA3", "MAT", "MBH", "MHF", "MMB", "MMT", "MRH", "PL1", "6T1", "6G1", "8AF", "8AP",
    "9BW", "9BG", "9BF", "9BD", "93H", "93Y", "5YJ", "7SA", "1HG", "1FA", "1FT", "1GC", "1G1", "2HG", "2T1", "3VW", "3FA",
    "3N1", "4T1", "5NP",
)  # fmt: skip
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


def chassis(candidate: Candidate) -> float:
    """The same alone: of a maker that is known, or with the check that North America wants (49 CFR 565), and with a
    serial of digits.
    """
    value = candidate.value
    is_known = value.startswith(_MAKERS)
    is_checked = value[8] == _chassis_digit(value)
    has_serial = value[-4:].isdigit()
    is_chassis = (is_known and (is_checked or has_serial)) or (is_checked and has_serial and value[0] in "12345")
    return labelled_chassis(candidate) if is_chassis else 0.0


def _chassis_digit(value: str) -> str:
    total = sum(weight * _CHASSIS_VALUES[character] for weight, character in zip(_CHASSIS_WEIGHTS, value, strict=True))
    return "0123456789X"[total % 11]


def serial(candidate: Candidate) -> float:
    """What tells one device from all others, after a word that says so."""
    value = candidate.value
    digits = sum(map(str.isdigit, value))
    is_count = value.isdigit() and len(value) < 8
    is_name = "_" in value  # of code: X509_REVOKED
    is_word = digits < _LEAST_SERIAL_DIGITS or is_name or is_placeholder(value) or is_dummy(value)
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
    "chassis": chassis,
    "serial": serial,
    "advertising": advertising,
    "plate": plate,
}
