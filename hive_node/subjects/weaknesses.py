"""What makes a project's evaluator easy to cheat, in words for its user. docs/hive-toml.md says how to write one that is not."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Final

from hive_node.config.project import ProjectSpec
from hive_node.ports import Repository
from hive_node.subjects.evaluator import Evaluator, read_files

_PYTHON: Final = re.compile(r"(.*/)?python[0-9.]*")
_PYTEST: Final = frozenset({"pytest", "py.test"})
_JUDGE: Final = re.compile(r"(^|/)(tests?|bench(mark)?s?)/|(^|/)(test_[^/]*|[^/]*_test|conftest|bench(mark)?)\.[^/]*$")


async def weaknesses(repository: Repository, spec: ProjectSpec, evaluator: Evaluator, commit: str) -> list[str]:
    """One sentence each. None of them keeps a project from being measured."""
    commands = {step.name: step.run for step in spec.step}
    commands |= {"holdout": spec.holdout.run} if spec.holdout else {}
    files = await repository.entries(commit)
    judges = await read_files(repository, commit, evaluator.protected)
    return [
        *_shadowed(commands),
        *_run_in_the_tree(commands, set(files), evaluator),
        *_editable_judges(evaluator),
        *_in_process(judges, evaluator.editable),
        *_open_holdout(spec),
    ]


def _shadowed(commands: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for name, run in commands.items():
        if _PYTHON.fullmatch(run[0]) and not _is_isolated(run[1:]):
            yield f"step `{name}` runs Python without -I: a candidate's modules could shadow the evaluator's"
        if _PYTEST & {PurePosixPath(run[0]).name, *run[1:4]}:
            yield (
                f"step `{name}` runs pytest, which imports the candidate and its own plugins into one process: it is a check, "
                "not a measurement; print the metric in a step of its own"
            )


def _is_isolated(words: Sequence[str]) -> bool:
    """-I stands among the options before the program, alone or with others (`-BI`)."""
    options = takewhile(lambda word: word.startswith("-"), words)
    return any("I" in option for option in options if not option.startswith("--"))


def _run_in_the_tree(commands: Mapping[str, Sequence[str]], files: set[str], evaluator: Evaluator) -> Iterator[str]:
    for name, run in commands.items():
        for path in sorted({str(PurePosixPath(word)) for word in run} & files & set(evaluator.editable)):
            yield f"step `{name}` runs `{path}`, which is editable: the candidate would print its own measurement"


def _editable_judges(evaluator: Evaluator) -> Iterator[str]:
    if found := [path for path in evaluator.editable if _JUDGE.search(path)]:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"[surface] editable holds what looks like a test or benchmark, `{found[0]}`{more}: list it in `protected`"


def _in_process(judges: Mapping[str, str], editable: Sequence[str]) -> Iterator[str]:
    modules = {_module(path): path for path in editable if path.endswith(".py")}
    for judge, text in judges.items():
        if judge.endswith(".py") and (found := sorted(_imported(text) & modules.keys())):
            yield (
                f"`{judge}` imports `{modules[found[0]]}` into its own process, where a candidate can reach what measures it: "
                "run it in a process of its own, and pass it nothing but inputs"
            )


def _module(path: str) -> str:
    file = PurePosixPath(path)
    return file.parent.name if file.name == "__init__.py" else file.stem


def _imported(text: str) -> set[str]:
    """The last part of every module, and every name, that an import statement mentions."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= set(node.module.split("."))
    return found


def _open_holdout(spec: ProjectSpec) -> Iterator[str]:
    if spec.holdout and not spec.holdout.files:
        yield "[holdout] has no `files`: every step can read what only the holdout should"
