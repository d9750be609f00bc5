"""What shows that a pattern could match in a text, cheaper to look for than the pattern itself."""

from dataclasses import dataclass
from typing import Final

# What many patterns have in common, each in a form that costs an automaton next to nothing: nine of ten blocks of code
# have no run of them, and are not looked through for what needs one.
#: Four digits, with no more between them than numbers of people and things have; or what documents and plates say, which
#: have few digits among capital letters.
DIGITS: Final = (
    r"[0-9](?:[A-Za-z./\- ]{0,3}[0-9]){3}"
    r"|[0-9][A-Z][A-Z0-9]{4}|[A-Z0-9]{4}[A-Z][0-9]|[A-Z]{2}[ \-][0-9]{2}|[0-9]{2}[ \-][A-Z]{2}"
)
#: Two words that begin with capitals, and what may stand between a name's parts.
NAMES: Final = r"[A-Z\xc0-\xde?][a-z\x80-\xff?]+ (?:[a-z\x27.]+[ \-]){0,2}(?:[A-Z]\. )?[A-Z\xc0-\xde?]"
#: So long a run of letters and digits is in tokens, digests and names without a break.
RUN: Final = r"[A-Za-z0-9+/]{16}"
#: The same with the marks that tokens and names have; a quarter of the long names are as long.
LONG_WORD: Final = r"[A-Za-z0-9+/_\-]{24}"


@dataclass(frozen=True, slots=True)
class Sign:
    """Regexes in RE2 syntax, which Hyperscan reads alike, over text of one byte a character.

    shapes: one of these is there wherever the pattern matches. Several where one would be too large.
    keywords: lower-case texts of which any matching text contains at least one; empty where it need contain none.
    needs: a shape that many patterns have in common, and that is wherever this one's shapes are; or where what stands
    beside it is. Empty where there is none.
    beside: what is there as well, in the same block of the text or next to it; empty where the shapes say enough.
    """

    shapes: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    needs: str = ""
    beside: str = ""
