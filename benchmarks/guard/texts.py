"""What is scanned beside the corpus: documents of 1 KB, one large file, and clean text as it is found on this machine."""

import gzip
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path

from benchmarks.guard.peers import home
from tests.corpus.guard import Record

# Ten that everybody knows, as they are in this venv.
PACKAGES = (
    "aiohttp",
    "alembic",
    "anthropic",
    "cryptography",
    "hypothesis",
    "optuna",
    "pydantic",
    "rich",
    "sqlalchemy",
    "typer",
)
_SOURCES = frozenset(
    (".py", ".pyi", ".js", ".c", ".h", ".toml", ".txt", ".md", ".rst", ".html", ".css", ".mako", ".json")
)
_LOCKS = ("package-lock.json", ".package-lock.json", "yarn.lock", "Cargo.lock", "poetry.lock", "uv.lock", "go.sum")
# Not Debian's own, which name a person and an address under each entry.
_CHANGES = ("CHANGELOG*", "CHANGES*", "HISTORY*", "NEWS*")
_ROOTS = ("/usr/share/doc", "/usr/lib/node_modules", "/usr/local/lib/node_modules", "/usr/share/nodejs")
_MOST_BYTES = 1_000_000
_MOST_FILES = 120
_KB = 1_000


def clean() -> Iterator[Record]:
    """Sources of ten packages, lock files, changelogs and diffs: a record a file. Nobody has looked for secrets in them, so
    what is flagged is shown to a person.
    """
    for package in PACKAGES:
        yield from _package(package)
    yield from _found("lock file", _LOCKS, (*_ROOTS, str(home())))
    yield from _found("changelog", _CHANGES, _ROOTS)
    yield from _diffs()


def documents(count: int) -> list[str]:
    """Texts of 1 KB, out of the packages' sources."""
    texts = "".join(record.text for package in PACKAGES[:4] for record in _package(package))
    step = max(_KB, len(texts) // count)
    return [texts[at : at + _KB] for at in range(0, len(texts) - _KB, step)][:count]


def bulk(path: Path, megabytes: int) -> Path:
    """A file of sources, as large as is asked for."""
    with path.open("w", encoding="utf-8") as file:
        written = 0
        while written < megabytes * _MOST_BYTES:
            for package in PACKAGES:
                for record in _package(package):
                    written += file.write(record.text)
                    if written >= megabytes * _MOST_BYTES:
                        return path
    return path


def _package(name: str) -> Iterator[Record]:
    try:
        parts = sorted(files(name) or (), key=str)
    except PackageNotFoundError:
        return
    for part in parts:
        path = Path(str(part.locate()))
        if part.suffix in _SOURCES and path.is_file() and path.stat().st_size < _MOST_BYTES:
            yield _record("source", f"{name} {version(name)}", str(part), path)


def _found(stratum: str, names: tuple[str, ...], roots: tuple[str, ...]) -> Iterator[Record]:
    paths = (path for root in roots for name in names for path in sorted(Path(root).rglob(name)))
    fit = (path for path in paths if path.is_file() and path.stat().st_size < _MOST_BYTES)
    for _, path in zip(range(_MOST_FILES), fit, strict=False):
        yield _record(stratum, stratum, str(path), path)


def _diffs() -> Iterator[Record]:
    # The guard and its tests apart: their whole business is what looks like a secret.
    here = Path(__file__).resolve().parents[2]
    arguments = [
        "git",
        "-C",
        str(here),
        "log",
        "-p",
        "-n",
        "150",
        "--format=commit %H%n%n%B",
        "--",
        "hive_node",
        "protocol",
        "docs",
        "systemd",
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", check=False)
    for number, text in enumerate(done.stdout.split("\ncommit ")):
        yield Record(f"diff-{number}", text, "clean", "diff", "this project's diffs")


def _record(stratum: str, group: str, name: str, path: Path) -> Record:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return Record(name, raw.decode("utf-8", errors="replace"), "clean", stratum, group)
