"""What the digits of a number must fulfil: conditions that the corpus's own numbers are drawn against until one holds.

Each condition is written from the number's public description, not taken from the guard: else the two would agree on
what both got wrong.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tests.corpus.guard.shapes import draw

Condition: TypeAlias = Callable[[str], bool]

# One in a hundred holds of the rarest, in chance: after so many draws none ever will.
_DRAWS = 5_000
_VERHOEFF = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_STEPS = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
_CODICE_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def number(shape: str, checks: Sequence[str | Mapping[str, Any]], chance: random.Random) -> str:
    """A value of the shape that fulfils every check. Raises ValueError where none was found."""
    conditions = [CONDITIONS[check] if isinstance(check, str) else weighted(**check) for check in checks]
    for _ in range(_DRAWS):
        value = draw(shape, chance)
        if all(condition(_bare(value)) for condition in conditions):
            return value
    raise ValueError(f"nothing of this shape fulfils {checks}: {shape}")


def weighted(weights: Sequence[int], modulus: int) -> Condition:
    """The digits' sum by weight, the check digit's own included."""
    return lambda value: sum(map(int.__mul__, weights, map(int, value))) % modulus == 0


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(value)))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0


def _bare(value: str) -> str:
    return "".join(filter(str.isalnum, value))


def _mod_97(value: str) -> bool:
    # The last two digits complete the rest to a multiple (France, Belgium before 2000).
    return (int(value[:-2]) + int(value[-2:])) % 97 == 0 < int(value[-2:]) <= 97


def _iban(value: str) -> bool:
    # ISO 13616: country and check digits to the end, letters as numbers from ten on.
    return int("".join(str(int(one, 36)) for one in value[4:] + value[:4])) % 97 == 1


def _iso_7064(value: str) -> bool:
    # ISO/IEC 7064, MOD 11,10.
    product = 10
    for digit in value[:-1]:
        product = 2 * ((product + int(digit)) % 10 or 10) % 11
    return (product + int(value[-1])) % 10 == 1


def _tax_id_de(value: str) -> bool:
    # Of the first ten digits one occurs twice or three times, and no other more than once.
    counts = sorted(value[:-1].count(digit) for digit in set(value[:-1]))
    return counts[-1] in {2, 3} and counts[:-1] == [1] * (len(counts) - 1)


def _verhoeff(value: str) -> bool:
    check = 0
    for index, digit in enumerate(reversed(value)):
        check = int(_VERHOEFF[check][int(_VERHOEFF_STEPS[index % 8][int(digit)])])
    return check == 0


def _icao(value: str) -> bool:
    # ICAO Doc 9303: weights 7, 3, 1, letters from ten on.
    return sum(int(one, 36) * (7, 3, 1)[index % 3] for index, one in enumerate(value[:-1])) % 10 == int(value[-1])


def _health_card_de(value: str) -> bool:
    # The letter as two digits, doubled at every second place, sums of digits.
    digits = f"{ord(value[0]) - 64:02d}{value[1:-1]}"
    parts = (int(digit) * (1 + index % 2) for index, digit in enumerate(digits))
    return sum(part // 10 + part % 10 for part in parts) % 10 == int(value[-1])


def _dni(value: str) -> bool:
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(value[:-1].replace("X", "0")) % 23] == value[-1]


def _hetu(value: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(value[:9]) % 31] == value[-1]


def _codice_fiscale(value: str) -> bool:
    # Decree of 23 December 1976: odd places by table, even ones by value.
    places = [int(one) if one.isdigit() else ord(one) - 65 for one in value[:-1]]
    return (
        chr(65 + sum(place if index % 2 else _CODICE_ODD[place] for index, place in enumerate(places)) % 26)
        == value[-1]
    )


def _npi(value: str) -> bool:
    # With the prefix of health cards in the United States.
    return luhn("80840" + value)


def _vin(value: str) -> bool:
    # ISO 3779 as 49 CFR 565 has it: the ninth place.
    total = sum(int(_VIN_VALUES.get(one, one)) * weight for one, weight in zip(value, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == value[8]


CONDITIONS: Mapping[str, Condition] = {
    "luhn": luhn,
    "mod97": _mod_97,
    "iban": _iban,
    "iso7064": _iso_7064,
    "tax-id-de": _tax_id_de,
    "verhoeff": _verhoeff,
    "icao": _icao,
    "kvnr": _health_card_de,
    "dni": _dni,
    "hetu": _hetu,
    "codice": _codice_fiscale,
    "npi": _npi,
    "vin": _vin,
}
