"""Which build of the program this is: written into what is released, and nowhere else."""

from pathlib import Path
from typing import Final

CHECKOUT: Final = "checkout"
_NOTE: Final = Path(__file__).resolve().parents[1] / "_build.txt"


def build() -> str:
    """The commit that a wheel was made from, in hex; "checkout" where the sources run as they lie."""
    return _NOTE.read_text(encoding="ascii").strip() if _NOTE.is_file() else CHECKOUT
