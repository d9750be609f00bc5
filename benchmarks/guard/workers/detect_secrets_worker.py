"""detect-secrets with its default plugins and filters, on a file each. Its public addresses are personal data."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
from loop import serve

folder = tempfile.TemporaryDirectory(prefix="bench-guard-")
path = Path(folder.name) / "text.txt"


def scan(text: str) -> Iterator[tuple[str, int, int]]:
    path.write_text(text, encoding="utf-8")
    lines = text.splitlines(keepends=True)
    for found in scan_file(str(path)):
        line = lines[found.line_number - 1]
        offset = sum(map(len, lines[: found.line_number - 1]))
        at = line.find(found.secret_value)
        start, end = (at, at + len(found.secret_value)) if at >= 0 else (0, len(line))
        yield "pii" if found.type == "Public IP (ipv4)" else "secret", offset + start, offset + end


with default_settings():
    serve(scan)
