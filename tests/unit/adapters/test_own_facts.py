"""What the guard knows of this machine follows the machine, without a restart, and never on the event loop."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import ifaddr
import pytest

from guardrails.scope import Engine, LocalFacts, ScopeGuard
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.dictionary import collect_secrets, keeping
from hive_node.adapters.dictionary.keeping import OwnFacts
from tests.fakes.time import HeldClock


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a home and a repository, and no other name or address of this machine."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(ifaddr, "get_adapters", list)
    (tmp_path / "home").mkdir()
    (tmp_path / "lz").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / "lz", check=True)
    (tmp_path / "lz/.env").write_text("DB_PASSWORD=tulip7\n")
    (tmp_path / "node.key").write_text("-----BEGIN PRIVATE" + " KEY-----\nMC4CAQAwBQYDK2VwBCIEIAab\n-----END\n")
    return tmp_path


@pytest.fixture
async def own(machine: Path) -> OwnFacts:
    guard = ScopeGuard(Engine([]), LocalFacts.of([], bytes(32)))

    async def repositories() -> list[Path]:
        return [machine / "lz"]

    environment = {"SMTP_PASSWORD": "marigold-9"}
    kept = (machine / "node.key",)
    own = OwnFacts(guard, repositories, environment, machine / "home", kept, HeldClock(), SystemChance())
    await own.gather()
    return own


def sources(own: OwnFacts, text: str) -> list[str | None]:
    return [one.source for one in own.guard.scan_text(text)]


async def test_all_that_is_secret_here_is_known_by_where_it_is_kept(own: OwnFacts) -> None:
    assert sources(own, "TULIP7") == [".env of project lz"]
    assert sources(own, "marigold-9") == ["environment variable SMTP_PASSWORD"]
    assert sources(own, "MC4CAQAwBQYDK2VwBCIEIAab") == ["node.key of this node"]


@pytest.mark.parametrize(
    "change",
    [
        lambda machine: (machine / "lz/.env").write_text("DB_PASSWORD=crocus8\n"),
        lambda machine: (machine / "lz/.env.local").write_text("DB_PASSWORD=crocus8\n"),
        lambda machine: (machine / "home/.netrc").write_text("machine x login y password crocus8\n"),
    ],
)
async def test_a_file_that_changed_is_read_again(
    own: OwnFacts, machine: Path, change: Callable[[Path], object]
) -> None:
    assert sources(own, "crocus8") == []
    change(machine)
    await own.refresh()
    assert len(sources(own, "crocus8")) == 1


async def test_a_network_that_was_joined_is_noticed(own: OwnFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ifaddr.IP("192.168.7.5", 24, "wlan0")
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [ifaddr.Adapter("wlan0", "wlan0", [address])])
    await own.refresh()
    assert sources(own, "192.168.7.5") == ["address of wlan0"]


async def test_what_did_not_change_is_not_read_again(own: OwnFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "collect_names", lambda *_: pytest.fail("gathered again"))
    await own.refresh()
    await asyncio.gather(own.refresh(), own.refresh())


async def test_the_service_looks_by_itself_and_off_the_loop(
    own: OwnFacts, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    known = asyncio.Event()

    def collected(*arguments: object) -> object:
        threads.append(threading.get_ident())
        return collect_secrets(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "collect_secrets", collected)
    know = own.guard.know

    def knows(facts: LocalFacts) -> None:
        know(facts)
        known.set()

    monkeypatch.setattr(own.guard, "know", knows)
    serving = asyncio.create_task(own.serve())
    (machine / "lz/.env").write_text("DB_PASSWORD=crocus8\n")
    assert isinstance(own.clock, HeldClock)
    await own.clock.advance(30)
    async with asyncio.timeout(20):
        await known.wait()
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    assert sources(own, "crocus8") == [".env of project lz"]
    assert threading.get_ident() not in threads


# --- memory ------------------------------------------------------------------------------------------------------------

_AS_LET = "import os, resource; most = resource.getrlimit(4)[1]; resource.setrlimit(4, (most, most)); "
_PRIVATE = "from hive_node.adapters.secrecy import keep_memory_private; keep_memory_private(); "


def runs(code: str, folder: Path) -> int:
    """How a process of its own ends, and by which signal."""
    path = {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=path, check=False).returncode


def test_a_process_that_keeps_its_memory_private_leaves_no_core(tmp_path: Path) -> None:
    assert runs(_AS_LET + _PRIVATE + "os.abort()", tmp_path) == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


def test_nobody_else_may_read_its_memory_or_make_it_dump(tmp_path: Path) -> None:
    asked = "import ctypes; assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0; assert resource.getrlimit(4) == (0, 0)"
    assert runs(_AS_LET + _PRIVATE + asked, tmp_path) == 0


def test_a_program_that_it_starts_is_as_any_other(tmp_path: Path) -> None:
    read = "open('/proc/self/oom_score_adj', 'w').write('1000'); open('/proc/self/mem', 'rb').close()"
    started = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {read!r}]).returncode)"
    assert runs(_AS_LET + _PRIVATE + started, tmp_path) == 0
