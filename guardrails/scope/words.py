"""The word lists of `words.toml`, `people.toml` and `domains.toml`."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

_PAGES: Final = ("words.toml", "people.toml", "domains.toml")


@lru_cache(maxsize=64)
def words(name: str) -> frozenset[str]:
    """One list. Raises KeyError for a list that does not exist."""
    return frozenset(_lists()[name].split())


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, str]:
    import tomllib

    folder = files("guardrails.scope")
    pages = (tomllib.loads(folder.joinpath(page).read_text(encoding="utf-8")) for page in _PAGES)
    return {name: text for page in pages for name, text in page.items()}
