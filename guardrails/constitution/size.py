"""Judge how much a change is, before any pattern sees its text. Pure."""

from collections.abc import Iterator

from guardrails.constitution.edited import Edited
from guardrails.constitution.rules import PREFIX, SizeLimits
from guardrails.verdict import Rejected


def judge_inputs(idea: str, texts: tuple[tuple[str, str], ...], limits: SizeLimits) -> Iterator[Rejected]:
    """Bounds on what comes in, each text with its path: what is over them is not read any further."""
    if len(idea) > limits.idea_chars:
        yield _over("idea", "the idea's words", len(idea), limits.idea_chars)
    if not texts:
        yield Rejected(f"{PREFIX}.size.nothing", "the change touches no file, so there is nothing to judge")
    if len({path for path, _ in texts}) > limits.files:
        yield _over("files", "files touched", len({path for path, _ in texts}), limits.files)
    for path, text in texts:
        if len(text) > limits.file_bytes:
            yield _over("file", "bytes of one file", len(text), limits.file_bytes, path)


def judge(files: tuple[Edited, ...], estimate_lines: int | None, limits: SizeLimits) -> Iterator[Rejected]:
    """Lines and bytes changed, and the announced size against the real one. A placebo is not worth a trial."""
    if all(file.before == file.after and not file.is_created and not file.marks for file in files):
        yield Rejected(f"{PREFIX}.size.nothing", "the change changes nothing")
    lines = sum(len(file.added) + len(file.removed) for file in files)
    if lines > limits.changed_lines:
        yield _over("lines", "lines changed", lines, limits.changed_lines)
    added_bytes = sum(len(file.added_text.encode("utf-8", "replace")) for file in files)
    if added_bytes > limits.added_bytes:
        yield _over("bytes", "bytes added", added_bytes, limits.added_bytes)
    for file in files:
        longest = max((len(line.text) for line in file.added), default=0)
        if longest > limits.line_chars:
            yield _over("line", "characters in one line", longest, limits.line_chars, file.path)
    if estimate_lines is not None:
        yield from _judge_estimate(lines, estimate_lines, limits)


def _judge_estimate(lines: int, estimate_lines: int, limits: SizeLimits) -> Iterator[Rejected]:
    most = int(max(estimate_lines, 0) * limits.estimate_factor) + limits.estimate_slack_lines
    if lines > most:
        reason = f"the idea announced {estimate_lines} changed lines, and the change has {lines}"
        yield Rejected(f"{PREFIX}.size.estimate", reason, {"actual": lines, "estimate": estimate_lines, "limit": most})


def _over(rule: str, what: str, actual: int, limit: int, path: str | None = None) -> Rejected:
    details = {"actual": actual, "limit": limit} | ({} if path is None else {"path": path[:200]})
    return Rejected(f"{PREFIX}.size.{rule}", f"{what}: {actual}, the most is {limit}", details)
