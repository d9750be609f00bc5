"""Prices as data: the published ones with their date, and what the user wrote over them."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from guardrails.prices import FREE, Price, Rates
from hive_node.config.model import ModelSection, PriceSection, RatesSection
from hive_node.config.toml import Section, read_toml

_FILE: Final = Path(__file__).with_name("prices.toml")


class PriceList(Section):
    """prices.toml. as_of: the day on which somebody looked."""

    as_of: str
    prices: dict[str, PriceSection]


@cache
def published() -> PriceList:
    """The list that this version ships."""
    return read_toml(_FILE, PriceList)


def price_of(settings: ModelSection) -> Price | None:
    """What the configured model costs; a model on this machine that has no price is free; None where nobody knows."""
    section = settings.prices.get(settings.name) or published().prices.get(settings.name)
    if section is None:
        return FREE if settings.is_loopback else None
    long = section.long
    return Price(_rates(section), _rates(long) if long else None, long.above_tokens if long else 0)


def _rates(section: RatesSection) -> Rates:
    # The shortest text of a float is what its writer meant: 0.1, not 0.1000000000000000055.
    return Rates(
        *(
            Decimal(str(amount))
            for amount in (
                section.input,
                section.output,
                section.cache_write,
                section.cache_write_hour,
                section.cache_read,
            )
        )
    )
