"""Numbers of persons without a label: what some state's check digits or birthday allow, asked by length alone.

A number that passes here is no finding by that: of random digits one in two does. It counts beside a person's name.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from guardrails.scope.identity import americas, asia_africa, europe, north_east
from guardrails.scope.identity.checksums import Check, ean_13, every
from guardrails.scope.identity.plausible import is_shown

_CHECKS: Final[Mapping[str, Check]] = {
    **europe.CHECKS,
    **north_east.CHECKS,
    **americas.CHECKS,
    **asia_africa.CHECKS,
    "ch-ahv": every(lambda digits: digits.startswith("756"), ean_13),
}
# By how many digits a number has: the checks of all states whose numbers are digits alone and that long.
_BY_LENGTH: Final[Mapping[int, Sequence[str]]] = {
    9: ("au-tfn", "ca-sin", "il-id", "nl-bsn", "pt-nif", "hu-taj", "gr-afm", "sv-dui", "cz-rc", "nz-ird"),
    10: (
        "at-svnr", "bg-egn", "bg-lnch", "cz-rc", "dk-cpr", "ec-ci", "gb-nhs", "gb-utr", "ir-id", "is-kt", "pl-nip",
        "se-pnr", "tr-vkn", "ua-tax", "sa-id", "hu-tax",
    ),
    11: (
        "ar-cuil", "au-abn", "be-nrn", "br-cpf", "br-pis", "br-cnh", "de-idnr", "do-cedula", "ee-ik", "gr-amka", "hr-oib",
        "hu-person", "it-iva", "lv-pk", "mx-nss", "no-fnr", "pe-ruc", "pl-pesel", "pt-niss", "ru-snils", "tr-tckn",
        "cu-ni",
    ),
    12: ("es-nuss", "in-aadhaar", "jp-individual", "kw-civil", "kz-iin", "my-nric", "ru-inn", "se-pnr", "br-titulo"),
    13: ("ch-ahv", "fr-nif", "gt-dpi", "jmbg", "kr-rrn", "lu-id", "md-idnp", "ro-cnp", "th-id", "za-id"),
    14: ("eg-id", "uz-pinfl", "br-cnpj"),
    15: ("ae-id", "fr-nir", "br-cns"),
    16: ("id-nik",),
    18: ("cn-id",),
}  # fmt: skip
# A moment in seconds or milliseconds, as it is written in this half of the century.
_MOMENTS: Final[Mapping[int, tuple[str, ...]]] = {10: ("15", "16", "17", "18"), 13: ("15", "16", "17", "18")}
_MOST_GROUPS: Final = 6
# Numbers with letters, by their shape. Each on a bounded value, each anchored.
_BY_SHAPE: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    (re.compile("[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]"), "it-cf"),
    (re.compile("[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]"), "mx-curp"),
    (re.compile("[A-Z][1289A-D][0-9]{8}"), "tw-id"),
    (re.compile("[STFGM][0-9]{7}[A-Z]"), "sg-nric"),
    (re.compile("[0-9]{7}[A-W][A-IW]?"), "ie-pps"),
    (re.compile("[A-CEGHJ-PR-TW-Z]{2}[0-9]{6}[A-D]"), "gb-nino"),
    (re.compile("(?:[XYZ][0-9]{7}|[0-9]{8})[A-Z]"), "es-dni"),
)
_BOOKS: Final = ("978", "979")
# A postcode of the United States with its four digits more.
_POSTCODE: Final = re.compile("[0-9]{5}-[0-9]{4}")
_DECIMAL: Final = re.compile(r"[0-9]+\.[0-9]+")


# Neighbours in a row of names ask of the same few numbers.
@lru_cache(maxsize=64)
def is_state_number(written: str) -> bool:
    """Whether `written`, digits with what groups them, or with the letters of some states' numbers, may be one that a
    state gave to a person.
    """
    if not written[-1:].isdigit() or not written[:1].isdigit():
        return any(shape.fullmatch(written) and _CHECKS[name](written) for shape, name in _BY_SHAPE)
    digits = "".join(filter(str.isdigit, written))
    if digits.startswith(_MOMENTS.get(len(digits), ())) or is_shown(digits) or _is_of_something_else(written, digits):
        return False
    return any(_CHECKS[name](digits) for name in _BY_LENGTH.get(len(digits), ()))


def _is_of_something_else(written: str, digits: str) -> bool:
    """A book, a postcode, a measure, or figures in a row."""
    marks = [character for character in written if not character.isalnum()]
    is_book = len(digits) == 13 and digits.startswith(_BOOKS)
    is_shaped = _POSTCODE.fullmatch(written) or _DECIMAL.fullmatch(written)
    return is_book or is_shaped is not None or len(marks) >= _MOST_GROUPS or len(set(marks)) > 2
