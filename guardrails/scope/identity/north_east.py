"""Check digits and structure of what the states of northern and eastern Europe number people by, from the states' own
descriptions.
"""

from collections.abc import Mapping
from typing import Final

from guardrails.scope.identity.checksums import (
    Check,
    complement,
    icao,
    is_day,
    is_monotone,
    last_digit,
    luhn,
    weighted,
    weighted_sum,
)

_HETU_LETTERS: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def bulgarian_citizen(digits: str) -> bool:
    """A birthday whose month tells the century by 20 or 40, and mod 11."""
    return is_day(digits[4:6], int(digits[2:4]) % 20) and _BULGARIAN_DIGIT(digits)


_BULGARIAN_DIGIT: Final = last_digit(2, 4, 8, 5, 10, 9, 7, 3, 6, modulus=11, folded=0)


def czech_birth_number(digits: str) -> bool:
    """A birthday whose month is 50 more for women, and 20 more where numbers ran out; ten digits are a multiple of 11."""
    month = int(digits[2:4]) % 50
    if not is_day(digits[4:6], month - 20 if month > 20 else month):
        return False
    return len(digits) == 9 or int(digits[:9]) % 11 % 10 == int(digits[9])


def finnish_identity(text: str) -> bool:
    """The last character is the nine digits mod 31."""
    digits = "".join(filter(str.isdigit, text[:-1]))[:9]
    return is_day(text[:2], text[2:4]) and _HETU_LETTERS[int(digits) % 31] == text[-1]


def hungarian_person(digits: str) -> bool:
    """Sex and century, birthday, serial; weights run up for those born before 1997, and down since."""
    total, reverse = (weighted_sum(weights, digits[:10]) for weights in (range(1, 11), range(10, 0, -1)))
    return is_day(digits[5:7], digits[3:5]) and int(digits[10]) in {total % 11, reverse % 11}


def hungarian_health(digits: str) -> bool:
    """Weights 3 and 7 in turn, mod 10."""
    return last_digit(3, 7, 3, 7, 3, 7, 3, 7, modulus=10)(digits)


def icelandic_identity(digits: str) -> bool:
    """A birthday, and mod 11; the last digit is the century."""
    is_multiple = weighted_sum((3, 2, 7, 6, 5, 4, 3, 2, 1), digits) % 11 == 0
    return is_multiple and digits[9] in "890" and is_day(int(digits[:2]) % 40, digits[2:4])


def latvian_person(digits: str) -> bool:
    """A birthday and mod 11; those given since 2017 begin with 32 and tell nothing."""
    check = (1101 - weighted_sum((1, 6, 3, 7, 9, 10, 5, 8, 4, 2), digits)) % 11 % 10
    return digits.startswith("32") or (is_day(digits[:2], digits[2:4]) and check == int(digits[10]))


def yugoslav_citizen(digits: str) -> bool:
    """A birthday with three digits of the year, region, serial, mod 11: in use in all that was one state."""
    return is_day(digits[:2], digits[2:4]) and digits[4] in "09" and _YUGOSLAV_DIGIT(digits)


_YUGOSLAV_DIGIT: Final = complement(7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def norwegian_birth_number(digits: str) -> bool:
    """A birthday (40 more on the day or month for those without residence) and two digits mod 11."""
    first = weighted_sum((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), digits) % 11
    second = weighted_sum((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), digits) % 11
    return not first and not second and is_day(int(digits[:2]) % 40, int(digits[2:4]) % 40)


def polish_card(text: str) -> bool:
    """Three letters, a digit that checks them and the five that follow, mod 10."""
    return weighted_sum((7, 3, 1, 9, 7, 3, 1, 7, 3), text) % 10 == 0


def polish_person(digits: str) -> bool:
    """A birthday whose month tells the century by 20s, and mod 10."""
    return is_day(digits[4:6], int(digits[2:4]) % 20) and _POLISH_DIGIT(digits)


_POLISH_DIGIT: Final = weighted(1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1, modulus=10)


def romanian_person(digits: str) -> bool:
    """Sex and century, birthday, county, serial, and mod 11."""
    return is_day(digits[5:7], digits[3:5]) and _ROMANIAN_DIGIT(digits)


_ROMANIAN_DIGIT: Final = last_digit(2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9, modulus=11, folded=1)


def russian_taxpayer(digits: str) -> bool:
    """Two digits mod 11 mod 10."""
    eleventh = weighted_sum((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), digits) % 11 % 10
    twelfth = weighted_sum((3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8), digits) % 11 % 10
    return digits[10:] == f"{eleventh}{twelfth}" and not is_monotone(digits)


def russian_insurance(digits: str) -> bool:
    """The two last digits are the weighted sum mod 101 mod 100."""
    return weighted_sum(range(9, 0, -1), digits) % 101 % 100 == int(digits[9:]) and not is_monotone(digits)


def swedish_person(digits: str) -> bool:
    """A birthday (60 more on the day for those without residence), and Luhn over the ten last digits."""
    return luhn(digits[-10:]) and is_day(int(digits[-6:-4]) % 60, digits[-8:-6])


def estonian_person(digits: str) -> bool:
    """Sex and century, birthday, serial; weights are shifted where the first sum is ten (Estonia, Lithuania)."""
    return is_day(digits[5:7], digits[3:5]) and shifted_weights(digits, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1), 2)


def shifted_weights(digits: str, weights: tuple[int, ...], shift: int) -> bool:
    """The last digit is the weighted sum mod 11; where that is ten, with the weights shifted; where it is again, 0."""
    rest = weighted_sum(weights, digits[:-1]) % 11
    if rest == 10:
        rest = weighted_sum(weights[shift:-1] + (1, 2, 3), digits[:-1]) % 11 % 10
    return rest == int(digits[-1])


CHECKS: Final[Mapping[str, Check]] = {
    "bg-egn": bulgarian_citizen,
    "bg-lnch": last_digit(21, 19, 17, 13, 11, 9, 7, 3, 1, modulus=10),
    "by-id": icao,
    "cz-rc": czech_birth_number,
    "dk-cpr": lambda digits: is_day(digits[:2], digits[2:4]),
    "ee-ik": estonian_person,
    "fi-hetu": finnish_identity,
    "hu-person": hungarian_person,
    "hu-taj": hungarian_health,
    "hu-tax": last_digit(1, 2, 3, 4, 5, 6, 7, 8, 9, modulus=11),
    "is-kt": icelandic_identity,
    "jmbg": yugoslav_citizen,
    "lv-pk": latvian_person,
    "md-idnp": icao,
    "no-fnr": norwegian_birth_number,
    "pl-card": polish_card,
    "pl-pesel": polish_person,
    "pl-nip": last_digit(6, 5, 7, 2, 3, 4, 5, 6, 7, modulus=11),
    "pl-regon": last_digit(8, 9, 2, 3, 4, 5, 6, 7, modulus=11, folded=0),
    "ro-cnp": romanian_person,
    "ru-inn": russian_taxpayer,
    "ru-snils": russian_insurance,
    "se-pnr": swedish_person,
    "ua-tax": last_digit(-1, 5, 7, 9, 4, 6, 10, 5, 7, modulus=11, folded=0),
}
