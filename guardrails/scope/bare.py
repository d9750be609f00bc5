"""Random tokens that stand alone, with no key and no provider's shape to give them away."""

import string
from collections.abc import Iterator
from typing import Final

from guardrails.scope.candidates import Candidate
from guardrails.scope.detectors import compile_regex
from guardrails.scope.encodings import text_of
from guardrails.scope.findings import Finding
from guardrails.scope.placeholders import is_dummy, is_sealed
from guardrails.scope.prefixes import is_public_token
from guardrails.scope.randomness import randomness
from guardrails.scope.signs import LONG_WORD, Sign
from guardrails.scope.views import View

_LEAST_CHARS: Final = 24
# Beyond this a run is data (an image, a bundle), not a token; what is hidden in it is the decoders' business.
_MOST_CHARS: Final = 200
_LEAST_NATS: Final = 60.0
_LEAST_NATS_ONE_CASE: Final = 50.0
# Below it an id of some service explains the run as well as a secret does.
_SURE_NATS: Final = 90.0
# Of a token in three parts (Discord's, signed cookies): above it the rest belongs to the first.
_LEAST_NATS_TAIL: Final = 30.0
_HEX: Final = frozenset("0123456789abcdefABCDEF-")
_BASE32: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")
# Node and hive ids of this protocol: public by design.
_NODE_ID_CHARS: Final = 52
# What chains built as Ethereum is call accounts and contracts by: `0x` and 20 bytes. A key has 32.
_ACCOUNT_CHARS: Final = 42
# What a random-looking run is, where one of these stands shortly before it: a digest, an id, a public key, part of a
# lock file.
_PUBLIC_CONTEXT: Final = (
    "sha1", "sha2", "sha3", "sha5", "sha-", "md5", "integrity", "checksum", "digest", "hash", "commit", "revision",
    "rev", "etag", "ssh-rsa", "ssh-ed25519", "ecdsa-", "public", "fingerprint", "base64,", "h1:", "nonce", "uuid",
    "guid", "cid", "blob", "tree", "parent", "signature", "resolved", "cas-", "w/", "src=", "href=", "/", "sig", "pk.", '"x":', '"y":', '"n":', "|1|",
    "enc[aes", ",iv:", ",tag:",
)  # fmt: skip
# OpenSSH public keys, and DER of certificates and public keys, in base64.
_PUBLIC_HEADS: Final = (
    "AAAAB3Nza",
    "AAAAC3Nza",
    "AAAAE2Vj",
    "MIIB",
    "MIIC",
    "MIID",
    "MIIE",
    "MFkw",
    "MCow",
    "sha1-",
    "sha256-",
    "sha384-",
    "sha512-",
)
# Longest certificate looked back over.
_BLOCK_CHARS: Final = 8_000


# A run of token characters. What has no digit in a part that is long enough is a name or a path.
_RUN: Final = r"[A-Za-z0-9+/_\-]"
_DIGITS: Final = frozenset(string.digits)
_PART: Final = r"[A-Za-z0-9+_\-]"
_NO_DIGIT: Final = r"[A-Za-z+_\-]"
# By where its first digit stands: each place is an alternative of its own, so that no automaton has to remember several.
_LONG_PART: Final = "|".join(
    (
        f"[0-9]{_PART}{{{_LEAST_CHARS - 1}}}",
        *(
            f"{_NO_DIGIT}{{{before}}}[0-9]{_PART}{{{_LEAST_CHARS - 1 - before}}}"
            for before in range(1, _LEAST_CHARS - 1)
        ),
        f"{_NO_DIGIT}{{{_LEAST_CHARS - 1},}}[0-9]",
    )
)


class BareDetector:
    """Runs of token characters that chance explains far better than language."""

    sign = Sign((f"(?:^|[^A-Za-z0-9+_\\-])(?:{_LONG_PART})",), needs=LONG_WORD)
    joinable = False

    def __init__(self) -> None:
        self._pattern = compile_regex(f"{_RUN}{{{_LEAST_CHARS},}}")
        self._tail = compile_regex(rf"\.{_PART}{{5,8}}\.{_PART}{{20,64}}")

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        for match in self._pattern.finditer(view.data, first, len(view.text) if last is None else last):
            start, end = match.span()
            if not any(
                len(part) >= _LEAST_CHARS and not _DIGITS.isdisjoint(part) for part in view.text[start:end].split("/")
            ):
                continue
            end += len(view.text[end : end + 2]) - len(view.text[end : end + 2].lstrip("="))
            # The letter of an escape before the run is none of it: `"\\nghp_..."`.
            start += view.text[start] in "nrt" and view.text[start - 1 : start] == "\\"
            if confidence := _judge(Candidate(view.text, start, end, 0.5)):
                yield Finding("secret", "token", "bare.random", start, self._whole(view, end), confidence)

    def _whole(self, view: View, end: int) -> int:
        tail = self._tail.match(view.data, end)
        is_random = tail is not None and randomness(view.text[end : tail.end()]) >= _LEAST_NATS_TAIL
        return tail.end() if is_random else end


def _judge(candidate: Candidate) -> float:
    token = max(candidate.value.split("/"), key=len)
    letters = frozenset(token)
    is_account = len(token) == _ACCOUNT_CHARS and token[:2] == "0x" and letters <= _HEX | {"x"}
    is_public_shape = letters <= _HEX or is_account or (len(token) == _NODE_ID_CHARS and letters <= _BASE32)
    if (
        _is_in_block(candidate)
        or not _LEAST_CHARS <= len(token) <= _MOST_CHARS
        or is_public_shape
        or sum(map(str.isdigit, token)) < 2
    ):
        return 0.0
    has_both_cases = token.lower() != token and token.upper() != token
    nats = randomness(token)
    if nats < (_LEAST_NATS if has_both_cases else _LEAST_NATS_ONE_CASE) or is_dummy(token) or _is_public(candidate):
        return 0.0
    said = text_of(token)
    if len(said.split()) > 1:
        return 0.0  # sentences and documents are read as what they say
    return 0.7 if nats > _SURE_NATS and not said else 0.5


def _is_public(candidate: Candidate) -> bool:
    before = candidate.before(40)
    return (
        any(word in before for word in _PUBLIC_CONTEXT)
        or candidate.value.startswith(_PUBLIC_HEADS)
        or is_public_token(candidate.value)
        or is_sealed(candidate.value)
    )


def _is_in_block(candidate: Candidate) -> bool:
    """Whether it is a line of something public, or of a private key: these have a rule of their own."""
    text, start = candidate.text, candidate.start
    begin = text.rfind("-----BEGIN ", max(0, start - _BLOCK_CHARS), start)
    mark = text[begin : begin + 60]
    return begin >= 0 and ("PRIVATE KEY" in mark or "PRIVATE" not in mark) and text.find("-----END", begin, start) < 0
