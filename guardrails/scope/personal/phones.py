"""Telephone numbers: what a numbering plan has, written as people write it, or beside a word that says phone.

Statistics must pass: a run of digits is a number of somebody's only where something says so.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from guardrails.scope.candidates import Candidate

# ITU E.164 §6: country code and number; the shortest that a label makes believable.
_MOST_DIGITS: Final = 15
_LEAST_DIGITS: Final = 6
# In prose a number of that few digits is a count.
_LEAST_PROSE_DIGITS: Final = 8
# Plans in which numbers of the unlabelled national shapes are looked up.
_REGIONS: Final = ("US", "GB", "FR", "DE", "BR", "JP", "AU", "ES", "IT", "CH", "ZA", "KR", "SE", "BE", "TR", "NZ", "IN")
# Not behind a leading zero, as `020.2452530` is.
_DECIMAL: Final = re.compile(r"[+-]?(?:0|[1-9][0-9]*)\.[0-9]+")
_DATE: Final = re.compile(
    r"(?:19|20)[0-9]{2}[./ -][0-9]{1,2}[./ -][0-9]{1,2}(?:[ T][0-9].*)?|[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2})?|"
    r"[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)[0-9]{2}"
)
# Where the scripts of China, Japan and their neighbours begin.
_EASTERN: Final = "\u2e80"
_JOINTS: Final = frozenset("-./:_")
_EXTENSION: Final = re.compile(r"[ ,;]{0,2}(?:[xX#]|[a-zA-Z]{2,10}\.?) ?[0-9]{1,6}\Z")
# Kept for fiction: by the North American plan, and by Ofcom (London and others, mobile, free); examples of manuals.
_BRITISH_FICTION: Final = re.compile(r"(?:44|0)(?:2079460|1[0-9]{2}4960|7700900|8081570|1632960)[0-9]{3}")
_FICTION: Final = re.compile(r"1?(?:[0-9]{3}55501[0-9]{2}|555[0-9]{7}|[0-9]{3}5555555|[0-9]{3}5551234)|555[0-9]{4}")


def phone(candidate: Candidate) -> float:
    """A number with its country, as its plan has it."""
    number, digits = _parts(candidate)
    if _is_nobodys(number, digits) or _is_in_word(candidate):
        return 0.0
    is_plain = number[1:].isdigit()
    # A line that a diff added begins with a plus too, and a number after a sign is a sum.
    if is_plain and (candidate.before(1) == "" or len(digits) < 10) and not candidate.is_near(_LABELS):
        return 0.0
    return candidate.confidence if _is_number(number, None) else 0.0


def dialled_phone(candidate: Candidate) -> float:
    """A number with its country after the two zeros that many networks want."""
    number, digits = _parts(candidate)
    if _is_nobodys(number, digits) or _is_in_figures(candidate):
        return 0.0
    # Article numbers of North America (GTIN) begin with two zeros and are as long.
    if number.isdigit() and digits[2] == "1":
        return 0.0
    return candidate.confidence if _is_number("+" + digits[2:], None) else 0.0


def national_phone(candidate: Candidate) -> float:
    """Groups as one country's people write them, that its plan or another's has."""
    number, digits = _parts(candidate)
    if _is_nobodys(number, digits) or _is_in_figures(candidate):
        return 0.0
    return candidate.confidence if any(_is_number(number, region) for region in _REGIONS) else 0.0


def labelled_phone(candidate: Candidate) -> float:
    """Whatever a telephone could take, after a word that says phone."""
    number, digits = _parts(candidate)
    if _is_nobodys(number, digits) or not _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS:
        return 0.0
    if number[0] == "+":
        return candidate.confidence if _is_number(number, None) or len(digits) > _LEAST_PROSE_DIGITS else 0.0
    has_groups = not number.isdigit()
    is_labelled = candidate.before(3).rstrip(" \t\"'")[-1:] in {":", "=", ">", "|", "\x02", "("}
    is_labelled = is_labelled or candidate.before(3) == " - "
    if not has_groups and not is_labelled and not (digits[0] == "0" and len(digits) > _LEAST_PROSE_DIGITS):
        return 0.0
    is_long = len(digits) >= _LEAST_PROSE_DIGITS or (is_labelled and (has_groups or digits[0] == "0"))
    return candidate.confidence if is_long else 0.0


def _is_in_word(candidate: Candidate) -> bool:
    # Scripts without spaces go on right behind a number, and a letter of theirs is no part of it.
    beside = (candidate.before(1), candidate.after(1))
    return any(one == "_" or (one.isalnum() and one < _EASTERN) for one in beside)


def is_dialled(number: str) -> bool:
    """Whether a number with its country and a plus is in that country's plan."""
    return _is_number(number, None)


def _parts(candidate: Candidate) -> tuple[str, str]:
    """The number without its extension, and the digits of it."""
    number = _EXTENSION.sub("", candidate.value)
    return number, "".join(filter(str.isdigit, number))


def _is_nobodys(number: str, digits: str) -> bool:
    is_other = _DECIMAL.fullmatch(number) or _DATE.fullmatch(number)
    is_pattern = len(set(digits)) < 3 or digits in "012345678901234567890" or digits in "098765432109876543210"
    is_fiction = _FICTION.fullmatch(digits) or _BRITISH_FICTION.fullmatch(digits)
    return bool(is_other or is_pattern or is_fiction)


def _is_in_figures(candidate: Candidate) -> bool:
    # Part of a UUID, of a moment, of a path; or a row of a table: numbers before it, numbers after it.
    if candidate.before(1) in _JOINTS or (candidate.after(1) in _JOINTS and candidate.after(2)[1:].isalnum()):
        return True
    before, after = candidate.before(4).rstrip(" ,;\t"), candidate.after(4).lstrip(" ,;\t")
    return before[-1:].isdigit() or after[:1].isdigit()


_LABELS: Final = (
    "phone", "tel", "telephone", "telefon", "mobile", "cell", "call", "fax", "whatsapp", "sms", "contact", "dial",
    "number", "mobil", "handy", "msisdn", "ring", "reach", "text", "from", "to",
)  # fmt: skip


def _is_number(number: str, region: str | None) -> bool:
    library = _library()
    try:
        return bool(library.is_valid_number(library.parse(number, region)))
    except library.NumberParseException:
        return False


@lru_cache(maxsize=1)
def _library() -> Any:
    # Its tables take a tenth of a second and some megabytes: only who sees a number needs them.
    import phonenumbers

    return phonenumbers


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "phone": phone,
    "dialled-phone": dialled_phone,
    "national-phone": national_phone,
    "labelled-phone": labelled_phone,
}
