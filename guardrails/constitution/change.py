"""What the gate is asked, and its yes: a change, the surface it may touch, and the digest it was allowed under."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file, before and after. `path` is relative to the project's root, `None` means the file is absent."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """An idea in words, and the whole texts of every file that it touches.

    estimate_lines: how many changed lines the idea's author announced, where one did.
    """

    idea: str
    files: tuple[FileChange, ...]
    estimate_lines: int | None = None


@dataclass(frozen=True, slots=True)
class Surface:
    """What a project's spec lets a candidate touch. Globs are relative, `**` crosses folders.

    protected: read-only to the candidate; a folder's own name protects everything under it.
    metric_names: primary, guard and holdout metrics; candidate code may not speak of them.
    evaluator: files that the spec's steps run, where `protected` does not already cover them.
    """

    editable: tuple[str, ...]
    protected: tuple[str, ...]
    metric_names: tuple[str, ...] = ()
    evaluator: tuple[str, ...] = ()

    @property
    def out_of_reach(self) -> tuple[str, ...]:
        return self.protected + self.evaluator


@dataclass(frozen=True, slots=True)
class Allowed:
    """The gate's yes. `digest` names the constitution it was judged under: SHA-256, hex."""

    digest: str
