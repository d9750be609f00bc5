"""What candidate code may not speak of, drawn from the surface: the metrics' names, and the paths of the evaluator. Pure."""

import re
from dataclasses import dataclass

from guardrails.constitution.change import Surface
from guardrails.constitution.globs import covers, has_wildcard

# `loss` or `seconds` is everyday code, so such a name counts only where it is being reported; `val_loss_p99` always does.
_DISTINCTIVE = re.compile(r"[_.\-0-9]|[a-z][A-Z]|.{14}")
_EVALUATOR_WORDS = re.compile(
    r"bench|test|spec|eval|check|scor|judg|grad|harness|holdout|hidden|golden|fixture|expected|oracle|measure|metric",
    re.IGNORECASE,
)
_LEAD = r"(?:^|(?<=[\s\"'`=(:,>]))(?:\.{1,2}/){0,6}"


@dataclass(frozen=True, slots=True)
class Targets:
    """distinctive: names that count wherever they stand. reported: plain names, where a value follows. paths: mentions."""

    distinctive: re.Pattern[str] | None
    reported: re.Pattern[str] | None
    paths: re.Pattern[str] | None
    folders: frozenset[str]
    globs: tuple[str, ...]

    def metric_in(self, text: str) -> str | None:
        return _first(self.distinctive, text) or _first(self.reported, text)

    def path_in(self, text: str) -> str | None:
        return _first(self.paths, text)

    def is_module(self, parts: tuple[str, ...]) -> bool:
        """Whether an import of these parts, from the root or from `src`, reads what is out of reach."""
        modules = ["/".join(parts), "/".join(parts[:-1])] if len(parts) > 1 else [parts[0]]
        names = [
            f"{lead}{module}{tail}" for module in modules for lead in ("", "src/") for tail in (".py", "/__init__.py")
        ]
        return any(covers(glob, name) for glob in self.globs for name in names)


def targets_of(surface: Surface) -> Targets:
    globs = tuple(glob for glob in surface.protected if _is_evaluator(glob, surface)) + surface.evaluator
    fixed = {prefix for glob in globs if (prefix := _fixed_prefix(glob))}
    plain = [name for name in surface.metric_names if name and _DISTINCTIVE.search(name) is None]
    distinctive = [name for name in surface.metric_names if name and name not in plain]
    return Targets(
        distinctive=_any_of(distinctive, r"(?<![\w-])", r"(?![\w-])"),
        reported=_any_of(plain, r"(?<![\w.-])", r"[ \t]*[=:]"),
        paths=_any_of(sorted(fixed), _LEAD, r"(?=/|$|[\s\"'`),])", is_path=True),
        folders=frozenset(prefix for prefix in fixed if "/" not in prefix),
        globs=globs,
    )


def _is_evaluator(glob: str, surface: Surface) -> bool:
    """A protected path that measures. Others may be protected for being stable, and reading them is ordinary."""
    top = glob.partition("/")[0]
    is_apart = not has_wildcard(top) and all(editable.partition("/")[0] != top for editable in surface.editable)
    return (is_apart and "/" in glob) or _EVALUATOR_WORDS.search(glob) is not None


def _fixed_prefix(glob: str) -> str:
    """The folders of a glob before its first wildcard, or the whole path."""
    parts: list[str] = []
    for part in glob.removesuffix("/").split("/"):
        if has_wildcard(part):
            break
        parts.append(part)
    return "/".join(parts)


def _any_of(names: list[str], lead: str, tail: str, *, is_path: bool = False) -> re.Pattern[str] | None:
    if not names:
        return None
    # A lone folder's name is an everyday word: in running text it must be followed by a slash.
    escaped = (re.escape(name) + ("/" if is_path and "/" not in name and "." not in name else "") for name in names)
    tail = "" if is_path else tail
    return re.compile(f"{lead}(?:{'|'.join(escaped)}){tail}", re.MULTILINE)


def _first(pattern: re.Pattern[str] | None, text: str) -> str | None:
    match = pattern.search(text) if pattern is not None else None
    return match.group() if match else None
