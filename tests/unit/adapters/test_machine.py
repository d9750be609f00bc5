"""When trials wait for their machine: on battery, and while its owner works. Read from files as the kernel writes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hive_node.adapters.machine import Machine

Make = Callable[..., Machine]


@pytest.fixture
def machine(tmp_path: Path) -> Make:
    def make(
        supplies: dict[str, dict[str, str]], *, on_battery: bool = False, busy_share: float | None = None
    ) -> Machine:
        for name, facts in supplies.items():
            (tmp_path / "power" / name).mkdir(parents=True, exist_ok=True)
            for fact, value in facts.items():
                (tmp_path / "power" / name / fact).write_text(value + "\n")
        moments = iter(range(0, 100_000, 10))
        return Machine(on_battery, busy_share, lambda: float(next(moments)), tmp_path / "power", tmp_path / "stat")

    return make


MAINS = {"type": "Mains", "online": "1"}
UNPLUGGED = {"type": "Mains", "online": "0"}
DISCHARGING = {"type": "Battery", "status": "Discharging"}


@pytest.mark.parametrize(
    ("supplies", "waits"),
    [
        ({}, False),
        ({"AC": MAINS, "BAT0": {"type": "Battery", "status": "Charging"}}, False),
        ({"AC": UNPLUGGED, "BAT0": DISCHARGING}, True),
        ({"BAT0": DISCHARGING}, True),
        ({"ucsi": {"type": "USB", "online": "1"}, "BAT0": DISCHARGING}, False),
        ({"AC": UNPLUGGED, "BAT0": {"type": "Battery", "status": "Full"}}, False),
        ({"mouse": DISCHARGING | {"scope": "Device"}}, False),
    ],
)
def test_trials_wait_while_a_battery_feeds_the_machine(
    machine: Make, supplies: dict[str, dict[str, str]], waits: bool
) -> None:
    reason = machine(supplies).why_wait()
    assert (reason is not None) == waits
    assert machine(supplies, on_battery=True).why_wait() is None
    if reason:
        assert "on_battery" in reason, "the setting that changes it is named"


def test_trials_wait_while_others_take_more_than_their_share_and_go_on_after(machine: Make, tmp_path: Path) -> None:
    found = machine({}, busy_share=0.5)

    def at(user: int, nice: int, idle: int) -> str | None:
        (tmp_path / "stat").write_text(f"cpu  {user} {nice} 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3 4\n")
        return found.why_wait()

    assert at(0, 0, 0) is None, "nothing is known yet"
    assert at(100, 0, 900) is None
    reason = at(900, 0, 1100)
    assert reason is not None
    assert "80%" in reason
    assert "busy_share" in reason
    assert at(950, 900, 1150) is None, "what trials take themselves stands under nice, and is nobody's work"


def test_what_is_asked_again_at_once_is_answered_as_before(tmp_path: Path) -> None:
    moments = iter([0.0, 10.0, 11.0, 12.0])
    found = Machine(True, 0.5, lambda: next(moments), tmp_path, tmp_path / "stat")

    def at(user: int, idle: int) -> bool:
        (tmp_path / "stat").write_text(f"cpu {user} 0 0 {idle} 0 0 0 0\n")
        return found.why_wait() is not None

    assert [at(0, 0), at(900, 100), at(900, 200), at(900, 300)] == [False, True, True, True]


def test_the_kernel_of_this_machine_is_understood() -> None:
    assert Machine(True, 1.0, lambda: 0.0).why_wait() is None
