"""Check digits and structure of what African, Asian and Pacific states number people by, from the states' own
descriptions.
"""

from collections.abc import Mapping
from typing import Final

from guardrails.scope.identity.checksums import (
    Check,
    complement,
    is_day,
    is_monotone,
    last_digit,
    luhn,
    mod_11_2,
    verhoeff,
    weighted,
    weighted_sum,
)

# Letters of Taiwan's counties in the order of their numbers, from 10 on.
_TAIWAN_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_SINGAPORE_LETTERS: Final = {
    "S": "JZIHGFEDCBA",
    "T": "JZIHGFEDCBA",
    "F": "XWUTRQPNMLK",
    "G": "XWUTRQPNMLK",
    "M": "XWUTRQPNJLK",
}
_SINGAPORE_OFFSET: Final = {"S": 0, "F": 0, "T": 4, "G": 4, "M": 3}
_NEW_ZEALAND_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PROVINCES_OF_CHINA: Final = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
        "91",
    ]
)


def chinese_resident(text: str) -> bool:
    """Province, birthday, serial, ISO 7064 MOD 11-2 (GB 11643)."""
    return text[:2] in _PROVINCES_OF_CHINA and is_day(text[12:14], text[10:12]) and mod_11_2(text)


def hong_kong_identity(text: str) -> bool:
    """Mod 11 over letters too; one letter has a space before it, worth 36."""
    total = (
        weighted_sum(range(9, 1, -1), text[:-1]) if len(text) == 9 else 324 + weighted_sum(range(8, 1, -1), text[:-1])
    )
    return "0123456789A"[-total % 11] == text[-1] and not is_monotone(text)


def taiwanese_identity(text: str) -> bool:
    """A county's letter worth two digits, weights 1, 9 to 1, and 1, mod 10; the new numbers of residents alike."""
    digits = f"{_TAIWAN_LETTERS.index(text[0]) + 10}{text[1:]}"
    return weighted_sum((1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), digits) % 10 == 0 and not is_monotone(text)


def japanese_individual(digits: str) -> bool:
    """Mod 11, weights 2 to 7 in turn from the right."""
    return complement(6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)(digits)


def korean_resident(digits: str) -> bool:
    """A birthday and a sex; the last digit has checked nothing since October 2020."""
    return is_day(digits[4:6], digits[2:4]) and digits[6] in "12345678"


def aadhaar(digits: str) -> bool:
    """Verhoeff's check; never begins with 0 or 1, and no palindrome."""
    return verhoeff(digits) and digits[0] not in "01" and digits != digits[::-1]


def sri_lankan_identity(text: str) -> bool:
    """A day of the year, 500 more for women, behind the year's two or four digits."""
    digits = text.rstrip("VX")
    day = int(digits[2:5] if len(text) == 10 else digits[4:7]) % 500
    return 1 <= day <= 366


def thai_identity(digits: str) -> bool:
    """Mod 11, weights 13 to 2; never begins with 0 or 9."""
    rest = (11 - weighted_sum(range(13, 1, -1), digits) % 11) % 10
    return digits[0] not in "09" and rest == int(digits[12])


def indonesian_identity(digits: str) -> bool:
    """Province, birthday (40 more on the day for women), serial."""
    return "11" <= digits[:2] <= "97" and is_day(int(digits[6:8]) % 40, digits[8:10])


def malaysian_identity(digits: str) -> bool:
    """A birthday, a place of birth, a serial."""
    return is_day(digits[4:6], digits[2:4]) and digits[6:8] not in {
        "00",
        "17",
        "18",
        "19",
        "20",
        "69",
        "70",
        "73",
        "80",
    }


def singaporean_identity(text: str) -> bool:
    """A letter mod 11, of another row for foreigners and for each century."""
    total = _SINGAPORE_OFFSET[text[0]] + weighted_sum((2, 7, 6, 5, 4, 3, 2), text[1:])
    return _SINGAPORE_LETTERS[text[0]][total % 11] == text[8]


def australian_business(digits: str) -> bool:
    """One less on the first digit, mod 89: sole traders have one too."""
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return (weighted_sum(weights, digits) - 10) % 89 == 0


def australian_health(digits: str) -> bool:
    """The ninth digit checks the eight before it; behind it stand the card's issue and the person's line."""
    return digits[0] in "23456" and last_digit(1, 3, 7, 9, 1, 3, 7, 9, modulus=10)(digits[:9])


def new_zealand_tax(digits: str) -> bool:
    """Mod 11, with other weights where the first ones give ten."""
    digits = digits.rjust(9, "0")
    check = -weighted_sum((3, 2, 7, 6, 5, 4, 3, 2), digits) % 11
    if check == 10:
        check = -weighted_sum((7, 4, 3, 2, 5, 2, 7, 6), digits) % 11
    return 10_000_000 < int(digits) < 150_000_000 and check == int(digits[8])


def new_zealand_health(text: str) -> bool:
    """Letters worth their place without I and O, mod 11."""
    values = [_NEW_ZEALAND_LETTERS.index(letter) + 1 for letter in text[:3]] + [int(digit) for digit in text[3:6]]
    rest = sum((7 - place) * value for place, value in enumerate(values)) % 11
    return rest != 0 and (11 - rest) % 10 == int(text[6])


def emirati_identity(digits: str) -> bool:
    """784, a year of birth, a serial, Luhn."""
    return digits.startswith("784") and digits[3:5] in {"19", "20"} and luhn(digits)


def egyptian_identity(digits: str) -> bool:
    """A century, a birthday, a governorate."""
    return digits[0] in "23" and is_day(digits[5:7], digits[3:5]) and 1 <= int(digits[7:9]) <= 88


def iranian_identity(digits: str) -> bool:
    """Mod 11, weights 10 to 2."""
    rest = weighted_sum(range(10, 1, -1), digits[:9]) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest) and not is_monotone(digits)


def israeli_identity(digits: str) -> bool:
    """Luhn over nine digits."""
    return luhn(digits.rjust(9, "0"))


def kuwaiti_civil(digits: str) -> bool:
    """A century, a birthday, a serial, mod 11."""
    check = 11 - weighted_sum((2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), digits) % 11
    return digits[0] in "23" and is_day(digits[5:7], digits[3:5]) and check == int(digits[11])


def south_african_identity(digits: str) -> bool:
    """A birthday, a serial, citizenship, and Luhn."""
    return is_day(digits[4:6], digits[2:4]) and digits[10] in "012" and luhn(digits)


def kazakh_individual(digits: str) -> bool:
    """A birthday, a century and sex, and mod 11 with the weights shifted by two where it is ten."""
    is_born = is_day(digits[4:6], digits[2:4]) and digits[6] in "0123456"
    rest = weighted_sum(range(1, 12), digits) % 11
    if rest == 10:
        rest = weighted_sum((3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2), digits) % 11
    return is_born and rest == int(digits[11])


def mauritian_identity(text: str) -> bool:
    """A surname's letter, a birthday."""
    return is_day(text[1:3], text[3:5])


def tanzanian_identity(digits: str) -> bool:
    """Begins with a whole birthday."""
    return digits[:2] in {"19", "20"} and is_day(digits[6:8], digits[4:6])


def indian_business(text: str) -> bool:
    """A state, a taxpayer's PAN, and a check over base 36."""
    total = sum(sum(divmod(int(character, 36) * (1 + place % 2), 36)) for place, character in enumerate(text[:14]))
    return "01" <= text[:2] <= "38" and int(text[14], 36) == -total % 36


CHECKS: Final[Mapping[str, Check]] = {
    "ae-id": emirati_identity,
    "au-abn": australian_business,
    "au-medicare": australian_health,
    "au-tfn": weighted(1, 4, 3, 7, 5, 8, 6, 9, 10, modulus=11),
    "cn-id": chinese_resident,
    "eg-id": egyptian_identity,
    "hk-id": hong_kong_identity,
    "id-nik": indonesian_identity,
    "il-id": israeli_identity,
    "in-aadhaar": aadhaar,
    "in-gstin": indian_business,
    "ir-id": iranian_identity,
    "jp-individual": japanese_individual,
    "kr-rrn": korean_resident,
    "kw-civil": kuwaiti_civil,
    "kz-iin": kazakh_individual,
    "lk-nic": sri_lankan_identity,
    "mu-id": mauritian_identity,
    "my-nric": malaysian_identity,
    "nz-ird": new_zealand_tax,
    "nz-nhi": new_zealand_health,
    "sa-id": luhn,
    "sg-nric": singaporean_identity,
    "th-id": thai_identity,
    "tw-id": taiwanese_identity,
    "tz-id": tanzanian_identity,
    "uz-pinfl": lambda digits: is_day(digits[1:3], digits[3:5]),
    "za-id": south_african_identity,
}
