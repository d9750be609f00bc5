"""What every worker does: NDJSON of texts in, NDJSON of findings and times out. Standard library alone, in each peer's own venv.

A worker gives `scan(text) -> [(kind, start, end), …]` at offsets in characters. Where `bulk` is asked for, it then reads one
file whole, as often as fits in the time.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_BULK_S = 5.0
_KIB_PER_MIB = 1024


def serve(scan: Callable[[str], Iterable[tuple[str, int, int]]]) -> None:
    """Answer every line of standard input; then one line of what the process took. argv[1]: a file for bulk."""
    for line in sys.stdin:
        record = json.loads(line)
        began = time.process_time()
        found = list(scan(record["text"]))
        used = time.process_time() - began
        print(json.dumps({"id": record["id"], "findings": found, "s": used}), flush=True)
    bulk = _bulk(scan, Path(sys.argv[1]).read_text(encoding="utf-8")) if len(sys.argv) > 1 else None
    print(json.dumps({"rss_mib": _peak_mib(), "bulk_mb_s": bulk}), flush=True)


def _bulk(scan: Callable[[str], Iterable[tuple[str, int, int]]], text: str) -> float:
    """MB a second of processor time, over pieces of 64 KiB, until the file or the time is over."""
    began, done = time.process_time(), 0
    for at in range(0, len(text), 65536):
        list(scan(text[at : at + 65536]))
        done += len(text[at : at + 65536].encode())
        if time.process_time() - began > _BULK_S:
            break
    return done / 1e6 / (time.process_time() - began)


def _peak_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / _KIB_PER_MIB
