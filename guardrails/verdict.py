"""The *no* of a guardrail, as a value. mypy refuses code that forgets to look at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Detail = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A gate's *no* to a candidate.

    rule: stable dotted id, such as `constitution.surface.outside` or `baseline.not-better`.
    reason: one sentence for a person: what was found and, where there is one, the remedy.
    details: plain numbers and short strings that the report and the ledger show.
    """

    rule: str
    reason: str
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The scope guard's *no* to something that would leave, or that arrived. Never carries the value it found."""

    rule: str
    reason: str
    places: tuple[str, ...] = ()
