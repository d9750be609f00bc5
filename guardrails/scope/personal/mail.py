"""E-mail addresses of people: under a domain that can exist, of a mailbox that is somebody's."""

import string
from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.words import words

# RFC 2606, RFC 6761, RFC 6762 and RFC 8375, the suffixes that networks use for machines of their own, and accounts of
# services.
_RESERVED_SUFFIXES: Final = (
    ".example", ".test", ".invalid", ".localhost", ".local", ".internal", ".example.com", ".example.org",
    ".example.net", ".home.arpa", ".lan", ".corp", ".intranet", ".gserviceaccount.com",
)  # fmt: skip
# Domains after which names of algorithms stand (RFC 4251 §6), and mailboxes of forges that hide a person's.
_NOBODYS_DOMAINS: Final = frozenset(
    {"openssh.com", "libssh.org", "lysator.liu.se", "putty.projects.tartarus.org", "users.noreply.github.com"}
)
_JOINERS: Final = str.maketrans(dict.fromkeys("([{<>}])", " "))


def email(candidate: Candidate) -> float:
    """A mailbox under a top-level domain that exists, of a person."""
    value = candidate.value
    local, _, domain = value.lower().rpartition("@")
    if not _is_somebodys(local.strip("\"'"), domain) or _is_code(candidate, local, domain):
        return 0.0
    return candidate.confidence


def international_email(candidate: Candidate) -> float:
    """The same with letters of any script: what stands for `?` over one byte a character must be a letter."""
    return 0.0 if "?" in candidate.value or candidate.value.isascii() else email(candidate)


def spelled_email(candidate: Candidate) -> float:
    """`name (at) host (dot) org`, as people write who mean to be read by people alone."""
    parts = candidate.value.lower().translate(_JOINERS).replace("@", " at ").replace(".", " dot ").split()
    at = parts.index("at") if "at" in parts else 0
    local, domain = "".join(parts[:at]).replace("dot", "."), parts[at + 1 :]
    hosts = domain[::2]
    is_domain = len(hosts) > 1 and set(domain[1::2]) == {"dot"}
    return candidate.confidence if is_domain and _is_somebodys(local, ".".join(hosts)) else 0.0


def _is_somebodys(local: str, domain: str) -> bool:
    name, _, suffix = domain.rpartition(".")
    is_domain = suffix in words("top-level-domains") or not suffix.isascii()
    is_nobodys = domain in words("example-domains") or domain in _NOBODYS_DOMAINS or domain.endswith(_RESERVED_SUFFIXES)
    # `pkg@1.0.dev` is a version, `163.com` a provider of mail.
    is_version = "." in name and name.replace(".", "").isdigit()
    is_plain = bool(local) and local[0] != "." and local[-1] != "."
    return is_domain and is_plain and not (is_nobodys or is_version or local in words("role-accounts"))


def _is_code(candidate: Candidate, local: str, domain: str) -> bool:
    # `matrix@vector.to(device)` is a product, `git@host.org:team/repo` a remote, `https://user@host.org/` a login.
    after = candidate.after(2)
    if after[:1] in {"(", "[", "="} or (after[:1] == ":" and after[1:].strip() and after[1:].isalpha()):
        return True
    # Short names on both sides are operands: `w@x.is`.
    return len(local) == 1 and len(domain) < 6 and local in string.ascii_letters


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {
    "email": email,
    "international-email": international_email,
    "spelled-email": spelled_email,
}
