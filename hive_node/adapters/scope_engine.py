"""The scope guard's engine with its compiled patterns kept in a file: a start loads them instead of compiling again.

Compiling takes half a second and leaves megabytes behind, so it is done by a process of its own. The file is a cache and no
more: one that is missing, cut off, or made for other patterns, another library or another processor is made again.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from guardrails.scope import Engine, default_engine

logger = logging.getLogger(__name__)

_COMPILING_S: Final = 60.0


def load_engine(cache: Path) -> Engine:
    """The engine over the package's rules, its patterns from `cache` where that holds them. Blocks."""

    def saved(fingerprint: str) -> bytes | None:
        found = _read(cache, fingerprint)
        if found is None and _compile_elsewhere(cache):
            found = _read(cache, fingerprint)
        return found

    return default_engine(saved)


def write(cache: Path) -> None:
    """Compile here, and save at `cache`: whole, or not at all."""
    engine = default_engine()
    compiled = engine.compiled()
    if compiled is None:
        return
    cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=cache.parent, prefix=".scope-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(_header(engine.fingerprint) + compiled)
    Path(name).replace(cache)


def _read(cache: Path, fingerprint: str) -> bytes | None:
    try:
        raw = cache.read_bytes()
    except OSError:
        return None
    header = _header(fingerprint)
    return raw.removeprefix(header) if raw.startswith(header) else None


def _header(fingerprint: str) -> bytes:
    try:
        library = version("hyperscan")
    except PackageNotFoundError:
        library = "none"
    text = f"{fingerprint} {library} {_processor()}"
    return hashlib.sha256(text.encode()).hexdigest().encode() + b"\n"


def _processor() -> str:
    """What the processor can do: compiled patterns use it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line for line in lines if line.startswith(("flags", "Features"))), "unknown")


def _compile_elsewhere(cache: Path) -> bool:
    command = [sys.executable, "-m", "hive_node.adapters.scope_engine", str(cache)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_COMPILING_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode != 0:
        logger.warning("patterns were not saved; they are compiled at each start", extra={"cache": str(cache)})
    return done.returncode == 0


if __name__ == "__main__":
    write(Path(sys.argv[1]))
