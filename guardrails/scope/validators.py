"""Checks that decide whether a shape is a secret: checksums, structure, placeholders, randomness.

A validator takes a candidate and returns how sure it now is: 0.0 is *no*. A checksum decides where the shape is weak,
and not where the prefix is unique: a token of a known provider with a wrong checksum is still nothing to publish, so it
only loses confidence.
"""

import base64
import binascii
import json
import string
import zlib
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from guardrails.scope import key_material, personal
from guardrails.scope.candidates import Candidate
from guardrails.scope.identity import validators as identity
from guardrails.scope.placeholders import is_dummy, is_placeholder, is_reference
from guardrails.scope.prefixes import prefixed_secret
from guardrails.scope.randomness import randomness
from guardrails.scope.values import confidence_of

Validator: TypeAlias = Callable[[Candidate], float]

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/=")
_SURE: Final = 0.98
_DOUBTFUL: Final = 0.75
# Nats above which chance is the better explanation.
_SURELY_RANDOM: Final = 10
# How a key ends whose value is no secret, whoever's it is; and what may stand between a key and its value.
_OTHER_KEYS: Final = (
    "sha", "sha1", "sha256", "sha512", "md5", "hash", "digest", "commit", "revision", "_rev", "_ref", "checksum",
    "integrity", "fingerprint", "etag", "version", "public", "publickey", "public_key", "_id", "-id", ".id", " id",
    "accountid", "clientid", "projectid", "tenantid", "appid", "userid", "orgid", "teamid", "keyid", "url", "uri",
    "host", "path", "file", "image", "_name", "region", "_tag", "slug", "release", "build",
)  # fmt: skip
_JOINT: Final = " \t\"'\\]`)\x1f\x02(:=,|>?@"
# Twelve decimal digits.
_AWS_ACCOUNTS: Final = 10**12
# The least that a key's body holds in one run: shorter lines are prose about keys.
_PEM_RUN: Final = 40


def genuine(candidate: Candidate) -> float:
    """Not written for show."""
    return 0.0 if is_dummy(candidate.value) else candidate.confidence


def secret_key(candidate: Candidate) -> float:
    """Under a key that does not say that the value is something else: a digest, an id, an address."""
    return 0.0 if candidate.before().rstrip(_JOINT).endswith(_OTHER_KEYS) else candidate.confidence


def credential(candidate: Candidate) -> float:
    """A password of any strength in a place where only one can stand, such as a URL: neither placeholder nor
    reference.
    """
    value = candidate.value
    return 0.0 if is_placeholder(value) or is_reference(value) or "{" in value else candidate.confidence


def random_token(candidate: Candidate) -> float:
    """Chance explains it better than language."""
    return candidate.confidence if randomness(candidate.value) > _SURELY_RANDOM else 0.0


def spaced_token(candidate: Candidate) -> float:
    """Random when its groups are put together, as passwords of applications are shown."""
    return candidate.confidence if randomness(candidate.value.replace(" ", "")) > _SURELY_RANDOM else 0.0


def mixed(candidate: Candidate) -> float:
    """Letters and digits together: no plain word."""
    value = candidate.value
    return candidate.confidence if any(map(str.isdigit, value)) and any(map(str.isalpha, value)) else 0.0


def undocumented(candidate: Candidate) -> float:
    """Not the pair that a service comes with: the same word twice, or what every manual of Oracle's logs in with."""
    value = candidate.value.lower()
    user = candidate.before().rstrip(":").rpartition("/")[2]
    return 0.0 if (user == value and value.isalpha()) or (user, value) == ("scott", "tiger") else candidate.confidence


def beside(candidate: Candidate) -> float:
    """What is a password even with no more than a space between it and its key."""
    return candidate.confidence if confidence_of(candidate.value, "password", "called") else 0.0


def chosen(candidate: Candidate) -> float:
    """What would be a password under a key of that name: no name, no word, no variable."""
    return candidate.confidence if confidence_of(candidate.value, "password", "set") else 0.0


def told(candidate: Candidate) -> float:
    """What would be a password where somebody tells one in a sentence: it has a letter, a digit or
    a mark, and no bracket."""
    value = candidate.value.rstrip(".:!?)*") or candidate.value
    has_letter, has_other = any(map(str.isalpha, value)), not value.isalpha()
    is_code = not frozenset("(){}<>[]\\").isdisjoint(value)
    is_told = has_letter and has_other and not is_code and confidence_of(value, "password", "code") > 0
    return candidate.confidence if is_told else 0.0


def crc32_base62(candidate: Candidate) -> float:
    """Six base62 characters at the end are the CRC-32 of the thirty before them (GitHub, npm)."""
    body = candidate.value.rpartition("_")[2]
    return _SURE if body[-6:] == base62(zlib.crc32(body[:-6].encode("latin-1", "replace")), 6) else _DOUBTFUL


def aws_key_id(candidate: Candidate) -> float:
    """The sixteen characters after the prefix hold a twelve-digit account number in base32."""
    raw = base64.b32decode(candidate.value[4:20])
    account = int.from_bytes(raw[:6], "big") >> 7 & (2**40 - 1)
    return _SURE if account < _AWS_ACCOUNTS else _DOUBTFUL


def jwt(candidate: Candidate) -> float:
    """A JSON header that names its algorithm, and a JSON payload (RFC 7519)."""
    header, payload = (_json_segment(part) for part in candidate.value.split(".")[:2])
    return candidate.confidence if header.get("alg") and payload and not is_dummy(candidate.value) else 0.0


def jose_header(candidate: Candidate) -> float:
    """A JSON header that names its algorithm (RFC 7515, RFC 7516)."""
    header = _json_segment(candidate.value.partition(".")[0])
    return candidate.confidence if header.get("alg") else 0.0


def pem_body(candidate: Candidate) -> float:
    """After the mark lies base64, in plain, quoted, escaped or commented lines, and not a sentence about keys."""
    body = candidate.value.partition("KEY")[2].partition("----")[2].replace("\\n", " ").replace("\\r", " ")
    longest = max((len(run) for run in body.split() if set(run.strip("\"',;#>*\\+-")) <= _BASE64), default=0)
    return candidate.confidence if longest >= _PEM_RUN and not is_dummy(body) else 0.0


def phrase(candidate: Candidate) -> float:
    """A wallet's recovery phrase has 12, 15, 18, 21 or 24 words (BIP-39), hardly one of them twice."""
    said = candidate.value.replace(",", " ").split()
    return candidate.confidence if len(said) in {12, 15, 18, 21, 24} and key_material.is_varied(said) else 0.0


def basic_auth(candidate: Candidate) -> float:
    """Base64 of `user:password` (RFC 7617)."""
    user, colon, password = _base64_text(candidate.value).partition(":")
    is_real = bool(colon) and user.isprintable() and not is_placeholder(password)
    return candidate.confidence if is_real else 0.0


def base62(number: int, width: int) -> str:
    """`number` in base62, digits first, then capitals, filled with zeros to `width`."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(width, "0")


def _json_segment(part: str) -> Mapping[str, object]:
    try:
        value = json.loads(_base64_text(part))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _base64_text(part: str) -> str:
    try:
        return base64.urlsafe_b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


VALIDATORS: Final[Mapping[str, Validator]] = {
    "genuine": genuine,
    "secret-key": secret_key,
    "credential": credential,
    "random": random_token,
    "spaced": spaced_token,
    "mixed": mixed,
    "undocumented": undocumented,
    "beside": beside,
    "chosen": chosen,
    "told": told,
    "crc32-base62": crc32_base62,
    "aws-key-id": aws_key_id,
    "jwt": jwt,
    "jose-header": jose_header,
    "pem-body": pem_body,
    "phrase": phrase,
    "basic-auth": basic_auth,
    "prefixed": prefixed_secret,
    **key_material.VALIDATORS,
    **personal.VALIDATORS,
    **identity.VALIDATORS,
}
