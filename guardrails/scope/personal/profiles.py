"""What people are called on services: user names, handles, addresses of their profiles."""

from collections.abc import Callable, Mapping
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.placeholders import is_placeholder, is_reference
from guardrails.scope.words import words

# Where people are reached by a name of their own choice.
_SERVICES: Final = (
    "skype", "telegram", "discord", "instagram", "snapchat", "twitter", "wechat", "weixin", "tiktok",
    "mastodon", "reddit", "viber",
)  # fmt: skip
# What stands where a profile's name does and is a page of the service's own.
_LEAST_CHARS: Final = 3
# Given names that a user name may begin with; shorter ones begin too many words.
_NAME_CHARS: Final = range(4, 10)


def username(candidate: Candidate) -> float:
    """A name to log in with, after a word that says so: made of a person's name, or of letters with digits."""
    value = candidate.value.lstrip("@")
    lower = value.lower()
    is_nobody = (
        lower in words("impersonal-homes") or lower in words("role-accounts") or lower in words("pages-of-services")
    )
    if is_nobody or is_placeholder(value) or is_reference(value) or len(value) < _LEAST_CHARS:
        return 0.0
    if candidate.after(1) in {"(", "[", "{"} or value.isupper():
        return 0.0
    is_handle = candidate.value[0] == "@" or (
        _is_composed(value) and any(map(candidate.before(24).__contains__, _SERVICES))
    )
    return candidate.confidence if is_handle or _is_personal(lower) else 0.0


def _is_composed(value: str) -> bool:
    """Two parts, or letters and digits: no word that could be a setting's value."""
    return len(value.replace("_", ".").replace("-", ".").split(".")) > 1 or any(map(str.isdigit, value))


def handle(candidate: Candidate) -> float:
    """A name on a service, where the service stands before it."""
    lower = candidate.value.lower().lstrip("@")
    is_nobody = (
        lower in words("pages-of-services")
        or lower in words("role-accounts")
        or lower.partition("/")[0] in words("pages-of-services")
    )
    return 0.0 if is_nobody or len(lower) < _LEAST_CHARS else candidate.confidence


def _is_personal(lower: str) -> bool:
    letters = "".join(character if character.isalpha() else " " for character in lower).split()
    given = words("given-names")
    has_name = any(part in given for part in letters)
    begins = any(lower[:length] in given for length in _NAME_CHARS)
    return has_name or begins or (lower[-1:].isdigit() and bool(letters) and len(letters[0]) > 3)


VALIDATORS: Final[Mapping[str, Callable[[Candidate], float]]] = {"username": username, "handle": handle}
