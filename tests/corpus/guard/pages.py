"""The corpus's data files."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@cache
def page(name: str) -> dict[str, Any]:
    """One of them, read once."""
    return tomllib.loads((_HERE / f"{name}.toml").read_text(encoding="utf-8"))
