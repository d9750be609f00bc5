"""Check digits and structure of what European states number people by.

Sources are the states' own descriptions, as the European Commission's TIN portal and ISO 7064 collect them.
"""

from collections.abc import Mapping
from typing import Final

from guardrails.scope.identity.checksums import (
    Check,
    complement,
    ean_13,
    every,
    is_day,
    is_monotone,
    last_digit,
    luhn,
    luhn_36,
    mod_11_10,
    mod_97_10,
    verhoeff,
    weighted,
    weighted_sum,
)

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_CF_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2 + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
# Where two people would share a codice fiscale, the digits of one are written as letters.
_CF_DIGITS: Final = str.maketrans("LMNPQRSTUV", "0123456789")
_UPN_LETTERS: Final = "ABCDEFGHJKLMNPQRTUVWXYZ"
_PPS_LETTERS: Final = "WABCDEFGHIJKLMNOPQRSTUV"


def austrian_insurance(digits: str) -> bool:
    """The fourth digit is the others' weighted sum mod 11; a birthday ends it, whose month may be 13 to 15."""
    total = weighted_sum((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), digits)
    month = int(digits[6:8])
    return total % 11 == int(digits[3]) and digits[0] != "0" and is_day(digits[4:6], min(month, 12))


def belgian_register(digits: str) -> bool:
    """97 less the first nine mod 97; those born from 2000 count with a 2 before them."""
    return int(digits[9:]) in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def german_tax_id(digits: str) -> bool:
    """ISO 7064 mod 11, 10 over ten digits, of which one occurs twice or three times."""
    return digits[0] != "0" and len(set(digits[:10])) in {8, 9} and mod_11_10(digits)


def german_pension(text: str) -> bool:
    """Area, birthday, a letter worth its two-digit place, serial; cross sums of weighted digits mod 10."""
    digits = f"{text[:8]}{ord(text[8]) - 64:02d}{text[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    total = sum(sum(divmod(weight * int(digit), 10)) for weight, digit in zip(weights, digits, strict=True))
    return total % 10 == int(text[11]) and is_day(int(text[2:4]) % 50 or 1, text[4:6])


def german_health(text: str) -> bool:
    """A letter worth its two-digit place; cross sums of digits times 1 and 2 in turn, mod 10."""
    digits = f"{ord(text[0]) - 64:02d}{text[1:9]}"
    total = sum(sum(divmod((1 + place % 2) * int(digit), 10)) for place, digit in enumerate(digits))
    return total % 10 == int(text[9])


def spanish_id(text: str) -> bool:
    """The letter is the number mod 23; a foreigner's X, Y, Z stand for 0, 1, 2."""
    number = text[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _DNI_LETTERS[int(number) % 23] == text[-1] and not is_monotone(number)


def spanish_insurance(digits: str) -> bool:
    """The two last digits are the others mod 97, whose province counts from the number's own length."""
    province, number = int(digits[:2]), int(digits[2:10])
    whole = province * 10**7 + number if number < 10**7 else int(digits[:10])
    return 1 <= province <= 66 and whole % 97 == int(digits[10:])


def french_insurance(text: str) -> bool:
    """97 less the others mod 97; Corsica's 2A and 2B count as 19 and 18."""
    return 97 - int(text[:13].replace("2A", "19").replace("2B", "18")) % 97 == int(text[13:])


def french_tax(digits: str) -> bool:
    """The three last digits are the others mod 511."""
    return int(digits[:10]) % 511 == int(digits[10:])


def french_vat(text: str) -> bool:
    """FR, a key over the company's number, and that number, which is a Luhn one."""
    siren = text[4:]
    return luhn(siren) and int(text[2:4]) == (12 + 3 * (int(siren) % 97)) % 97


def british_health(digits: str) -> bool:
    """Mod 11 with weights 10 to 2."""
    return complement(10, 9, 8, 7, 6, 5, 4, 3, 2, folded=(-1, 0))(digits)


def british_taxpayer(digits: str) -> bool:
    """The first digit checks the others."""
    total = weighted_sum((6, 7, 8, 9, 10, 5, 4, 3, 2), digits[1:])
    return "21987654321"[total % 11] == digits[0] and not is_monotone(digits)


def british_insurance(text: str) -> bool:
    """Prefixes that are not given out."""
    return text[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def british_driver(text: str) -> bool:
    """Surname, decade, month (50 more for women), day, year."""
    return is_day(text[8:10], int(text[6:8]) % 50)


def british_pupil(text: str) -> bool:
    """The letter before is the weighted sum of the twelve characters mod 23."""
    return _UPN_LETTERS[weighted_sum(range(2, 14), text[1:]) % 23] == text[0]


def greek_tax(digits: str) -> bool:
    """Powers of two, mod 11."""
    return last_digit(256, 128, 64, 32, 16, 8, 4, 2, modulus=11, folded=0)(digits)


def irish_service(text: str) -> bool:
    """The eighth character is the weighted sum of the others mod 23, a second letter with weight 9."""
    second = ord(text[8]) - 64 if len(text) > 8 and text[8] not in "WTX" else 0
    return _PPS_LETTERS[(weighted_sum((8, 7, 6, 5, 4, 3, 2), text) + 9 * second) % 23] == text[7]


def italian_tax(text: str) -> bool:
    """The last letter counts odd places by a table and even ones by order; its day is 40 more for women."""
    odd = sum(_CF_ODD[character] for character in text[:15:2])
    even = sum(int(character) if character.isdigit() else ord(character) - 65 for character in text[1:15:2])
    day = int(text[9:11].translate(_CF_DIGITS)) % 40
    return chr((odd + even) % 26 + 65) == text[15] and 1 <= day <= 31


def luxembourgish_identity(digits: str) -> bool:
    """Born on a day, a serial; a Luhn digit over eleven, and a Verhoeff digit over the same."""
    return is_day(digits[6:8], digits[4:6]) and luhn(digits[:12]) and verhoeff(digits[:11] + digits[12])


def dutch_vat(text: str) -> bool:
    """Of sole traders mod 97-10 over all; of companies the eleven test over nine digits."""
    return mod_97_10(text) or _DUTCH_SERVICE(text[2:11])


_DUTCH_SERVICE: Final = weighted(9, 8, 7, 6, 5, 4, 3, 2, -1, modulus=11)


def portuguese_insurance(digits: str) -> bool:
    """9 less the weighted sum mod 10."""
    return 9 - weighted_sum((29, 23, 19, 17, 13, 11, 7, 5, 3, 2), digits) % 10 == int(digits[10])


def turkish_citizen(digits: str) -> bool:
    """Two digits: odd places sevenfold less even ones, and the sum of all."""
    numbers = [int(digit) for digit in digits]
    tenth = (7 * sum(numbers[0:9:2]) - sum(numbers[1:8:2])) % 10
    return digits[0] != "0" and tenth == numbers[9] and sum(numbers[:10]) % 10 == numbers[10]


def turkish_taxpayer(digits: str) -> bool:
    """Each digit more by its place, times a power of two, mod 9."""
    total = 0
    for place, digit in enumerate(digits[:9]):
        shifted = (int(digit) + 9 - place) % 10
        total += shifted * 2 ** (9 - place) % 9 or (9 if shifted else 0)
    return -total % 10 == int(digits[9]) and not is_monotone(digits)


_SLOVENE_DIGIT: Final = complement(8, 7, 6, 5, 4, 3, 2, folded=(0, -1))

CHECKS: Final[Mapping[str, Check]] = {
    "at-svnr": austrian_insurance,
    "be-nrn": belgian_register,
    "ch-ahv": ean_13,
    "de-idnr": german_tax_id,
    "de-rvnr": german_pension,
    "de-kvnr": german_health,
    "de-vat": lambda text: mod_11_10(text[-9:]),
    "es-dni": spanish_id,
    "es-nuss": spanish_insurance,
    "fr-nir": french_insurance,
    "fr-nif": french_tax,
    "fr-vat": french_vat,
    "gb-nhs": british_health,
    "gb-utr": british_taxpayer,
    "gb-nino": british_insurance,
    "gb-driver": british_driver,
    "gb-upn": british_pupil,
    "gr-afm": greek_tax,
    "gr-amka": every(luhn, lambda digits: is_day(digits[:2], digits[2:4])),
    "hr-oib": mod_11_10,
    "ie-pps": irish_service,
    "it-cf": italian_tax,
    "it-iva": lambda text: luhn(text[-11:]),
    "lu-id": luxembourgish_identity,
    "nl-bsn": _DUTCH_SERVICE,
    "nl-vat": dutch_vat,
    "pt-nif": complement(9, 8, 7, 6, 5, 4, 3, 2),
    "pt-cc": luhn_36,
    "pt-niss": portuguese_insurance,
    "si-tax": lambda text: _SLOVENE_DIGIT(text[-8:]),
    "tr-tckn": turkish_citizen,
    "tr-vkn": turkish_taxpayer,
}
