"""From sources to findings."""

from collections.abc import Callable, Iterable, Iterator

from guardrails.scope.findings import Finding
from hive_node.cli.scanning.baseline import Baseline
from hive_node.cli.scanning.found import Found, Scan, with_lines
from hive_node.cli.scanning.knowledge import Scanner
from hive_node.cli.scanning.reading import Binary, Segment, segments
from hive_node.cli.scanning.sources import Source


class Walk:
    """Looks through sources.

    least: what is less sure is left out. accepted: findings not to be told. accepting: a baseline to which all are added.
    """

    def __init__(
        self,
        scanner: Scanner,
        scan: Scan,
        *,
        least: float = 0.0,
        is_explained: bool = False,
        accepted: Baseline | None = None,
        accepting: Baseline | None = None,
    ) -> None:
        self._scanner, self._scan = scanner, scan
        self._least, self._is_explained = least, is_explained
        self._accepted, self._accepting = accepted, accepting

    def over(self, sources: Iterable[Source], advance: Callable[[int], None]) -> None:
        """Look through all of them. advance: told of bytes that were looked at."""
        for source in sources:
            try:
                with source.open() as raw:
                    done = 0
                    for segment in segments(raw):
                        done = self._segment(source, segment, done)
                        advance(segment.read)
            except Binary:
                self._scan.binary += 1
                advance(source.size)
            except OSError as error:
                self._scan.unread.append((source.path, error.strerror or type(error).__name__))
            else:
                self._scan.files += 1

    def _segment(self, source: Source, segment: Segment, done: int) -> int:
        """Look through it. done: where what was found before it ends. Returns the same for what follows."""
        for found, value in self._found(source.path, segment):
            if found.start < done:
                continue  # the rest of what the segment before it told whole
            done = found.end
            if source.lines is None or not source.lines.isdisjoint(range(found.line, found.end_line + 1)):
                self._tell(found, value)
        return done

    def _tell(self, found: Found, value: str) -> None:
        if self._accepting is not None:
            self._accepting.accept(found, value)
        elif self._accepted is not None and self._accepted.has(found, value):
            self._scan.accepted += 1
            return
        self._scan.items.append(found)

    def _found(self, path: str, segment: Segment) -> Iterator[tuple[Found, str]]:
        text = segment.text
        for finding, line in with_lines(text, self._scanner.scan(text, self._least)):
            if finding.start < segment.until:
                yield self._placed(path, segment, finding, line), text[finding.start : finding.end]

    def _placed(self, path: str, segment: Segment, finding: Finding, line: int) -> Found:
        text, start, end = segment.text, finding.start, finding.end
        return Found(
            path=path,
            kind=finding.kind,
            entity=finding.entity,
            rule=finding.rule,
            start=segment.start + start,
            end=segment.start + end,
            line=segment.lines + line,
            column=start - text.rfind("\n", 0, start),
            end_line=segment.lines + line + text.count("\n", start, end),
            end_column=end - text.rfind("\n", 0, end),
            confidence=finding.confidence,
            decoded_from=finding.decoded_from,
            why=self._scanner.explain(finding) if self._is_explained else None,
        )
