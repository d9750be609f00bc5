"""What a repository's objects hold, remembered: they are named by their content, and can never come to hold anything else."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from hive_node.adapters.leftovers import Listing

_T = TypeVar("_T")
# The baseline's, the champion's, and those of a promotion on its way.
_LISTINGS: Final = 4
# The editable surface of an ordinary project, several times over; a loop reads it with every idea.
_BLOB_BYTES: Final = 8 * 1024 * 1024
_LARGEST_BLOB_BYTES: Final = 1024 * 1024


class Recent(Generic[_T]):
    """The values asked for last, up to a total size."""

    def __init__(self, most: int, size_of: Callable[[_T], int]) -> None:
        self._most = most
        self._size_of = size_of
        self._kept: OrderedDict[str, _T] = OrderedDict()
        self._size = 0

    def get(self, name: str) -> _T | None:
        """The value of that name, if it is still kept."""
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)

    def keep(self, name: str, value: _T) -> None:
        """Keep this, and let go of what was not asked for longest."""
        self._drop(name)
        self._kept[name] = value
        self._size += self._size_of(value)
        while self._size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        if name in self._kept:
            self._size -= self._size_of(self._kept.pop(name))


def listings() -> Recent[Listing]:
    """For what commits hold, by commit."""
    return Recent(_LISTINGS, lambda _listing: 1)


def blobs() -> Recent[bytes]:
    """For contents of files, by blob. A large one counts as too much, and is not kept."""
    return Recent(_BLOB_BYTES, lambda blob: len(blob) if len(blob) <= _LARGEST_BLOB_BYTES else _BLOB_BYTES + 1)
