"""A node that just started: when it has heard enough of charters to take entries, and of its own feed to write (docs/protocol.md §5.7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hive_node.adapters.neighbours import Neighbourhood
from hive_node.hive import ALONE_S, FIRST_WORD_S, WAKING_S, Hive
from hive_node.ports import Clock

_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Waking:
    """is_dialling: whether anybody may still be found. woken: called once this node takes entries."""

    hive: Hive
    near: Neighbourhood
    clock: Clock
    is_dialling: Callable[[], bool]
    woken: Callable[[], None]

    async def wait(self) -> None:
        """Until peers had their chance to tell, for a bounded time."""
        began = self.clock.monotonic()
        while self.hive.is_waking and (waited := self.clock.monotonic() - began) < FIRST_WORD_S:
            await self.clock.sleep(_LOOK_S)
            if self._has_heard_of_charters(waited):
                self._wake()
        await self.clock.sleep(max(0.0, began + FIRST_WORD_S - self.clock.monotonic()))
        self._wake()
        self.hive.peers_were_asked()

    def _has_heard_of_charters(self, waited_s: float) -> bool:
        """Whether all members told theirs, or, after a while, all who were found."""
        told = sum(one.has_told for one in self.near.contacts.values())
        if told >= self.near.others:
            return True
        if self.near.live > told or self.is_dialling():
            return False
        return waited_s >= (WAKING_S if self.near.live else ALONE_S)

    def _wake(self) -> None:
        if self.hive.is_waking:
            self.hive.wake()
            self.woken()
