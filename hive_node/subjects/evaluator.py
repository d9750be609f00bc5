"""What a project is judged by and what may change, as one commit holds it; read from git, never from the checkout."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from guardrails.constitution.globs import matches
from hive_node.config.project import ProjectSpec
from hive_node.domain import Digest
from hive_node.ports import Fault, Repository, TreeEntry
from protocol.ids import sha256_hex
from protocol.wire import dump_json

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
# Larger files are data, not code that an operator could edit.
_EDITABLE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What a project is judged by, as its commit holds it. task: its digest; equal exactly when two nodes measure the same.

    protected: the files that judge, those of the holdout included. held_out: those that the holdout alone may read.
    """

    task: Digest
    protected: tuple[str, ...]
    editable: tuple[str, ...]
    held_out: tuple[str, ...] = ()


async def read_evaluator(repository: Repository, spec: ProjectSpec, commit: str) -> Evaluator:
    """The evaluator of `commit`. Raises Fault where a pattern of the surface matches no plain file, or nothing is left to edit."""
    entries = await repository.entries(commit)
    held_out = _matching(entries, spec.held_out, commit, "[holdout] files")
    protected = sorted({*_matching(entries, spec.surface.protected, commit, "[surface] protected"), *held_out})
    editable = _matching(entries, spec.surface.editable, commit, "[surface] editable")
    editable = [path for path in editable if path not in protected]
    protected = sorted({*protected, *_named(spec, entries) - {*editable}})
    if not editable:
        raise Fault(
            "project.nothing-editable", "every editable file is protected too: [surface] leaves nothing to improve"
        )
    contents = await repository.read([entries[path].blob for path in protected])
    return Evaluator(_task(spec, protected, contents), tuple(protected), tuple(editable), tuple(held_out))


async def read_files(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Text of those files at `commit`; files that are no text, or too large to edit, are left out."""
    entries = await repository.entries(commit)
    present = [path for path in paths if path in entries]
    contents = await repository.read([entries[path].blob for path in present])
    texts = {path: _text(content) for path, content in zip(present, contents, strict=True)}
    return {path: text for path, text in texts.items() if text is not None}


def is_text(text: str) -> bool:
    """Whether this can be written as UTF-8: a path of other bytes, or half of a surrogate pair, cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _matching(entries: Mapping[str, TreeEntry], globs: Sequence[str], commit: str, which: str) -> list[str]:
    for glob in globs:
        if not any(matches(glob, path) for path in entries):
            raise Fault(
                "project.no-such-file",
                f"{which} = {glob!r} matches no file of commit {commit[:12]}: correct it, or commit the files",
            )
    found = [path for path in sorted(entries) if any(matches(glob, path) for glob in globs)]
    links = [path for path in found if entries[path].mode in {_LINK, _SUBMODULE}]
    if links:
        raise Fault("project.link", f"{which} holds a link or submodule, {links[0]!r}: name plain files")
    if named_badly := [path for path in found if not is_text(path)]:
        raise Fault("project.path", f"{which} holds a file whose name is not UTF-8, {named_badly[0]!r}: rename it")
    return found


def _named(spec: ProjectSpec, entries: Mapping[str, TreeEntry]) -> set[str]:
    """Plain files that a command names: what is run judges, whether or not somebody thought of listing it."""
    commands = [step.run for step in spec.step] + ([spec.holdout.run] if spec.holdout else [])
    words = {posixpath.normpath(word) for command in commands for word in command}
    return {path for path in words & entries.keys() if entries[path].mode not in {_LINK, _SUBMODULE}}


def _task(spec: ProjectSpec, protected: Sequence[str], contents: Sequence[bytes]) -> Digest:
    return sha256_hex(
        dump_json(
            {
                "protected": {path: sha256_hex(content) for path, content in zip(protected, contents, strict=True)},
                "steps": [[step.name, *step.run] for step in spec.step],
                "metric": [spec.metric.name, spec.metric.direction, spec.metric.pattern],
                **({"held_out": list(spec.held_out)} if spec.held_out else {}),
            }
        )
    )


def _text(content: bytes) -> str | None:
    if len(content) > _EDITABLE_BYTES or b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
