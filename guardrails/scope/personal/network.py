"""Addresses of people's machines: Internet and hardware addresses, logins, home folders, names of computers.

Documentation ranges, loopback and what everybody's machine has are nobody's.
"""

import ipaddress
import string
from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.words import words

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
# Ten thousand networks have the same ones, and every log is full of them: a guess. This machine's own are known (`local`).
_PRIVATE: Final = 0.3
_OTHER_DOTTED: Final = ("oid", "objectidentifier", "object identifier", "asn")
_VERSION_LABELS: Final = (
    "version", "ver", "release", "v", "==", ">=", "<=", "~=", "chrome/", "firefox/", "safari/", "section", "chapter",
)  # fmt: skip


def ipv4(candidate: Candidate) -> float:
    """An address that a machine of somebody's can have, and no version number."""
    try:
        address = ipaddress.IPv4Address(candidate.value)
    except ValueError:
        return 0.0
    if _is_nobodys(address) or _is_version(candidate) or candidate.is_near(_OTHER_DOTTED):
        return 0.0
    is_labelled = candidate.is_near(_IP_LABELS) or candidate.after(1) == ":"
    if address.is_private:
        return min(candidate.confidence, _PRIVATE) if is_labelled or candidate.value.startswith("192.168.") else 0.0
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
    """A hardware address that was given to a device, in any of its four spellings."""
    digits = "".join(filter(str.isalnum, candidate.value)).lower()
    octets = [digits[place : place + 2] for place in range(0, len(digits), 2)]
    if candidate.before(1) in {":", "-", "."} or any(_goes_on(candidate, separator) for separator in ":-."):
        return 0.0  # a fingerprint
    is_nobodys = len(set(octets)) <= 2 or digits.startswith("00005e0053") or digits in "0123456789abcdef"
    is_figures = not any(map(str.isalpha, digits)) and not candidate.is_near(("mac", "ether", "hwaddr", "bssid"))
    return 0.0 if is_nobodys or is_figures else candidate.confidence


def home(candidate: Candidate) -> float:
    """A person's home folder, not a build machine's and not `/home/user`."""
    name = candidate.value.lower().replace("\\", "/").rstrip("/").rpartition("/")[2]
    is_name = any(map(str.isalpha, name)) and name.strip(string.punctuation) == name
    return candidate.confidence if is_name and len(name) > 1 and name not in words("impersonal-homes") else 0.0


def login(candidate: Candidate) -> float:
    """Who logs in where: a person on a machine, not a role."""
    user, _, host = candidate.value.lower().partition("@")
    is_role = user in words("impersonal-homes") or user in words("role-accounts")
    is_example = host in words("example-domains") or host.endswith((".example.com", ".example")) or host in _NO_HOSTS
    return 0.0 if is_role or is_example else candidate.confidence


_NO_HOSTS: Final = frozenset({"host", "hostname", "server", "localhost", "example", "remote", "ip", "github.com"})


def computer(candidate: Candidate) -> float:
    """A computer called after its owner: `annas-macbook-pro`, `DESKTOP-7K3J2L9`."""
    name = candidate.value.lower().partition(".")[0]
    if name.startswith(("desktop-", "laptop-", "win-")):
        tail = name.rpartition("-")[2]
        is_serial = len(tail) >= 6 and any(map(str.isdigit, tail)) and any(map(str.isalpha, tail))
        return candidate.confidence if is_serial else 0.0
    parts = name.replace("_", "-").split("-")
    return candidate.confidence if any(map(_is_owner, parts)) else 0.0


def _is_owner(part: str) -> bool:
    given = words("given-names")
    return len(part) > 2 and (part in given or (part.endswith("s") and part.rstrip("s").rstrip("'") in given))


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "ipv4": ipv4,
    "ipv6": ipv6,
    "mac": mac,
    "home": home,
    "login": login,
    "computer": computer,
}
