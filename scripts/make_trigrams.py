"""Derive `guardrails/scope/trigrams.bin`: how letters follow one another in code and prose of many languages.

    python scripts/make_trigrams.py FOLDER…

Counts over the text files of the folders, code, comments and translations alike; the standard library of the running
interpreter is always among them. The committed table was made over the sources of Django and Wagtail (their
translations into a hundred languages too), TypeScript, Vue, RxJS, Lodash, jQuery, Bootstrap and Babel, Go's net, text
and grpc, Rust's serde, tokio, regex and clap, Symfony Console, Twig, RSpec, Sinatra and Penlight; it holds numbers only.
Run it by hand when the table should change; the output is committed, so that every node judges randomness by the same
numbers.
"""

import math
import re
import sys
import sysconfig
from array import array
from collections.abc import Iterator
from pathlib import Path

from guardrails.scope.randomness import CLASSES, UNIT, classes_of

_OUTPUT = Path(__file__).parent.parent / "guardrails" / "scope" / "trigrams.bin"
# Tests hold tables of random data, and site-packages differ from machine to machine.
_SKIPPED = {"test", "tests", "idle_test", "site-packages", "lib2to3", "encodings", "__pycache__", "testdata"}
_SUFFIXES = {
    ".py", ".js", ".ts", ".mjs", ".vue", ".go", ".rs", ".rb", ".php", ".lua", ".java", ".c", ".h", ".css", ".html",
    ".po", ".md", ".rst", ".yml", ".toml", ".twig",
}  # fmt: skip
_FILE_BYTES = 400_000
# Digests, ids and keys that stand in sources: what the table is to be told from.
_DATA = re.compile(
    r"\b(?=(?:[A-Za-z+/_\-]*[0-9]){4})[A-Za-z0-9+/_\-]{14,}|\b(?=[A-Fa-f]*[0-9])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{5,}\b"
    r"|(?:\\[xuU]\{?|0[xX]|#|U\+)[0-9A-Fa-f_]+"
)
# A longer line is data or made by a machine.
_LINE_CHARS = 240
# What a pair or a single letter says where a longer context was not seen, in imaginary sightings of the context.
_BACKED_OFF = 12.0
# What is written in lower case may be written in capitals, a little.
_CAPITALS = 0.02


def main() -> None:
    """Write the table."""
    triples = array("d", bytes(8 * CLASSES**3))
    for line in _lines([Path(sysconfig.get_paths()["stdlib"]), *map(Path, sys.argv[1:])]):
        _count(line, 1.0, triples)
        _count(line.upper(), _CAPITALS, triples)
    _OUTPUT.write_bytes(bytes(_table(triples)))


def _lines(roots: list[Path]) -> Iterator[str]:
    for root in roots:
        for path in sorted(root.rglob("*")):
            is_wanted = path.suffix in _SUFFIXES and not _SKIPPED & set(path.relative_to(root).parts)
            if is_wanted and path.is_file() and path.stat().st_size < _FILE_BYTES:
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                yield from (_DATA.sub(" ", line) for line in lines if len(line) < _LINE_CHARS)


def _count(line: str, weight: float, triples: "array[float]") -> None:
    classes = classes_of(line)
    for first, second, third in zip(classes, classes[1:], classes[2:], strict=False):
        triples[(first * CLASSES + second) * CLASSES + third] += weight


def _table(triples: "array[float]") -> Iterator[int]:
    pairs, singles = [0.0] * CLASSES**2, [0.0] * CLASSES
    for index, seen in enumerate(triples):
        pairs[index % CLASSES**2] += seen
        singles[index % CLASSES] += seen
    everything = sum(singles)
    single = [(seen + 1) / (everything + CLASSES) for seen in singles]
    for first in range(CLASSES):
        for second in range(CLASSES):
            start = (first * CLASSES + second) * CLASSES
            row, total = triples[start : start + CLASSES], sum(triples[start : start + CLASSES])
            before = pairs[second * CLASSES : (second + 1) * CLASSES]
            for third in range(CLASSES):
                pair = (before[third] + _BACKED_OFF * single[third]) / (sum(before) + _BACKED_OFF)
                likelihood = (row[third] + _BACKED_OFF * pair) / (total + _BACKED_OFF)
                yield min(255, round(-math.log(likelihood) * UNIT))


if __name__ == "__main__":
    main()
