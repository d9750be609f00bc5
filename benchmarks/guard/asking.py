"""One scanner in a process of its own, asked text after text; what it said, and what that cost."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.guard.peers import Peer, command
from benchmarks.row import percentile
from tests.corpus.guard import Label, Record

# A peer that is not through by then is judged by what it had said.
_LIMIT_S = 1_200
# How a worker says what it goes without.
_WITHOUT = "left out: "


@dataclass(frozen=True, slots=True)
class Answers:
    """findings: by record id. seconds: processor time of each text of about 1 KB. bulk: MB a second. rss: MiB, at its most."""

    findings: Mapping[str, Sequence[Label]]
    seconds: Sequence[float]
    bulk_mb_s: float | None
    rss_mib: float | None

    def latency_ms(self, share: float) -> float:
        """Of the texts of about 1 KB."""
        return 1000 * percentile(self.seconds, share)


def ask(peer: Peer, records: Sequence[Record], documents: Sequence[str], bulk: Path) -> Answers:
    """All records, then the documents of 1 KB, then the file in bulk. Raises NotInstalled, and RuntimeError where it breaks."""
    lines = [json.dumps({"id": record.id, "text": record.text}) for record in records]
    lines += [json.dumps({"id": f"document-{number}", "text": text}) for number, text in enumerate(documents)]
    replies = _replies(peer, "\n".join(lines) + "\n", bulk)
    findings: dict[str, list[Label]] = {}
    seconds: list[float] = []
    last: dict[str, float | None] = {}
    for reply in replies:
        if "id" not in reply:
            last = reply
        elif reply["id"].startswith("document-"):
            seconds.append(reply["s"])
        else:
            findings[reply["id"]] = [Label(*found) for found in reply["findings"]]
    if len(findings) < len(records):
        raise RuntimeError(f"answered {len(findings)} of {len(records)} texts")
    return Answers(findings, seconds, last.get("bulk_mb_s"), last.get("rss_mib"))


def _replies(peer: Peer, questions: str, bulk: Path) -> list[dict]:  # type: ignore[type-arg] # JSON
    arguments, folder = command(peer)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as asked,
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as noted,
    ):
        asked.write(questions)
        asked.seek(0)
        try:
            subprocess.run(
                [*arguments, str(bulk)],
                stdin=asked,
                stdout=said,
                stderr=noted,
                cwd=folder,
                timeout=_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"not through after {_LIMIT_S} s") from error
        noted.seek(0)
        # What its libraries say beside is of no concern here.
        sys.stderr.writelines(line for line in noted if line.startswith(_WITHOUT))
        said.seek(0)
        return [json.loads(line) for line in said if line.startswith("{")]
