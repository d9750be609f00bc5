"""What the admin API takes and gives of advice."""

from typing import Annotated, Any

from pydantic import Field

from hive_node.api.models import Request, Response
from protocol.limits import WORD_CHARS

ExperimentName = Annotated[str, Field(min_length=1, max_length=WORD_CHARS)]


class AskAdvice(Request):
    """Experiments of one project; of several, what recurs. model: whether a language model may be asked, within [budget]."""

    experiments: Annotated[tuple[ExperimentName, ...], Field(strict=False, min_length=1, max_length=20)]
    model: bool = True


class AdviceOut(Response):
    """At most five proposals, the surest first. dropped: findings that were not shown, by reason. records: how often each class was right here."""

    items: list[Any]
    dropped: dict[str, int]
    dropped_words: list[str]
    unasked: str | None
    records: list[Any]
    markdown: str


class ProposalOut(Response):
    """A proposal."""

    id: str
    project: str
    operation: str
    confidence: str
    title: str
    rationale: str
    evidence: list[Any]
    diff: str
    standing: str
