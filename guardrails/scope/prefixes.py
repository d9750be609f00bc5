"""What the words before a token's random part say of it: `acme_sk_live_…` is a secret whoever acme is, `pk_live_…` is
public, `cus_…` names somebody.
"""

from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.placeholders import is_dummy
from guardrails.scope.randomness import randomness
from guardrails.scope.words import words

_SEPARATORS: Final = str.maketrans("_", "-")
# A shorter random part is a suffix that keeps names apart.
_LEAST_HEX_CHARS: Final = 32
_LEAST_NATS: Final = 30.0
_HEX: Final = frozenset("0123456789abcdef")
# What a name with a digest in it goes on with: a file's ending, or a place in it.
_FILE_ENDS: Final = (".js", ".mjs", ".cjs", ".css", ".map", ".json", ".woff", ".png", ".svg", ".jpg", ".whl", ".tar")


def prefixed_secret(candidate: Candidate) -> float:
    """Random behind words of which one says that it is a secret, and the first not that everybody may know it."""
    token, _, _region = candidate.value.partition(".")
    *prefix, body = token.lower().translate(_SEPARATORS).split("-")
    if _is_public(prefix) or words("secret-prefixes").isdisjoint(prefix) or is_dummy(token):
        return 0.0
    return candidate.confidence if _is_random(token[-len(body) :], candidate) else 0.0


def is_public_token(token: str) -> bool:
    """Whether `token`'s prefix says that it is a publishable key or an id."""
    prefix = token.lower().translate(_SEPARATORS).split("-")[:-1]
    return _is_public(prefix) or (bool(prefix) and words("id-prefixes").issuperset(prefix))


def _is_public(prefix: list[str]) -> bool:
    return bool(prefix) and prefix[0] in words("public-prefixes")


def _is_random(body: str, candidate: Candidate) -> bool:
    if not any(map(str.isdigit, body)) or not any(map(str.isalpha, body)):
        return False
    if _HEX.issuperset(body.lower()):
        return len(body) >= _LEAST_HEX_CHARS and not candidate.after(5).startswith(_FILE_ENDS)
    return randomness(body) >= _LEAST_NATS
