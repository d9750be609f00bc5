"""The word lists of `words.toml`, `people.toml` and `domains.toml`."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

_PAGES: Final = ("words.toml", "people.toml", "domains.toml")


@lru_cache(maxsize=64)
def words(name: str) -> frozenset[str]:
    """One list. Raises KeyError for a list that does not exist."""
    for page in map(_lists, _PAGES):
        if name in page:
            return frozenset(page[name].split())
    raise KeyError(name)


@lru_cache(maxsize=len(_PAGES))
def _lists(page: str) -> Mapping[str, str]:
    """Those of one page, which is read when it is asked for: a text without people needs no names."""
    import tomllib

    return tomllib.loads(files("guardrails.scope").joinpath(page).read_text(encoding="utf-8"))
