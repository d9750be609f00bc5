"""A stretch of text that a rule's shape matched, with what stands around it: what validators judge."""

from typing import NamedTuple

# How far a label may stand from what it labels: within the line, a few words away.
_BEFORE: int = 64
_AFTER: int = 24
_SHORT: int = 3


class Candidate(NamedTuple):
    """text[start:end], and how sure its rule is of it so far."""

    text: str
    start: int
    end: int
    confidence: float

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]

    def before(self, characters: int = _BEFORE) -> str:
        """What stands before it in its line, in lower case."""
        return self.text[max(0, self.start - characters) : self.start].rpartition("\n")[2].lower()

    def after(self, characters: int = _AFTER) -> str:
        """What stands after it in its line, in lower case."""
        return self.text[self.end : self.end + characters].partition("\n")[0].lower()

    def is_near(self, words: tuple[str, ...]) -> bool:
        """Whether one of `words` stands near it as a word or as a key's part: `tel` is no part of `hotel`."""
        before, after = self.before(), self.after()
        return any(_holds(before, word) or _holds(after, word) for word in words)


def _holds(text: str, word: str) -> bool:
    found = text.find(word)
    while found >= 0 and _is_in_another(text, word, found):
        found = text.find(word, found + 1)
    return found >= 0


def _is_in_another(text: str, word: str, start: int) -> bool:
    before, after = text[max(0, start - 1) : start], text[start + len(word) : start + len(word) + 1]
    # A long label may go on (`steuernummer`); a short one that does is another word, or a part of a digest.
    return before.isalnum() or after.isalpha() if len(word) <= _SHORT else before.isalpha()
