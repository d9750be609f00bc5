"""scrubadub with its default detectors. Web addresses are not personal data here; a credential is a secret."""

from collections.abc import Iterator

import scrubadub
from loop import serve

scrubber = scrubadub.Scrubber()


def scan(text: str) -> Iterator[tuple[str, int, int]]:
    for found in scrubber.iter_filth(text, "text"):
        if found.type != "url":
            yield "secret" if found.type == "credential" else "pii", found.beg, found.end


serve(scan)
