"""Where people live and are: street addresses by shape, postcodes by label, coordinates."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.normalise import normalise
from guardrails.scope.words import words

# A latitude's companion stands this near.
_MEMBERS_CHARS: Final = 96
_LEAST_DECIMALS: Final = 4
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,3}\.[0-9]+")
# Characters that a postal address in Chinese, Japanese or Korean has.
_EASTERN: Final = frozenset("省市区县區縣路街号號弄巷室道都府町村丁目番地시구군읍면동로길호")
# As `normalise` reads them: letters that look like Latin ones are.
_SLAVIC_STREETS: Final = tuple(
    normalise(street).text for street in ("ул.", "вул.", "пр.", "просп.", "пер.", "бул.", "наб.", "пл.", "ш.", "пр-т")
)
_CODE: Final = ("://", "()", "{", "}", "@", "==", "0x", "->", "::", "&&", "%s", "${", "</")
# The Free Software Foundation's, now and before: the head of every other file has one. On a bounded value.
_LICENSOR: Final = re.compile(r"Franklin St|Temple Place|Mass Ave|Fifth Floor, Boston")
# Where a postcode of four digits would stand: `March 5, 2024 Release`.
_YEAR: Final = re.compile(r"[,\n-] ?(?:19|20)[0-9]{2} [^0-9]")
_HOUSE: Final = re.compile(r"[0-9]{1,5}[A-Za-z]?(?:[-/][0-9]{1,4}[A-Za-z]?)?[,.;]?|[0-9]{2,6}-[0-9]{2,4}")


def coordinates(candidate: Candidate) -> float:
    """A latitude and a longitude in either order, to the street or better."""
    # With a third it is a vector.
    is_vector = candidate.after(4).lstrip(" ,-")[:1].isdigit()
    return 0.0 if is_vector else map_coordinates(candidate)


def map_coordinates(candidate: Candidate) -> float:
    """The same where what stands before already says that it is a place."""
    first, second = (float(number) for number in _NUMBER.findall(candidate.value)[:2])
    in_range = min(abs(first), abs(second)) <= 90 and max(abs(first), abs(second)) <= 180
    return candidate.confidence if in_range and (first or second) else 0.0


def spoken_coordinates(candidate: Candidate) -> float:
    """The same in prose: of two measures from 0 to 1 it is said too where they are."""
    is_measure = all(abs(float(number)) <= 1 for number in _NUMBER.findall(candidate.value)[:2])
    return 0.0 if is_measure else coordinates(candidate)


def latitude(candidate: Candidate) -> float:
    """One member of a pair: the other, under its own name, is near. `lat` alone is a latency."""
    after = candidate.text[candidate.end : candidate.end + _MEMBERS_CHARS].lower()
    has_other = any(word in after for word in ("lon", "lng", "länge", "经度", "долгота", "経度"))
    return candidate.confidence if has_other and abs(float(candidate.value)) <= 90 else 0.0


def longitude(candidate: Candidate) -> float:
    """The other member."""
    before = candidate.text[max(0, candidate.start - _MEMBERS_CHARS) : candidate.start].lower()
    has_other = any(word in before for word in ("lat", "breite", "纬度", "широта", "緯度"))
    return candidate.confidence if has_other and abs(float(candidate.value)) <= 180 else 0.0


def address(candidate: Candidate) -> float:
    """What stands after `address` and has a house's number, and words."""
    value = candidate.value.strip()
    if any(sign in value for sign in _CODE) or "?" in value or _LICENSOR.search(value):
        return 0.0
    tokens = value.split()
    names = [token for token in tokens if len(token) > 2 and _is_capital(token) and any(map(str.isalpha, token))]
    has_house = any(map(_HOUSE.fullmatch, tokens)) or (not value.isascii() and any(map(str.isdigit, value)))
    is_eastern = sum(character in _EASTERN for character in value) > 1
    is_prose = tokens[0].lower() in words("no-names")
    is_address = is_eastern or (has_house and names and len(tokens) > 1 and not is_prose)
    return candidate.confidence if is_address else 0.0


def _is_capital(token: str) -> bool:
    letter = token.lstrip("(\"'")[:1]
    return letter.isupper() or (letter.isalpha() and not letter.islower())


def street(candidate: Candidate) -> float:
    """A shape that is a street's, in which no word belongs to code or prose; not of those whom licences give."""
    if _LICENSOR.search(candidate.value):
        return 0.0
    names = [part.strip(".,").lower() for part in candidate.value.split()]
    is_prose = any(name in words("no-streets") for name in names)
    return 0.0 if is_prose or candidate.after(1) in {"(", "="} else candidate.confidence


def coded_address(candidate: Candidate) -> float:
    """Words and a house's number, then a postcode and a town; no year, and no word of prose or of code."""
    if _YEAR.search(candidate.value) or street(candidate) <= 0:
        return 0.0
    names = (part.strip(".,").lower() for part in candidate.value.split())
    return 0.0 if any(name in words("no-names") for name in names) else candidate.confidence


def eastern_address(candidate: Candidate) -> float:
    """Chinese, Japanese and Korean: large to small, with the characters of streets and houses."""
    found = sum(character in _EASTERN for character in candidate.value)
    return candidate.confidence if found > 1 and "?" not in candidate.value else 0.0


def slavic_street(candidate: Candidate) -> float:
    """A street, avenue or lane in Cyrillic letters, as its abbreviation says."""
    is_street = candidate.value.lower().startswith(_SLAVIC_STREETS)
    return candidate.confidence if is_street and "?" not in candidate.value else 0.0


def post_box(candidate: Candidate) -> float:
    """A box of a post office, as its label in capitals says."""
    label = candidate.text[max(0, candidate.start - 24) : candidate.start]
    return candidate.confidence if any(map(str.isupper, label)) or "/" in label else 0.0


def postcode(candidate: Candidate) -> float:
    """A code of a post, after a word that says so; zeros and sequences are nobody's."""
    digits = "".join(filter(str.isdigit, candidate.value))
    is_pattern = candidate.value.isdigit() and (len(set(digits)) < 2 or digits in "0123456789")
    return 0.0 if is_pattern else candidate.confidence


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "coordinates": coordinates,
    "map-coordinates": map_coordinates,
    "spoken-coordinates": spoken_coordinates,
    "latitude": latitude,
    "longitude": longitude,
    "address": address,
    "street": street,
    "coded-address": coded_address,
    "eastern-address": eastern_address,
    "postcode": postcode,
    "post-box": post_box,
    "slavic-street": slavic_street,
}
