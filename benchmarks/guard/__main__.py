"""`python -m benchmarks.guard [--share 1.0] [--seed 1] [--peers [NAME …]] [--only PART …]`: the scope guard beside its peers.

One corpus, made anew from the seed; each scanner in a process and a venv of its own; the same texts to each, one after the
other. README.md of this folder says how it is scored.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.guard import tables, texts
from benchmarks.guard.asking import ask
from benchmarks.guard.linear import growths, rule_growths
from benchmarks.guard.peers import ABSENT, OURS, PEERS, NotInstalled, Peer
from benchmarks.guard.scoring import judge
from benchmarks.guard.tables import Absent, Flagged, Measured
from benchmarks.table import head, machine
from guardrails.scope import Finding, default_engine
from guardrails.scope.catalogue import load_rules
from guardrails.scope.findings import TOLD_AT
from tests.corpus.guard import Record, Size, generate

_PARTS = ("peers", "clean", "linear")
_DOCUMENTS = 300
_BULK_MB = 20
_SHOWN_BEFORE, _SHOWN_AFTER = 30, 20


def main() -> int:
    """Measure what was asked for, and print it as Markdown."""
    options = _options()
    print(head(machine()), end="\n\n", flush=True)
    if "peers" in options.only:
        _compare(
            options.share,
            options.seed,
            [OURS, *(peer for peer in PEERS if options.peers is None or peer.name in options.peers)],
        )
    if "clean" in options.only:
        _say("Clean text of this machine", _clean_text())
    if "linear" in options.only:
        share = min(1.0, options.share)
        _say("Time for twice the text", tables.linearity(growths(default_engine(), share)))
        slowest = rule_growths(default_engine(), load_rules(), share)
        _say("The slowest of all rules' own examples, over and over", tables.linearity(slowest))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=(__doc__ or "").split(": ", 1)[1])
    parser.add_argument("--share", type=float, default=1.0, help="of the whole corpus's size, and of the hard texts'")
    parser.add_argument("--seed", type=int, default=1, help="another corpus of the same kinds")
    parser.add_argument(
        "--peers", nargs="*", metavar="NAME", help="these alone (all); none after it: this project's guard alone"
    )
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="some parts alone")
    return parser.parse_args()


def _compare(share: float, seed: int, peers: Sequence[Peer]) -> None:
    records = list(generate(Size.of(share), seed))
    documents = texts.documents(_DOCUMENTS)
    rows: list[Measured | Absent] = []
    with tempfile.TemporaryDirectory(prefix="bench-guard-") as folder:
        bulk = texts.bulk(Path(folder) / "bulk.txt", _BULK_MB)
        for peer in peers:
            print(f"asking {peer.name}…", file=sys.stderr, flush=True)
            rows.append(_measure(peer, records, documents, bulk))
    rows += [Absent(name, reason) for name, reason in ABSENT.items()]
    _say(f"{len(records):,} texts of one corpus, seed {seed}", tables.comparison(rows))
    if isinstance(rows[0], Measured):
        _say("Ours, by stratum", tables.strata(rows[0].report))


def _measure(peer: Peer, records: Sequence[Record], documents: Sequence[str], bulk: Path) -> Measured | Absent:
    try:
        answers = ask(peer, records, documents, bulk)
    except (NotInstalled, RuntimeError) as error:
        return Absent(peer.name, str(error))
    return Measured(peer.name, judge(records, answers.findings), answers, note=peer.note)


def _clean_text() -> list[str]:
    engine = default_engine()
    lines: dict[str, int] = {}
    flagged: list[Flagged] = []
    for record in texts.clean():
        lines[record.stratum] = lines.get(record.stratum, 0) + record.text.count("\n") + 1
        flagged += _masked(record, engine.scan(record.text, least=TOLD_AT))
    return tables.clean_text(lines, flagged)


def _masked(record: Record, findings: Sequence[Finding]) -> Iterator[Flagged]:
    for finding in findings:
        before = record.text[max(0, finding.start - _SHOWN_BEFORE) : finding.start].rpartition("\n")[2]
        after = record.text[finding.end : finding.end + _SHOWN_AFTER].partition("\n")[0]
        hidden = f"{record.text[finding.start : finding.start + 3]}…({finding.end - finding.start})"
        place = f"{record.id}:{record.text.count(chr(10), 0, finding.start) + 1}"
        rule = f"{finding.rule} {finding.confidence:.2f}"
        yield Flagged(record.stratum, place, finding.kind, rule, f"{before}{hidden}{after}")


def _say(title: str, lines: Sequence[str]) -> None:
    print(f"### {title}", "", *lines, "", sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
