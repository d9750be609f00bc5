"""`[model]`: which language model the operator `llm` asks, where, and what it costs. Absent: there is none."""

from typing import Annotated, Final, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from hive_node.config.toml import Section

Dollars: TypeAlias = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
"""For a million tokens."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class RatesSection(Section):
    """Dollars for a million tokens, by kind."""

    input: Dollars
    output: Dollars
    cache_write: Dollars
    cache_write_hour: Dollars
    cache_read: Dollars


class LongSection(RatesSection):
    """The same for a call whose prompt has more than `above_tokens` tokens; they hold for every token of it."""

    above_tokens: Annotated[int, Field(ge=0)]


class PriceSection(RatesSection):
    """[model.prices."id"]: what one model costs."""

    long: LongSection | None = None


class ModelSection(Section):
    """[model]. The key is never written here: it comes from the environment or the keyring. plugin: who is asked instead of `base_url`."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    base_url: Annotated[str, Field(max_length=512)] | None = None
    plugin: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1024, le=128_000)] = 16_000
    timeout_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 600.0
    prices: dict[str, PriceSection] = {}

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        parts = urlsplit(url) if url is not None else None
        if parts and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query):
            raise ValueError('an address is written as in "https://api.anthropic.com", without user, key or query')
        return url

    @model_validator(mode="after")
    def _one_is_asked(self) -> Self:
        if self.plugin is not None and self.base_url is not None:
            raise ValueError("a model is asked through `plugin` or at `base_url`: write one of them")
        return self

    @model_validator(mode="after")
    def _keys_travel_encrypted(self) -> Self:
        price = self.prices.get(self.name)
        is_declared_free = price is not None and not any(price.model_dump().values())
        if self.base_url and self.base_url.startswith("http://") and not self.is_loopback and not is_declared_free:
            raise ValueError(
                "a key would travel in the clear: use https, or write a price of 0 for a model that has none"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether the model is asked on this very machine."""
        return self.base_url is not None and urlsplit(self.base_url).hostname in _LOOPBACK
