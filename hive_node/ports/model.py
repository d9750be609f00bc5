"""A language model, and the books of what it costs. What a model writes is data from a stranger."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from guardrails.budget import Budget, Spent
from guardrails.prices import Usage
from hive_node.ports.faults import Fault


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked. system and material are the same from call to call, so that a provider may cache them.

    turns: since the question, each answer of the model with what was said to it.
    """

    system: str
    material: str
    question: str
    turns: Sequence[tuple[str, str]] = ()


class Ending(StrEnum):
    """Why an answer ended."""

    DONE = "done"
    CUT_OFF = "cut-off"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, and what it took. text: as it came; never logged, never run."""

    text: str
    usage: Usage
    ending: Ending


class ModelFault(Fault):
    """A model cannot be asked, or gave no answer. is_free: the call surely cost nothing. retry_after_s: when to ask again."""

    def __init__(self, code: str, message: str, *, is_free: bool = True, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.is_free = is_free
        self.retry_after_s = retry_after_s


class Cap(StrEnum):
    """Which cap of an experiment a model's calls come to first."""

    DOLLARS = "dollars"
    TOKENS = "tokens"


class OverBudget(Fault):
    """What is left of the experiment's budget pays for no further answer."""

    def __init__(self, cap: Cap, message: str) -> None:
        super().__init__("model.over-budget", message)
        self.cap = cap


class LanguageModel(Protocol):
    """One model of one provider. Raises ModelFault."""

    @property
    def name(self) -> str: ...

    async def most_tokens(self, prompt: Prompt) -> int:
        """How many tokens the prompt can count as at most. Costs nothing."""
        ...

    async def answer(self, prompt: Prompt, max_tokens: int) -> Answer:
        """One attempt, never repeated by itself: a repetition may cost a second time."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A line of the books. state: reserved counts at its most, settled at what it cost, released as nothing."""

    number: int
    experiment: str
    idea: int
    model: str
    state: Literal["reserved", "settled", "released"]
    micro_dollars: int
    tokens: int
    usage: Usage | None
    reason: str | None
    at: str


class Books(Protocol):
    """What calls cost: a row before the call, the truth after it. Raises StoreError, NotFound.

    At any moment an experiment's `spent.micro_dollars` and `spent.tokens` are the sums over its calls.
    """

    async def spent(self, experiment: str) -> Spent: ...

    async def reserve(self, experiment: str, idea: int, model: str, most: Spent, caps: Budget) -> int | None:
        """Write down the most that a call can cost, and its number; None, and nothing written, where a cap would not hold."""
        ...

    async def settle(self, call: int, usage: Usage, micro_dollars: int) -> None: ...

    async def release(self, call: int, reason: str) -> None: ...
