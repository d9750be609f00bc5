"""The scope guard's engine with its rules and compiled patterns kept in a file: a start loads them instead of reading and
compiling them again.

Compiling takes ten seconds and leaves megabytes behind, so it is done by a process of its own. The file is a cache and no
more: one that is missing, cut off, altered, or made for other rules, another library or another processor is made again.
"""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import guardrails.scope
from guardrails.scope.engine import Engine, build_engine, default_engine, shared_engine, to_save

logger = logging.getLogger(__name__)

_COMPILING_S: Final = 180.0
# SHA-256 in hexadecimal, and a line end.
_SEAL_BYTES: Final = 65


def load_engine(cache: Path) -> Engine:
    """The engine over the package's rules, from `cache` where that holds them; kept as long as the process lives. Blocks."""
    return default_engine(_Saved(cache).under)


def borrow_engine(cache: Path) -> Engine:
    """The same for whoever lets it go again: the process's own, where it keeps one."""
    return shared_engine() or build_engine(_Saved(cache).under)


class _Saved:
    """What is in the file; made again, once, when something is not."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._entries = _read(cache)
        self._is_new = False

    def under(self, fingerprint: str) -> bytes | None:
        if fingerprint not in self._entries and not self._is_new:
            self._is_new = True
            with _turn(self._cache.with_suffix(".lock")):
                self._entries = _read(self._cache)  # whoever had the turn before may have made it
                if fingerprint not in self._entries:
                    self._entries = _read(self._cache) if _make_elsewhere(self._cache) else {}
        entry = self._entries.get(fingerprint)
        return None if entry is None else bytes(entry)


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    """One process at a time: ten that start together would all compile, and each take ten times as long."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = lock.open("w")
    except OSError:
        yield  # where no lock can be, no file can be kept either
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def guard_digest() -> str:
    """Of everything that the guard judges by, code and data, hex: another one may come to another verdict."""
    digest = hashlib.sha256()
    for path in sorted(Path(guardrails.scope.__path__[0]).rglob("*")):
        if path.suffix in {".py", ".toml", ".json"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def write(cache: Path) -> None:
    """Read and compile here, and save at `cache`: whole, or not at all."""
    cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    body = b"".join(b"%s %d\n%s" % (name.encode(), len(entry), entry) for name, entry in to_save().items())
    descriptor, name = tempfile.mkstemp(dir=cache.parent, prefix=".scope-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(_seal(body) + body)
    Path(name).replace(cache)


def _read(cache: Path) -> dict[str, memoryview]:
    """What is in the file, by its fingerprint: views, as copies of twenty megabytes would be half of the time."""
    try:
        raw = cache.read_bytes()
    except OSError:
        return {}
    return dict(_entries(raw)) if raw[:_SEAL_BYTES] == _seal(memoryview(raw)[_SEAL_BYTES:]) else {}


def _entries(raw: bytes) -> Iterator[tuple[str, memoryview]]:
    whole = memoryview(raw)
    place = _SEAL_BYTES
    while place < len(raw):
        line = raw.index(b"\n", place)
        name, length = raw[place:line].decode().split(" ")
        place = line + 1 + int(length)
        yield name, whole[line + 1 : place]


def _seal(body: bytes | memoryview) -> bytes:
    """A digest over the body and what it was made with: no other library or processor takes it for its own."""
    try:
        library = version("hyperscan")
    except PackageNotFoundError:
        library = "none"
    digest = hashlib.sha256(f"{library} {_processor()}\n".encode())
    digest.update(body)
    return digest.hexdigest().encode() + b"\n"


def _processor() -> str:
    """What the processor can do: compiled patterns use it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line for line in lines if line.startswith(("flags", "Features"))), "unknown")


def _make_elsewhere(cache: Path) -> bool:
    command = [sys.executable, "-P", "-m", "hive_node.adapters.scope_engine", str(cache)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_COMPILING_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode != 0:
        logger.warning("rules were not saved; they are read and compiled at each start", extra={"cache": str(cache)})
    return done.returncode == 0


if __name__ == "__main__":
    write(Path(sys.argv[1]))
