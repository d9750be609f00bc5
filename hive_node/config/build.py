"""Which build of the program this is: written into what is released, and nowhere else."""

from importlib.resources import files
from typing import Final

CHECKOUT: Final = "checkout"


def build() -> str:
    """The commit that a wheel was made from, in hex; "checkout" where the sources run as they lie."""
    note = files("hive_node").joinpath("_build.txt")
    return note.read_text(encoding="ascii").strip() if note.is_file() else CHECKOUT
