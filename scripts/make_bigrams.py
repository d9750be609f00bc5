"""Derive `guardrails/scope/bigrams.json`: how letters follow one another in code and prose.

Counts over the sources of the running interpreter's own standard library, code, comments and docstrings alike. Run it
by hand
when the table should change; the output is committed, so that every node judges randomness by the same numbers.
"""

import itertools
import json
import math
import sysconfig
from collections import Counter
from pathlib import Path

from guardrails.scope.randomness import CLASSES, class_of

_OUTPUT = Path(__file__).parent.parent / "guardrails" / "scope" / "bigrams.json"
# One imaginary sighting of each pair, so that an unseen pair is unlikely and not impossible.
_SMOOTHING = 1.0
# Prose and names of the library proper; tests hold tables of random data, and site-packages differ from machine to
# machine.
_SKIPPED = {"test", "tests", "idle_test", "site-packages", "lib2to3", "encodings", "__pycache__"}


def main() -> None:
    """Write the table."""
    root = Path(sysconfig.get_paths()["stdlib"])
    counts: Counter[tuple[int, int]] = Counter()
    for path in sorted(root.rglob("*.py")):
        if not _SKIPPED & set(path.relative_to(root).parts):
            _count(path.read_text(encoding="utf-8", errors="replace"), counts)
    table = [_row(first, counts) for first in range(CLASSES)]
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in table)
    _OUTPUT.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def _count(text: str, counts: Counter[tuple[int, int]]) -> None:
    classes = [class_of(character) for character in text]
    counts.update(itertools.pairwise(classes))


def _row(first: int, counts: Counter[tuple[int, int]]) -> list[int]:
    # Hundredths of a nat, as integers: small in the file, and the same on every machine.
    seen = [counts[first, second] + _SMOOTHING for second in range(CLASSES)]
    total = sum(seen)
    return [round(100 * math.log(number / total)) for number in seen]


if __name__ == "__main__":
    main()
