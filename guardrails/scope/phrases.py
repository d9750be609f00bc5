"""Recovery phrases of wallets, labelled or not: words of a list of 2048 (BIP-39), one after another."""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from typing import Final

from guardrails.scope.detectors import compile_regex
from guardrails.scope.findings import Finding
from guardrails.scope.key_material import is_varied
from guardrails.scope.signs import Sign
from guardrails.scope.views import View

# A phrase has 12, 15, 18, 21 or 24 words; prose around it may begin or end with words of the list. A longer run is a
# list of words.
_LEAST_WORDS: Final = 12
_MOST_WORDS: Final = 26
_WORD: Final = "[A-Za-z]{3,8}"
# Between two words: white space, quotes, what joins or lists words, a number in a list.
_GAP: Final = r"""(?:[ \t\r\n,"'\x02\x03\\\-_|;]{1,6}|[ \t\r\n]{1,6}[0-9]{1,2}[.):]?[ ]?)"""
_CONFIDENCE: Final = 0.9


class PhraseDetector:
    """Runs of a dozen words or two that are all in the list, and not in its order."""

    sign = Sign((f"(?:{_WORD}{_GAP}){{{_LEAST_WORDS - 1}}}{_WORD}",))
    joinable = False

    def __init__(self) -> None:
        self._run = compile_regex(f"(?:{_WORD}{_GAP}){{{_LEAST_WORDS - 1},}}{_WORD}")
        self._word = compile_regex("[A-Za-z]+")

    def find(self, view: View, first: int = 0, last: int | None = None) -> Iterator[Finding]:
        for match in self._run.finditer(view.data, first, len(view.text) if last is None else last):
            places = [word.span() for word in self._word.finditer(view.data, *match.span())]
            for is_listed, group in groupby(places, lambda place: view.text[slice(*place)].lower() in _words()):
                run = list(group)
                if is_listed and _is_phrase([view.text[slice(*place)].lower() for place in run]):
                    yield Finding("secret", "phrase", "wallet.phrase", run[0][0], run[-1][1], _CONFIDENCE)


def _is_phrase(run: list[str]) -> bool:
    return _LEAST_WORDS <= len(run) <= _MOST_WORDS and is_varied(run) and run != sorted(run)


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    return frozenset(files("guardrails.scope").joinpath("recovery_words.txt").read_text(encoding="ascii").split())
