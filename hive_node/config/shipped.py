"""Files that are shipped beside the code: in a checkout they lie at its root, in an installation inside the package."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

_PACKAGE: Final = Path(__file__).resolve().parents[1]
Shelf: TypeAlias = Literal["configs", "systemd"]


def shipped(shelf: Shelf, *parts: str) -> Path:
    """The path of a shipped file or folder; it exists wherever the installation is whole."""
    checkout = _PACKAGE.parent / shelf
    return (checkout if checkout.is_dir() else _PACKAGE / f"_{shelf}").joinpath(*parts)
