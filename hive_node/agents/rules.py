"""The curated pool of behavioural rules, as data beside this module."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

_FILE: Final = "rules.toml"


@cache
def pool() -> dict[str, str]:
    """Every rule's sentence, by id, in the order of the file."""
    return dict(tomllib.loads(files(__package__).joinpath(_FILE).read_text("utf-8"))["rules"])


def sentence(rule: str) -> str | None:
    """What a rule says; None for one that this program does not know."""
    return pool().get(rule)
