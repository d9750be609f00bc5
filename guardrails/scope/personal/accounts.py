"""Payment cards and bank accounts: issuers, lengths and check digits as the standards have them."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.labels import labels
from guardrails.scope.personal.checksums import luhn, mod97
from guardrails.scope.words import words

# ISO/IEC 7812 issuers: (first, last) of the leading six digits, and the lengths they issue.
_ISSUERS: Final = (
    (400000, 499999, (13, 16, 19)),
    (222100, 272099, (16,)),
    (510000, 559999, (16,)),
    (340000, 349999, (15,)),
    (370000, 379999, (15,)),
    (300000, 305999, (14, 16)),
    (309500, 309599, (14, 16)),
    (360000, 369999, (14, 16, 19)),
    (380000, 399999, (14, 16)),
    (352800, 358999, (16, 17, 18, 19)),
    (601100, 601199, (16, 19)),
    (644000, 659999, (16, 19)),
    (620000, 629999, (16, 17, 18, 19)),
    (810000, 817199, (16, 17, 18, 19)),
    (500000, 509999, (12, 13, 14, 15, 16, 17, 18, 19)),
    (560000, 589999, (12, 13, 14, 15, 16, 17, 18, 19)),
    (600000, 609999, (16, 19)),
    (630000, 639999, (12, 13, 14, 15, 16, 17, 18, 19)),
    (670000, 679999, (12, 13, 14, 15, 16, 17, 18, 19)),
    (220000, 220499, (16, 17, 18, 19)),
    (979200, 979289, (16,)),
)
# As American Express, Diners Club and Maestro are written; the others are in groups of four.
_GROUPS: Final = frozenset({(4, 6, 5), (4, 6, 4), (8, 11), (4, 4, 5), (4, 4, 4, 4, 3)})
# Digits of a plain number under a label that is no more than `account`.
_ACCOUNT_DIGITS: Final = (6, 28)
_CLABE_WEIGHTS: Final = (3, 7, 1)


def card(candidate: Candidate) -> float:
    """Issued range, length and Luhn digit; contiguous digits only beside a word that says card."""
    digits = _digits(candidate.value)
    if not is_card(digits) or _is_in_decimal(candidate):
        return 0.0
    return candidate.confidence if _is_in_groups(candidate) or candidate.is_near(_card_labels()) else 0.0


def labelled_card(candidate: Candidate) -> float:
    """The same where its label has been seen already."""
    return candidate.confidence if is_card(_digits(candidate.value)) else 0.0


def card_detail(candidate: Candidate) -> float:
    """A security code or an expiry date: of a card only where the text speaks of one."""
    around = candidate.text[max(0, candidate.start - 160) : candidate.end + 160].lower()
    is_pattern = candidate.value in {"123", "000", "999", "1234", "0000"} and "card" not in around
    says_card = any(word in around for word in ("card", "cvv", "cvc", "visa", "amex", "pan", "karte", "carte"))
    return candidate.confidence if says_card and not is_pattern else 0.0


def iban(candidate: Candidate) -> float:
    """Mod 97 = 1 (ISO 13616); the rule has the length of each country's."""
    account = "".join(filter(str.isalnum, candidate.value)).upper()
    is_nobodys = len(set(account[4:])) < 3 or account in words("sample-numbers")
    return candidate.confidence if mod97(account[4:] + account[:4]) == 1 and not is_nobodys else 0.0


def account(candidate: Candidate) -> float:
    """A number of a bank's customer, after a word that says account: longer than a count, and no pattern."""
    value = candidate.value
    digits = _digits(value)
    least, most = _ACCOUNT_DIGITS
    is_pattern = len(set(digits)) < 3 or digits in "01234567890123456789"
    # A moment in seconds or milliseconds, or an amount.
    is_other = value.count(".") == 1 or (
        value.isdigit() and value[:1] == "1" and len(value) in {10, 13} and value[1] in "5678"
    )
    is_plain_word = not any(map(str.isdigit, value))
    if not least <= len(digits) <= most or is_pattern or is_other or is_plain_word:
        return 0.0
    return candidate.confidence


def routing_number(candidate: Candidate) -> float:
    """American Bankers Association: nine digits, weights 3, 7, 1 mod 10, and a Federal Reserve district."""
    digits = _digits(candidate.value)
    after = candidate.after(2)
    if after[:1] == "-" and after[1:].isalnum():
        return 0.0  # a group of a UUID
    if len(digits) != 9:
        return candidate.confidence
    total = sum(weight * int(digit) for weight, digit in zip((3, 7, 1) * 3, digits, strict=True))
    return candidate.confidence if total % 10 == 0 and len(set(digits)) > 2 else 0.0


def clabe(candidate: Candidate) -> float:
    """Mexico: eighteen digits, the last by weights 3, 7, 1, each product mod 10."""
    digits = candidate.value
    total = sum(int(digit) * _CLABE_WEIGHTS[place % 3] % 10 for place, digit in enumerate(digits[:17]))
    is_right = -total % 10 == int(digits[17]) and len(set(digits)) > 3
    return candidate.confidence if is_right else 0.0


def _digits(value: str) -> str:
    return "".join(filter(str.isdigit, value))


def is_card(digits: str) -> bool:
    """Whether an issuer has numbers that begin so and are as long, and the last digit is Luhn's."""
    lengths = next((lengths for first, last, lengths in _ISSUERS if first <= int(digits[:6]) <= last), ())
    return len(digits) in lengths and luhn(digits) and len(set(digits)) > 1 and digits not in words("sample-numbers")


def _is_in_groups(candidate: Candidate) -> bool:
    """Whether it is written as cards are embossed, and not a row of figures: those are of any length, and go on."""
    groups = tuple(map(len, candidate.value.replace("-", " ").replace(".", " ").split(" ")))
    is_row = candidate.before(2).rstrip(" ,;\t")[-1:].isdigit()
    is_embossed = groups in _GROUPS or (len(groups) > 3 and set(groups[:-1]) == {4} and groups[-1] <= 4)
    return is_embossed and not is_row


def _is_in_decimal(candidate: Candidate) -> bool:
    after = candidate.after(2)
    return candidate.before(1) in {".", "+", "-"} or (after[:1] == "." and after[1:].isdigit())


def _card_labels() -> tuple[str, ...]:
    return tuple(label for label in labels("card") if label not in {"payment", "discover"})


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "card": card,
    "labelled-card": labelled_card,
    "card-detail": card_detail,
    "iban": iban,
    "account": account,
    "routing-number": routing_number,
    "clabe": clabe,
}
