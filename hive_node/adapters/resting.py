"""The scope guard's engine, let go while nothing is scanned: an idle node needs none of its twenty megabytes."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Final

from guardrails.scope.detectors import forget_rules
from guardrails.scope.engine import Engine, Seeker
from guardrails.scope.findings import Finding
from hive_node.adapters.memory import settle
from hive_node.ports import Clock

# Loading takes a tenth of a second of processor time: hardly anything where it is done once a minute at most.
REST_S: Final = 60.0
_LOOK_S: Final = 15.0


class RestingEngine:
    """Scans as the engine does that `load` gives. Scans may run in several threads.

    Begins at rest. Raises what `load` raises: whoever asked is refused.
    """

    def __init__(self, load: Callable[[], Engine], clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._turn = threading.Lock()
        self._engine: Engine | None = None
        self._used = 0.0

    def scan(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `Engine.scan`."""
        return self._awake().scan(text, seekers)

    def scan_joined(self, text: str, seekers: Sequence[Seeker] = ()) -> list[Finding]:
        """As `Engine.scan_joined`."""
        return self._awake().scan_joined(text, seekers)

    @property
    def is_resting(self) -> bool:
        """Whether nothing is loaded."""
        return self._engine is None

    async def serve(self) -> None:
        """Until cancelled: lets the engine go where nothing was scanned for `REST_S`."""
        while True:
            await self._clock.sleep(_LOOK_S)
            if self.rest():
                await asyncio.to_thread(settle)

    def _awake(self) -> Engine:
        with self._turn:
            self._used = self._clock.monotonic()
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    def rest(self) -> bool:
        """Let it go where it was not used for `REST_S`; returns whether it was let go just now. A scan that is under way has it until it ends."""
        with self._turn:
            if self._engine is None or self._clock.monotonic() - self._used < REST_S:
                return False
            self._engine = None
        forget_rules()
        return True
