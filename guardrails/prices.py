"""What a call of a language model costs, and the most that it can cost. Pure sums, exact: no float is ever added.

A price in dollars for a million tokens is the same number of micro-dollars for one token.
"""

from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call as its answer reports them. Each token of the prompt is in exactly one of the four columns.

    input_tokens: neither written to the cache nor read from it. output_tokens: thinking included.
    """

    input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_hour_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt."""
        return self.input_tokens + self.cache_write_tokens + self.cache_write_hour_tokens + self.cache_read_tokens

    @property
    def tokens(self) -> int:
        """Prompt and answer."""
        return self.prompt_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Rates:
    """Micro-dollars for one token, by kind. Raises ValueError for what is negative or no finite number."""

    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_write_hour: Decimal
    cache_read: Decimal

    def __post_init__(self) -> None:
        for field in fields(self):
            rate: Decimal = getattr(self, field.name)
            if not (rate.is_finite() and rate >= 0):
                raise ValueError(f"a price is a finite amount of at least 0, got {field.name} = {rate}")

    @property
    def is_free(self) -> bool:
        """Nothing costs anything."""
        return not any(getattr(self, field.name) for field in fields(self))

    def of(self, usage: Usage) -> Decimal:
        """Micro-dollars, not rounded."""
        return (
            self.input * usage.input_tokens
            + self.cache_write * usage.cache_write_tokens
            + self.cache_write_hour * usage.cache_write_hour_tokens
            + self.cache_read * usage.cache_read_tokens
            + self.output * usage.output_tokens
        )

    def dearest_input(self) -> Decimal:
        """The most that a token of the prompt can cost; the cache of an hour is never asked for."""
        return max(self.input, self.cache_write, self.cache_read)


@dataclass(frozen=True, slots=True)
class Price:
    """One model's. long: what every token of a call costs, answer included, whose prompt has more than `long_above` tokens."""

    rates: Rates
    long: Rates | None = None
    long_above: int = 0

    @property
    def is_free(self) -> bool:
        """No call costs anything."""
        return self.rates.is_free and (self.long is None or self.long.is_free)

    def cost(self, usage: Usage) -> int:
        """Micro-dollars of a call that was made, rounded up: what is spent is never counted as less."""
        rates = self.long if self.long is not None and usage.prompt_tokens > self.long_above else self.rates
        return int(rates.of(usage).to_integral_value(ROUND_CEILING))

    def most(self, prompt_tokens: int, output_tokens: int) -> int:
        """Micro-dollars that a call can cost at most, whose prompt and answer have at most so many tokens."""
        prompt, answer = self._dearest(prompt_tokens)
        return int((prompt * prompt_tokens + answer * output_tokens).to_integral_value(ROUND_CEILING))

    def output_within(self, micro_dollars: int, prompt_tokens: int, wanted: int) -> int:
        """How many of the `wanted` tokens of an answer that amount surely pays for; below 0 where not even the prompt fits."""
        prompt, answer = self._dearest(prompt_tokens)
        left = micro_dollars - prompt * prompt_tokens
        if left < 0 or answer == 0:
            return -1 if left < 0 else wanted
        return min(wanted, int((left / answer).to_integral_value(ROUND_FLOOR)))

    def _dearest(self, prompt_tokens: int) -> tuple[Decimal, Decimal]:
        # A prompt that may be long may also turn out shorter: whichever is dearer, kind by kind.
        possible = [self.rates]
        if self.long is not None and prompt_tokens > self.long_above:
            possible.append(self.long)
        return max(rates.dearest_input() for rates in possible), max(rates.output for rates in possible)


_ZERO = Decimal(0)
FREE = Price(Rates(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO))
"""A model on one's own machine."""
