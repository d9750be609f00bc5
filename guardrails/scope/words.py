"""The word lists of `words.toml`."""

import tomllib
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=32)
def words(name: str) -> frozenset[str]:
    """One list. Raises KeyError for a list that does not exist."""
    page = tomllib.loads(files("guardrails.scope").joinpath("words.toml").read_text(encoding="utf-8"))
    return frozenset(page[name].split())
