"""Kingfisher's own engine and catalogue, at offsets of bytes."""

from collections.abc import Iterator

from kingfisher_sdk import DetectionPolicy, Scanner
from loop import serve

scanner = Scanner(policy=DetectionPolicy())


def scan(text: str) -> Iterator[tuple[str, int, int]]:
    raw = text.encode()
    for found in scanner.scan(raw):
        start, end = found.location["start_offset"], found.location["end_offset"]
        yield "secret", len(raw[:start].decode(errors="replace")), len(raw[:end].decode(errors="replace"))


serve(scan)
