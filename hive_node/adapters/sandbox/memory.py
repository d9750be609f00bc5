"""Whether a tree takes more memory than it may, without ever waiting for the tree.

The exact answer needs a lock that a forking process holds: a fork bomb kept the one who asked waiting for half a minute, and
with him the time limit. So it is asked in a thread, and only once the cheap upper bounds are over.
"""

import threading
from typing import Final

from hive_node.adapters.sandbox.census import Census

_PATIENCE_S: Final = (
    5.0  # a gigabyte is walked in a tenth of a second; who keeps us waiting longer gets no benefit of doubt
)
_SHARE: Final = 20  # asking takes at most a twentieth of one core


class MemoryWatch:
    """For one run; asked at each census."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._question: _Question | None = None
        self._not_before = 0.0

    def is_over(self, counted: Census, now: float) -> bool:
        """Certain, or the tree has kept us from knowing."""
        if self._question is not None:
            return self._is_proven(self._question, now)
        if now >= self._not_before and counted.resident_bytes() > self._most_bytes < counted.own_bytes():
            self._question = _Question(counted, now)
            self._question.start()
        return False

    def _is_proven(self, question: "_Question", now: float) -> bool:
        if question.is_alive():
            return now - question.asked_at > _PATIENCE_S
        self._question = None
        self._not_before = now + _SHARE * (now - question.asked_at)
        return question.answer_bytes > self._most_bytes


class _Question(threading.Thread):
    """How much is really taken. A daemon: it cannot be stopped, and ends with the tree that it looks at."""

    def __init__(self, counted: Census, asked_at: float) -> None:
        super().__init__(name="sandbox-memory", daemon=True)
        self.asked_at = asked_at
        self.answer_bytes = 0
        self._counted = counted

    def run(self) -> None:
        self.answer_bytes = self._counted.proportional_bytes()
