"""Real daemons on loopback, driven as a person drives them: by the command line and the admin socket.

def test_something(daemon, knob_project):
    node = daemon()                                   # a new home, running, answering
    node.cli("project", "add", str(knob_project))     # CompletedProcess, text
    node.client.get("/v1/status")                     # hive_node.cli.client.Client
    node.kill(); node.start()                         # SIGKILL, and up again on the same home
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hive_node.adapters.llm.keys import VARIABLE
from hive_node.cli.client import Client, Unreachable
from hive_node.config.home import ENVIRONMENT, Home
from tests.fakes.messages_api import KEY, MODEL, MessagesApi, serving
from tests.integration.processes import Forked, hive_node

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "configs" / "examples"
_GIT = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")
_TRIES = 600  # of 50 ms each, while the process lives


class Daemon:
    """One node: its home, and its process while it runs."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.client = Client(self.home)
        self.log = root.with_suffix(".log")
        self.process: Forked | None = None

    def cli(
        self, *arguments: str, stdin: str | None = None, timeout: float = 100
    ) -> "subprocess.CompletedProcess[str]":
        """`hive-node --home … <arguments>`; its exit code is the caller's to look at."""
        return hive_node(
            "--home", str(self.home.root), *arguments, stdin=stdin, environment=environment(), timeout=timeout
        )

    def run_once(self) -> "subprocess.CompletedProcess[str]":
        """The daemon, where it is expected to end by itself."""
        return hive_node(str(self.home.root), environment=environment(), module="hive_node.daemon")

    def start(self) -> "Daemon":
        """Run the daemon; returns when it answers."""
        assert self.process is None, "it runs already"
        root = str(self.home.root)
        self.process = Forked("hive_node.daemon", root, out=self.log, problems=self.log, environment=environment())
        return self.up()

    def up(self) -> "Daemon":
        """Returns when the process that was started answers."""
        for _ in range(_TRIES):
            try:
                self.client.get("/v1/health")
                return self
            except Unreachable:
                if self._is_over(0.05):
                    break
        raise AssertionError(f"the daemon did not come up:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None, "it does not run"
        self.process.terminate()
        return self._gone()

    def kill(self) -> int:
        """SIGKILL; nothing of it has a chance to tidy up."""
        assert self.process is not None, "it does not run"
        self.process.kill()
        return self._gone()

    def close(self) -> None:
        """Whatever state it is in: no process is left."""
        if self.process is not None:
            self.process.kill()
            self._gone()

    def _gone(self) -> int:
        assert self.process is not None
        code = self.process.wait(30)
        self.process = None
        return code

    def _is_over(self, seconds: float) -> bool:
        assert self.process is not None
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def command(home: Home, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "hive_node", "--home", str(home.root), *arguments]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != ENVIRONMENT} | {"PYTHONPATH": str(ROOT)}


def running_daemons() -> Generator[Callable[..., Daemon]]:
    """What the fixtures give; all are killed once it is closed."""
    # Not pytest's own folder: the path of a Unix socket has at most 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="hive-"))
    made: list[Daemon] = []

    def make(name: str | None = None, owner: str = "tester", *, start: bool = True) -> Daemon:
        node = Daemon(root / f"n{len(made) + 1}")
        made.append(node)
        ports = ("--listen", "127.0.0.1", "--peer-port", "0", "--api-port", "0", "--mdns", "127.0.0.1")
        done = node.cli("init", "--name", name or node.home.root.name, "--owner", owner, *ports)
        assert done.returncode == 0, done.stderr
        return node.start() if start else node

    try:
        yield make
    finally:
        for node in made:
            node.close()
        shutil.rmtree(root)


@pytest.fixture
def daemon() -> Iterator[Callable[..., Daemon]]:
    """daemon(name=None, owner="tester", *, start=True) -> Daemon; each call a node of its own. All are killed at the end."""
    yield from running_daemons()


@pytest.fixture(scope="module")
def module_daemon() -> Iterator[Callable[..., Daemon]]:
    """As `daemon`, for a module's tests together."""
    yield from running_daemons()


@pytest.fixture
def lz_window(tmp_path: Path) -> Path:
    """The shipped example as a repository with one commit."""
    return repository(Path(shutil.copytree(EXAMPLES / "lz-window", tmp_path / "lz-window")))


@pytest.fixture
def knob_project(tmp_path: Path) -> Path:
    """A repository whose trial takes a moment: one constant, a cost that is least where it is 20."""
    return make_knob_project(tmp_path / "knob")


def make_knob_project(folder: Path, **changes: Any) -> Path:
    files = {
        "src/knob.py": "SIZE = 8\n",
        "bench/run.py": KNOB_BENCH,
        "hive.toml": KNOB_SPEC.format(**({"name": folder.name, "iterations": 6, "share": "recipes"} | changes)),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return repository(folder)


def repository(folder: Path) -> Path:
    """A git repository of what lies in `folder`, in one commit."""
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *_GIT, *arguments], cwd=folder, check=True, capture_output=True)
    return folder


KNOB_BENCH = """\
import pathlib, re
size = int(re.search(r"^SIZE = (\\d+)$", pathlib.Path("src/knob.py").read_text(), re.M)[1])
print(f"METRIC cost={abs(size - 20) + 1}")
"""
KNOB_SPEC = """\
[project]
name = "{name}"
[surface]
editable = ["src/knob.py"]
protected = ["bench/**"]
[[step]]
name = "bench"
run = ["python", "-I", "bench/run.py"]
timeout_s = 30
[metric]
name = "cost"
direction = "lower"
[tune]
"src/knob.py:SIZE" = {{ low = 1, high = 64 }}
[budget]
iterations = {iterations}
[share]
level = "{share}"
"""


@pytest.fixture(scope="module")
def module_knob_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `knob_project`, for a module's tests together."""
    return make_knob_project(tmp_path_factory.mktemp("project") / "knob")


@pytest.fixture
def served() -> Iterator[Callable[..., MessagesApi]]:
    opened: list[Any] = []

    def serve(*script: Any) -> MessagesApi:
        manager = serving(MessagesApi(script))
        opened.append(manager)
        return manager.__enter__()

    yield serve
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.fixture
def asking(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A node whose config.toml names the scripted model, and whose environment holds the key."""
    monkeypatch.setenv(VARIABLE, KEY)

    def make(api: MessagesApi, *, start: bool = True) -> Any:
        node = daemon(start=False)
        with node.home.config.open("a") as config:
            config.write(f'\n[model]\nname = "{MODEL}"\nbase_url = "{api.url}"\nmax_output_tokens = 4000\n')
        return node.start() if start else node

    return make
