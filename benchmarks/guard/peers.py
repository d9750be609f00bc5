"""The scanners beside ours: how each is installed into a place of its own, and asked.

Nothing is installed into the product's venv. A peer that cannot be had is named with the reason, and the others go on.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_WORKERS = Path(__file__).parent / "workers"
_INSTALL_S = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """A scanner. package: its name on the registry of its kind. place: peers of one package share it."""

    name: str
    worker: str
    registry: Literal["own", "pypi", "npm"]
    packages: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    note: str = ""


OURS = Peer("hive-node", "hive_node.py", "own")
PEERS: Sequence[Peer] = (
    Peer("CredSweeper, rules alone", "credsweeper_worker.py", "pypi", ("credsweeper",), ("plain",)),
    Peer("CredSweeper, with its model", "credsweeper_worker.py", "pypi", ("credsweeper",)),
    Peer("Kingfisher", "kingfisher_worker.py", "pypi", ("kingfisher-secret-scanner",)),
    Peer("detect-secrets", "detect_secrets_worker.py", "pypi", ("detect-secrets",)),
    Peer("secretlint", "secretlint_worker.mjs", "npm", ("@secretlint/core", "@secretlint/secretlint-rule-preset-recommend")),
    Peer("Presidio", "presidio_worker.py", "pypi", ("presidio-analyzer",), note="every recognizer that needs no model; scores of 0.4 and more"),
    Peer("DataFog", "datafog_worker.py", "pypi", ("datafog",), note="its expressions, without models"),
    Peer("scrubadub", "scrubadub_worker.py", "pypi", ("scrubadub",)),
)  # fmt: skip
# Asked for, and not to be had here: said in the table's notes.
ABSENT = {
    "gitleaks": "no package of PyPI or npm carries its program (gitleaks-py only calls one that is there already)"
}


class NotInstalled(Exception):
    """A peer cannot be had; the message says why."""


def home() -> Path:
    """Where the peers live between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hive-node" / "bench-guard"


def command(peer: Peer) -> tuple[list[str], Path]:
    """The worker's argument vector, and the folder to start it in. Installs the peer first. Raises NotInstalled."""
    worker = str(_WORKERS / peer.worker)
    if peer.registry == "own":
        return [sys.executable, worker, *peer.arguments], _WORKERS
    place = home() / peer.packages[0].strip("@").replace("/", "-")
    if peer.registry == "npm":
        return [_node(peer, place), worker, *peer.arguments], place
    return [_python(peer, place), worker, *peer.arguments], _WORKERS


def _python(peer: Peer, place: Path) -> str:
    python = place / "bin" / "python"
    if not (place / "installed").exists():
        _run([sys.executable, "-m", "venv", str(place)])
        _run([str(python), "-m", "pip", "install", "--quiet", *peer.packages])
        (place / "installed").touch()
    return str(python)


def _node(peer: Peer, place: Path) -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NotInstalled("node and npm are not there")
    if not (place / "installed").exists():
        place.mkdir(parents=True, exist_ok=True)
        _run([npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(place), *peer.packages])
        (place / "installed").touch()
    return node


def _run(arguments: list[str]) -> None:
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()[-1]
        raise NotInstalled(last)
