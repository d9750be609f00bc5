"""Check digits and structure of what American states number people by, from the states' own descriptions."""

from collections.abc import Mapping
from typing import Final

from guardrails.scope.identity.checksums import (
    Check,
    complement,
    every,
    is_day,
    is_monotone,
    luhn,
    weighted,
    weighted_sum,
)

# Printed in advertisements and forms, and in use as examples ever since.
_SHOWN_SSN: Final = frozenset({"078051120", "219099999", "123456789", "987654321", "111223333", "123121234"})
_CURP_LETTERS: Final = "0123456789ABCDEFGHIJKLMN#OPQRSTUVWXYZ"
_RFC_LETTERS: Final = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ #"
_NIT_WEIGHTS: Final = (71, 67, 59, 53, 47, 43, 41, 37, 29, 23, 19, 17, 13, 7, 3)
_CUIL_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def us_ssn(digits: str) -> bool:
    """Never issued: area 000, 666 and 900 up, group 00, serial 0000; nor those that were printed in advertisements."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    is_issued = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return is_issued and digits not in _SHOWN_SSN and not is_monotone(digits)


def us_itin(digits: str) -> bool:
    """Begins with 9, its group is 50 and more but for a few."""
    return digits[0] == "9" and digits[3:5] >= "50" and digits[3:5] not in {"66", "67", "68", "69", "89", "93"}


def us_npi(digits: str) -> bool:
    """Luhn, with 80840 before it (ISO 7812 issuer of health identifiers)."""
    return digits[0] in "12" and luhn("80840" + digits)


def us_dea(text: str) -> bool:
    """Odd places and twice the even ones, mod 10."""
    digits = [int(digit) for digit in text[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6] and not is_monotone(text[2:])


def canadian_insurance(digits: str) -> bool:
    """Luhn; none begins with 0 or 8."""
    return digits[0] not in "08" and luhn(digits)


def quebec_health(text: str) -> bool:
    """Name, year, month (50 more for women), day."""
    return is_day(text[8:10], int(text[6:8]) % 50)


def mexican_curp(text: str) -> bool:
    """Name, birthday, sex, state; the last digit is the weighted sum of all mod 10."""
    total = sum((18 - place) * _CURP_LETTERS.index(character) for place, character in enumerate(text[:17]))
    return is_day(text[8:10], text[6:8]) and -total % 10 == int(text[17])


def mexican_rfc(text: str) -> bool:
    """Name, birthday; the last character is the weighted sum mod 11, A for ten."""
    total = sum((13 - place) * _RFC_LETTERS.index(character) for place, character in enumerate(text[:12]))
    return is_day(text[8:10], text[6:8]) and "0123456789A"[-total % 11] == text[12]


def cpf(digits: str) -> bool:
    """Two digits mod 11."""
    return not is_monotone(digits) and all(_cpf_digit(digits[:length]) == int(digits[length]) for length in (9, 10))


def _cpf_digit(digits: str) -> int:
    return weighted_sum(range(len(digits) + 1, 1, -1), digits) * 10 % 11 % 10


def cnpj(digits: str) -> bool:
    """Two digits mod 11."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return all(complement(*weights[13 - length :])(digits[: length + 1]) for length in (12, 13))


def brazilian_licence(digits: str) -> bool:
    """Two digits mod 11; where the first is ten the second loses two."""
    first = weighted_sum(range(9, 0, -1), digits) % 11
    second = weighted_sum(range(1, 10), digits) % 11
    if first > 9:
        first, second = 0, (second - 2) % 11
    return digits[9:] == f"{first}{0 if second > 9 else second}" and not is_monotone(digits)


def brazilian_voter(digits: str) -> bool:
    """A serial, a state, two digits mod 11."""
    state = digits[8:10]
    first = weighted_sum(range(2, 10), digits) % 11 % 10
    second = (int(state[0]) * 7 + int(state[1]) * 8 + first * 9) % 11 % 10
    return "01" <= state <= "28" and digits[10:] == f"{first}{second}"


def argentine_cuil(digits: str) -> bool:
    """A kind of person, the identity card's number, mod 11."""
    return digits[:2] in {"20", "23", "24", "25", "26", "27", "30", "33", "34"} and complement(
        *_CUIL_WEIGHTS, folded=(9, 0)
    )(digits)


def chilean_rut(text: str) -> bool:
    """Mod 11 with weights 2 to 7 in turn from the right, K for ten."""
    total = sum((2 + place % 6) * int(digit) for place, digit in enumerate(reversed(text[:-1])))
    return "0123456789K"[-total % 11] == text[-1] and not is_monotone(text[:-1])


def colombian_nit(digits: str) -> bool:
    """Mod 11, weights of primes from the right."""
    rest = weighted_sum(_NIT_WEIGHTS[16 - len(digits) :], digits[:-1]) % 11
    return (11 - rest if rest > 1 else rest) == int(digits[-1])


def ecuadorian_identity(digits: str) -> bool:
    """A province, and Luhn."""
    return (1 <= int(digits[:2]) <= 24 or digits[:2] in {"30", "50"}) and digits[2] < "7" and luhn(digits[:10])


def venezuelan_rif(text: str) -> bool:
    """A letter worth a digit, mod 11."""
    kind = {"V": 4, "E": 8, "J": 12, "P": 16, "G": 20, "C": 12}[text[0]]
    lack = 11 - (kind + weighted_sum((3, 2, 7, 6, 5, 4, 3, 2), text[1:])) % 11
    return (0 if lack > 9 else lack) == int(text[-1])


def salvadoran_dui(digits: str) -> bool:
    """Weights 9 to 2, mod 10."""
    return -weighted_sum(range(9, 1, -1), digits) % 10 == int(digits[8]) and not is_monotone(digits)


def guatemalan_dpi(digits: str) -> bool:
    """A serial and its digit mod 11, then department and municipality."""
    rest = weighted_sum(range(2, 10), digits) % 11
    return rest == int(digits[8]) and 1 <= int(digits[9:11]) <= 22 and 1 <= int(digits[11:13]) <= 40


def uruguayan_identity(digits: str) -> bool:
    """Mod 10 with seven weights."""
    digits = digits.rjust(8, "0")
    return -weighted_sum((2, 9, 8, 7, 6, 3, 4), digits) % 10 == int(digits[7]) and not is_monotone(digits)


def paraguayan_ruc(digits: str) -> bool:
    """Mod 11, weights from 2 up from the right."""
    total = sum((2 + place) * int(digit) for place, digit in enumerate(reversed(digits[:-1])))
    return -total % 11 % 10 == int(digits[-1])


CHECKS: Final[Mapping[str, Check]] = {
    "ar-cuil": argentine_cuil,
    "br-cpf": cpf,
    "br-cnpj": cnpj,
    "br-pis": complement(3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
    "br-cnh": brazilian_licence,
    "br-titulo": brazilian_voter,
    "br-cns": weighted(*range(15, 0, -1), modulus=11),
    "ca-sin": canadian_insurance,
    "ca-phn": every(lambda digits: digits[0] == "9", complement(0, 2, 4, 8, 5, 10, 9, 7, 3, folded=(-1, 0))),
    "ca-ramq": quebec_health,
    "cl-rut": chilean_rut,
    "co-nit": colombian_nit,
    "cu-ni": lambda digits: is_day(digits[4:6], digits[2:4]),
    "do-cedula": luhn,
    "ec-ci": ecuadorian_identity,
    "gt-dpi": guatemalan_dpi,
    "mx-curp": mexican_curp,
    "mx-rfc": mexican_rfc,
    "mx-nss": luhn,
    "pe-ruc": every(
        lambda digits: digits[:2] in {"10", "15", "16", "17", "20"}, complement(*_CUIL_WEIGHTS, folded=(0, 1))
    ),
    "py-ruc": paraguayan_ruc,
    "sv-dui": salvadoran_dui,
    "us-ssn": us_ssn,
    "us-itin": us_itin,
    "us-npi": us_npi,
    "us-dea": us_dea,
    "uy-ci": uruguayan_identity,
    "ve-rif": venezuelan_rif,
}
