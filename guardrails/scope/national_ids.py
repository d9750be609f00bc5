"""Check digits of national identity, tax and insurance numbers. Each rule that uses one also wants the number's name
near it.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.identifiers import luhn

_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_CF_ODD: Final = dict(
    zip(
        string.digits + string.ascii_uppercase,
        (
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            1,
            0,
            5,
            7,
            9,
            13,
            15,
            17,
            19,
            21,
            2,
            4,
            18,
            20,
            11,
            3,
            6,
            8,
            12,
            14,
            16,
            10,
            22,
            25,
            24,
            23,
        ),
        strict=True,
    )
)
# Verhoeff's dihedral group D5 as a product table, and its permutation.
_D5: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def us_ssn(digits: str) -> bool:
    """Never issued: area 000, 666 and 900 up, group 00, serial 0000; nor the ones that were printed in
    advertisements.
    """
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    is_issued = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return is_issued and digits not in {"078051120", "219099999", "123456789"}


def german_tax_id(digits: str) -> bool:
    """ISO 7064 mod 11, 10 over ten digits, of which one occurs twice or three times."""
    product = 10
    for digit in digits[:10]:
        product = (int(digit) + product) % 10 or 10
        product = product * 2 % 11
    return digits[0] != "0" and len(set(digits[:10])) in {8, 9} and (11 - product) % 10 == int(digits[10])


def french_nir(digits: str) -> bool:
    """The two last digits are 97 less the others mod 97."""
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def belgian_nrn(digits: str) -> bool:
    """97 less the first nine mod 97; those born from 2000 count with a 2 before them."""
    check = int(digits[9:])
    return check in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def weighted(weights: Sequence[int], modulus: int, digits: str) -> bool:
    """The digits times their weights add up to a multiple."""
    return (
        sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % modulus == 0
        and len(set(digits)) > 1
    )


def chinese_id(text: str) -> bool:
    """ISO 7064 mod 11-2, the last may be X for ten."""
    total = sum(2 ** (17 - place) * int(digit) for place, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def cpf(digits: str) -> bool:
    """Two check digits mod 11."""
    return len(set(digits)) > 1 and all(_cpf_digit(digits[:length]) == int(digits[length]) for length in (9, 10))


def _cpf_digit(digits: str) -> int:
    total = sum((len(digits) + 1 - place) * int(digit) for place, digit in enumerate(digits))
    return total * 10 % 11 % 10


def aadhaar(digits: str) -> bool:
    """Verhoeff's check."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_D5[check][int(_PERMUTATION[place % 8][int(digit)])])
    return check == 0 and digits[0] not in "01"


def spanish_id(text: str) -> bool:
    """The letter is the number mod 23; a foreigner's X, Y, Z stand for 0, 1, 2."""
    number = text[:-1].upper().replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _DNI_LETTERS[int(number) % 23] == text[-1].upper()


def codice_fiscale(text: str) -> bool:
    """The last letter counts odd places by a table and even ones by order."""
    upper = text.upper()
    odd = sum(_CF_ODD[character] for character in upper[:15:2])
    even = sum(int(character) if character.isdigit() else ord(character) - 65 for character in upper[1:15:2])
    return chr((odd + even) % 26 + 65) == upper[15]


def luhn_ten(digits: str) -> bool:
    """Luhn over all digits (Sweden, Canada, South Africa)."""
    return luhn(digits) and len(set(digits)) > 2


def ahv(digits: str) -> bool:
    """EAN-13."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return total % 10 == 0


def nhs(digits: str) -> bool:
    """Mod 11 with weights 10 to 2."""
    check = 11 - sum((10 - place) * int(digit) for place, digit in enumerate(digits[:9])) % 11
    return check != 10 and check % 11 == int(digits[9]) and len(set(digits)) > 1


def _by_digits(check: Callable[[str], bool], lengths: tuple[int, ...], candidate: Candidate) -> float:
    digits = "".join(filter(str.isdigit, candidate.value))
    return candidate.confidence if len(digits) in lengths and check(digits) else 0.0


def _by_text(check: Callable[[str], bool], candidate: Candidate) -> float:
    text = "".join(filter(str.isalnum, candidate.value))
    return candidate.confidence if check(text) else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "us-ssn": partial(_by_digits, us_ssn, (9,)),
    "german-tax-id": partial(_by_digits, german_tax_id, (11,)),
    "french-nir": partial(_by_digits, french_nir, (15,)),
    "belgian-nrn": partial(_by_digits, belgian_nrn, (11,)),
    "dutch-bsn": partial(_by_digits, partial(weighted, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11), (9,)),
    "polish-pesel": partial(_by_digits, partial(weighted, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10), (11,)),
    "luhn-id": partial(_by_digits, luhn_ten, (9, 10, 12, 13)),
    "swiss-ahv": partial(_by_digits, ahv, (13,)),
    "nhs": partial(_by_digits, nhs, (10,)),
    "cpf": partial(_by_digits, cpf, (11,)),
    "aadhaar": partial(_by_digits, aadhaar, (12,)),
    "chinese-id": partial(_by_text, chinese_id),
    "spanish-id": partial(_by_text, spanish_id),
    "codice-fiscale": partial(_by_text, codice_fiscale),
}
