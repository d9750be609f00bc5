"""Checks that decide whether a shape is personal: cards, accounts, numbers and addresses of people and of their
machines.

Statistics must pass: shape alone never makes a number personal. Documentation ranges, loopback and example domains
are nobody's.
"""

import hashlib
import ipaddress
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.words import words

# ISO/IEC 7812 issuers: (first, last) of the leading six digits, and the lengths they issue.
_ISSUERS: Final = (
    (400000, 499999, (13, 16, 19)),
    (222100, 272099, (16,)),
    (510000, 559999, (16,)),
    (340000, 349999, (15,)),
    (370000, 379999, (15,)),
    (300000, 305999, (14, 16)),
    (360000, 369999, (14,)),
    (380000, 399999, (14, 16)),
    (352800, 358999, (16,)),
    (601100, 601199, (16, 19)),
    (644000, 659999, (16, 19)),
    (620000, 629999, (16, 17, 18, 19)),
    (500000, 509999, (16, 19)),
    (560000, 589999, (16, 19)),
    (630000, 639999, (16, 19)),
    (220000, 220499, (16,)),
)
# ISO 13616 registry: length of the IBAN by country.
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
# RFC 2606 and RFC 6762, and the suffix of addresses that name a machine's own services.
_RESERVED_SUFFIXES: Final = (
    ".example",
    ".test",
    ".invalid",
    ".localhost",
    ".local",
    ".internal",
    ".example.com",
    ".example.org",
)
# RFC 3849, RFC 9637: documentation.
_DOCUMENTATION_6: Final = (ipaddress.IPv6Network("2001:db8::/32"), ipaddress.IPv6Network("3fff::/20"))
# Global unicast, unique local, link local: what an interface can have. `a::b` in code is in none of them.
_REAL_6: Final = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7", "fe80::/10")))
_DOCUMENTATION_4: Final = tuple(
    map(ipaddress.IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"))
)
_IP_LABELS: Final = (
    "ip", "ipaddr", "ipv4", "addr", "host", "server", "client", "peer", "gateway", "dns", "ssh", "ping", "from",
    "connect", "listen", "bind", "inet", "proxy", "remote", "node", "http", "tcp", "udp", "subnet", "route",
)  # fmt: skip
_OTHER_DOTTED: Final = ("oid", "objectidentifier", "object identifier", "asn")
_VERSION_LABELS: Final = (
    "version",
    "ver",
    "release",
    "v",
    "==",
    ">=",
    "<=",
    "~=",
    "chrome/",
    "firefox/",
    "safari/",
    "section",
    "chapter",
)
# Where a number is read as a national one: the numbering plans of most developers. International ones are read
# anywhere.
_PHONE_REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "IN", "BR", "AU", "JP", "CN", "PL", "SE", "CH", "AT")
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def card(candidate: Candidate) -> float:
    """Issued range, length and Luhn digit; contiguous digits only beside a word that says card."""
    digits = "".join(filter(str.isdigit, candidate.value))
    lengths = next((lengths for first, last, lengths in _ISSUERS if first <= int(digits[:6]) <= last), ())
    if len(digits) not in lengths or not luhn(digits) or len(set(digits)) < 2:
        return 0.0
    if candidate.value.isdigit() and not candidate.is_near(
        ("card", "visa", "mastercard", "amex", "credit", "debit", "pan", "cc", "iin")
    ):
        return 0.0
    return candidate.confidence


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def iban(candidate: Candidate) -> float:
    """The country's length, and mod 97 = 1 (ISO 13616)."""
    account = "".join(candidate.value.split()).upper()
    if len(account) != _IBAN_LENGTHS.get(account[:2]):
        return 0.0
    return (
        candidate.confidence
        if int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1
        else 0.0
    )


def email(candidate: Candidate) -> float:
    """A mailbox under a domain that can exist, of a person."""
    local, _, domain = candidate.value.lower().rpartition("@")
    suffix = domain.rpartition(".")[2]
    is_domain = (len(suffix) == 2 and suffix.isalpha()) or suffix in words("generic-tlds")
    if (
        not is_domain
        or domain in words("example-domains")
        or domain.endswith(_RESERVED_SUFFIXES)
        or local in words("role-accounts")
    ):
        return 0.0
    # `matrix@vector.to(device)` is a product, and `git@host.org:team/repo` a remote.
    return 0.0 if candidate.after(1) in {"(", "["} else candidate.confidence


def phone(candidate: Candidate) -> float:
    """A number that its country's plan has, written as one is: internationally, or in groups, or beside a word that
    says phone.
    """
    import phonenumbers

    value = candidate.value
    is_international = value.startswith("+")
    if value[1:].replace(".", "", 1).isdigit() and "." in value:
        return 0.0  # a decimal number with its sign
    if "".join(filter(str.isdigit, value))[-7:-2] == "55501":
        return 0.0  # kept for fiction by the North American plan
    if is_international and value[1:].isdigit() and candidate.before(1) == "" and not candidate.is_near(_PHONE_LABELS):
        return 0.0  # a line that a diff added begins with a plus too
    for region in (None,) if is_international else _PHONE_REGIONS:
        if _is_number(phonenumbers, value, region):
            return candidate.confidence
    return 0.0


_PHONE_LABELS: Final = (
    "phone",
    "tel",
    "telephone",
    "telefon",
    "mobile",
    "cell",
    "call",
    "fax",
    "whatsapp",
    "sms",
    "contact",
    "dial",
)


def _is_number(library: Any, value: str, region: str | None) -> bool:
    try:
        return bool(library.is_valid_number(library.parse(value, region)))
    except library.NumberParseException:
        return False


def ipv4(candidate: Candidate) -> float:
    """An address that a machine of somebody's can have, and no version number."""
    try:
        address = ipaddress.IPv4Address(candidate.value)
    except ValueError:
        return 0.0
    if _is_nobodys(address) or _is_version(candidate) or candidate.is_near(_OTHER_DOTTED):
        return 0.0
    is_labelled = candidate.is_near(_IP_LABELS) or candidate.after(1) == ":"
    if address.is_private and (is_labelled or candidate.value.startswith("192.168.")):
        return candidate.confidence
    # Four small numbers are a version or a section, and without a word beside them so are three.
    large = sum(octet >= 32 for octet in address.packed)
    is_address = large >= 2 - is_labelled and not _is_in_list(candidate)
    return candidate.confidence if is_address and candidate.after(1) != "/" else 0.0


def _is_in_list(candidate: Candidate) -> bool:
    # The path of a drawing: numbers before it, numbers after it.
    return candidate.before(8).rstrip()[-1:].isdigit() and candidate.after(8).lstrip(" -")[:1].isdigit()


def _is_nobodys(address: ipaddress.IPv4Address) -> bool:
    # Networks and masks name no machine; 0/8 and 240/4 are given to nobody.
    is_special = address.is_loopback or address.is_multicast or address.is_link_local or not address.packed[3]
    if is_special or str(address) in words("public-resolvers"):
        return True
    return address.packed[0] in {0, *range(240, 256)} or any(address in network for network in _DOCUMENTATION_4)


def _is_version(candidate: Candidate) -> bool:
    before = candidate.before(16).rstrip(" :=\"'\x02\x1f")
    is_part = candidate.before(1) in {"-", "^", "~", "."} or candidate.after(1) in {"-", "+"}
    return is_part or before.endswith(_VERSION_LABELS) or _goes_on(candidate, ".")


def _goes_on(candidate: Candidate, separator: str) -> bool:
    # One more group: then it is a longer thing of which this is a part.
    after = candidate.after(2)
    return after[:1] == separator and after[1:2].isalnum()


def ipv6(candidate: Candidate) -> float:
    """An interface's address: global, unique local or link local, and not for documentation."""
    try:
        address = ipaddress.IPv6Address(candidate.value)
    except ValueError:
        return 0.0
    is_real = any(address in network for network in _REAL_6) and not any(
        address in network for network in _DOCUMENTATION_6
    )
    # Eight short groups of digits are a list of numbers; a prefix names no machine.
    is_network = (
        candidate.value.endswith("::") or candidate.after(1) == "/" or str(address) in words("public-resolvers")
    )
    is_list = all(len(group) < 3 for group in candidate.value.split(":"))
    return candidate.confidence if is_real and not is_network and not is_list else 0.0


def mac(candidate: Candidate) -> float:
    """A hardware address that was given to a device."""
    octets = candidate.value.replace("-", ":").lower().split(":")
    if candidate.before(1) in {":", "-"} or _goes_on(candidate, ":") or _goes_on(candidate, "-"):
        return 0.0  # a fingerprint
    is_nobodys = (
        len(set(octets)) <= 2
        or octets[:5] == ["00", "00", "5e", "00", "53"]
        or not any(map(str.isalpha, "".join(octets)))
    )
    return 0.0 if is_nobodys else candidate.confidence


def bitcoin(candidate: Candidate) -> float:
    """Base58Check: the last four bytes are the double SHA-256 of the others."""
    number = 0
    for character in candidate.value:
        number = number * 58 + _BASE58.index(character)
    if number.bit_length() > 200:
        return 0.0
    raw = number.to_bytes(25, "big")
    return candidate.confidence if hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:] else 0.0


def home(candidate: Candidate) -> float:
    """A person's home folder, not a build machine's and not `/home/user`."""
    name = candidate.value.lower().replace("\\", "/").rstrip("/").rpartition("/")[2]
    is_name = any(map(str.isalpha, name)) and name.strip(string.punctuation) == name
    return candidate.confidence if is_name and len(name) > 1 and name not in words("impersonal-homes") else 0.0


def coordinates(candidate: Candidate) -> float:
    """A latitude and a longitude, to the street or better."""
    numbers = [float(part) for part in candidate.value.replace(",", " ").split()[:2]]
    return candidate.confidence if abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180 else 0.0


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "card": card,
    "iban": iban,
    "email": email,
    "phone": phone,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "mac": mac,
    "bitcoin": bitcoin,
    "home": home,
    "coordinates": coordinates,
}
