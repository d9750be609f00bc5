"""A peer's standing with this node: local, decaying, never sent (docs/protocol.md §9).

A value with the time handed in, so that the store can keep it across reconnects and restarts.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Self

# Credit is for lately useful peers: a month without a confirmation halves it.
EARNED_HALF_LIFE_S: Final = 30 * 86_400.0
# A broken machine is mended in a day or two; an attacker who waits that long between tries has been slowed enough.
INVALID_HALF_LIFE_S: Final = 86_400.0
# Credit without an end would one day pay for a flood; ten confirmations excuse two forgeries more than a stranger's.
EARNED_MAX: Final = 10.0
# 1024 halves to below the shunning line in eight days: no peer is out for ever by a night of broken memory.
INVALID_MAX: Final = 1024.0
# Four fresh forgeries. A peer verifies what it passes on, so even one is a fault; four are no accident.
SHUNNED_FROM: Final = -16.0
# Below this nothing is left worth a row.
_NEGLIGIBLE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Standing:
    """What a peer has earned and what it has done wrong, both decayed to `at`.

    earned: confirmed recipes. invalid: invalid signatures. at: wall-clock seconds of the last change.
    `now` is in the same seconds everywhere; where it goes back nothing decays, and nothing grows.
    """

    earned: float = 0.0
    invalid: float = 0.0
    at: float = 0.0

    def after_confirmation(self, now: float) -> Self:
        """When a recipe that the peer wrote was confirmed here."""
        faded = self._faded(now)
        return replace(faded, earned=min(faded.earned + 1, EARNED_MAX))

    def after_invalid_signature(self, now: float, number: int = 1) -> Self:
        """When the peer sent so many envelopes whose signature does not verify."""
        faded = self._faded(now)
        return replace(faded, invalid=min(faded.invalid + number, INVALID_MAX))

    def score(self, now: float) -> float:
        """What it earned, less the square of the number of invalid signatures."""
        faded = self._faded(now)
        return faded.earned - faded.invalid**2

    def is_shunned(self, now: float) -> bool:
        """Whether to have nothing to do with it for now."""
        return self.score(now) <= SHUNNED_FROM

    def shunned_s(self, now: float) -> float:
        """For how many more seconds, if it does nothing wrong meanwhile; 0 where it is not shunned. What it earned is taken to stay."""
        faded = self._faded(now)
        excused = math.sqrt(faded.earned - SHUNNED_FROM)
        return max(0.0, INVALID_HALF_LIFE_S * math.log2(faded.invalid / excused)) if faded.invalid > 0 else 0.0

    def is_forgettable(self, now: float) -> bool:
        """Whether it differs so little from a stranger's that it need not be kept."""
        faded = self._faded(now)
        return max(faded.earned, faded.invalid) < _NEGLIGIBLE

    def _faded(self, now: float) -> Self:
        elapsed_s = max(0.0, now - self.at)
        return replace(
            self,
            earned=self.earned * 0.5 ** (elapsed_s / EARNED_HALF_LIFE_S),
            invalid=self.invalid * 0.5 ** (elapsed_s / INVALID_HALF_LIFE_S),
            at=max(self.at, now),
        )
