"""Whether this node kept pace: what failed while our own loop stood still, or the machine slept, says nothing of a peer."""

import logging
from datetime import datetime
from typing import Final

from hive_node.ports import Clock

logger = logging.getLogger(__name__)

BEAT_S: Final = 1.0
# A third of the shortest time-out (peer_client.CONNECT_S): a loop that is later than this can have missed an answer.
LATE_S: Final = 1.0


class Pace:
    """Beats once a second, by both clocks: a machine that slept shows in the wall clock alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beat: tuple[float, datetime] | None = None
        self._late_at = float("-inf")

    async def keep(self) -> None:
        """Beat until cancelled."""
        self._beat = None
        while True:
            self._look()
            self._beat = self._clock.monotonic(), self._clock.now()
            await self._clock.sleep(BEAT_S)

    def was_late_since(self, began: float) -> bool:
        """Whether this node was late at any moment since `began`, monotonic seconds; the present one counts."""
        self._look()
        return self._late_at > began

    def _look(self) -> None:
        if self._beat is None:
            return
        beat = self._clock.monotonic(), self._clock.now()
        late_s = max(beat[0] - self._beat[0], (beat[1] - self._beat[1]).total_seconds()) - BEAT_S
        if late_s > LATE_S:
            logger.info("this node was late, and doubts itself", extra={"late_s": round(late_s, 1)})
            # Noted once: what is begun from here on has nothing to do with it.
            self._late_at, self._beat = beat[0], beat
