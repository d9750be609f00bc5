"""Whether now is a good time to measure: what runs on battery, or is busy with its owner's work, is let alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_POWER: Final = Path("/sys/class/power_supply")
_STAT: Final = Path("/proc/stat")
# A share over less than this says little; one over much longer says what was, not what is.
_LEAST_S: Final = 5.0
# proc_stat(5): user nice system idle iowait irq softirq steal. Trials run at nice 19: what they take stands under `nice`.
_OTHERS: Final = (0, 2, 5, 6)
_FIELDS: Final = 8


@dataclass(slots=True)
class Machine:
    """This machine, by what its kernel tells. busy_share: of all processors, what other programs may take; None: all."""

    on_battery: bool
    busy_share: float | None
    monotonic: Callable[[], float]
    power: Path = _POWER
    stat: Path = _STAT
    _seen: tuple[float, int, int] | None = field(default=None)
    _share: float = 0.0

    def why_wait(self) -> str | None:
        """Why no run should begin now, in words; None where one may."""
        if not self.on_battery and self._is_on_battery():
            return "this machine runs on battery ([limits] on_battery = false)"
        if self.busy_share is not None and (share := self._others_share()) > self.busy_share:
            return f"other programs take {share:.0%} of the processors ([limits] busy_share = {self.busy_share:g})"
        return None

    def _is_on_battery(self) -> bool:
        """Whether a battery is being emptied, and nothing feeds the machine."""
        supplies = [self._facts(supply) for supply in sorted(self.power.glob("*"))]
        is_fed = any(kind in {"Mains", "USB"} and online == "1" for kind, online, _, _ in supplies)
        return not is_fed and any(
            kind == "Battery" and scope != "Device" and status == "Discharging" for kind, _, status, scope in supplies
        )

    def _facts(self, supply: Path) -> tuple[str, str, str, str]:
        kind, online, status, scope = (_word(supply / name) for name in ("type", "online", "status", "scope"))
        return kind, online, status, scope

    def _others_share(self) -> float:
        """Of all processors' time since it was last looked at, what others than trials took."""
        now = self.monotonic()
        counts = [int(field) for field in self.stat.read_text().split("\n", 1)[0].split()[1 : 1 + _FIELDS]]
        others, total = sum(counts[index] for index in _OTHERS), sum(counts)
        if self._seen is None:
            self._seen = (now, others, total)
        seen_at, seen_others, seen_total = self._seen
        if now - seen_at >= _LEAST_S and total > seen_total:
            self._share = (others - seen_others) / (total - seen_total)
            self._seen = (now, others, total)
        return self._share


def _word(path: Path) -> str:
    """A kernel file's one word; nothing where this supply has no such file."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
