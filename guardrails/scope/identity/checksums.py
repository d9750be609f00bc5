"""What check digits are made of: weighted sums, Luhn, ISO 7064, Verhoeff, and dates.

A check takes an identifier's letters and digits alone, in capitals, already in the shape that its rule wants.
"""

import string
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Check: TypeAlias = Callable[[str], bool]

_MONTH_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Verhoeff's dihedral group D5 as a product table, and its permutation.
_D5: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def weighted_sum(weights: Sequence[int], text: str) -> int:
    """Each of the leading characters, as a digit in base 36, times its weight."""
    return sum(weight * int(character, 36) for weight, character in zip(weights, text, strict=False))


def weighted(*weights: int, modulus: int) -> Check:
    """The digits times their weights add up to a multiple of `modulus`."""
    return lambda text: weighted_sum(weights, text) % modulus == 0 and not is_monotone(text)


def last_digit(*weights: int, modulus: int, folded: int | None = None) -> Check:
    """The last digit is the weighted sum of the others in `modulus`, of which what is 10 or more becomes `folded`."""

    def check(text: str) -> bool:
        rest = weighted_sum(weights, text[:-1]) % modulus
        return int(text[-1]) == (folded if rest > 9 else rest) and not is_monotone(text)

    return check


def complement(*weights: int, modulus: int = 11, folded: Sequence[int] = (0, 0)) -> Check:
    """The last digit is what the weighted sum of the others lacks to `modulus`; for 10 and 11 stand `folded`'s two."""

    def check(text: str) -> bool:
        lack = modulus - weighted_sum(weights, text[:-1]) % modulus
        return int(text[-1]) == (folded[lack - 10] if lack > 9 else lack) and not is_monotone(text)

    return check


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0 and len(set(digits)) > 2


def luhn_36(text: str) -> bool:
    """Luhn over letters too, each worth its place after 9."""
    total = 0
    for place, character in enumerate(reversed(text)):
        value = int(character, 36) * (1 + place % 2)
        total += value - 9 if place % 2 and value > 9 else value
    return total % 10 == 0


def mod_11_10(digits: str) -> bool:
    """ISO 7064, MOD 11,10: its last digit is the check."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def mod_11_2(text: str) -> bool:
    """ISO 7064, MOD 11-2: its last character is a digit, or X for ten."""
    total = 0
    for digit in text[:-1]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == text[-1]


def mod_97_10(text: str) -> bool:
    """ISO 7064, MOD 97-10, over letters too."""
    return int("".join(str(int(character, 36)) for character in text)) % 97 == 1


def verhoeff(digits: str) -> bool:
    """Verhoeff's check: the last digit."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_D5[check][int(_PERMUTATION[place % 8][int(digit)])])
    return check == 0


def icao(text: str) -> bool:
    """ICAO 9303: weights 7, 3, 1 over digits and letters, the last digit is the sum mod 10. `<` is nothing."""
    values = (0 if character == "<" else int(character, 36) for character in text[:-1])
    return sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10 == int(text[-1])


def ean_13(digits: str) -> bool:
    """GS1 General Specifications, 7.9: weights 1 and 3 in turn."""
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(digits)) % 10 == 0


def is_day(day: str | int, month: str | int) -> bool:
    """Whether some year has that day."""
    day, month = int(day), int(month)
    return 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]


def is_monotone(text: str) -> bool:
    """Whether one digit alone fills it, which passes many a check."""
    return len(set(text.strip(string.ascii_uppercase))) < 2


def every(*checks: Check) -> Check:
    """All of them."""
    return lambda text: all(check(text) for check in checks)
