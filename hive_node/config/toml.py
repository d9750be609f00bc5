"""TOML into frozen models, with errors that name file, line, key and what was expected."""

import re
import tomllib
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

M = TypeVar("M", bound=BaseModel)

# Settings are pages, not books; a larger file is a mistake in the path.
MAX_BYTES: Final = 256 * 1024
_HEADER: Final = re.compile(r"^\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?")
_KEY: Final = re.compile(r"""^\s*(?P<key>"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")


class ConfigError(Exception):
    """A file that people write says something this node cannot take.

    str() names the file, the line where it is known, the key, what was expected and the remedy.
    """

    def __init__(self, source: str, problem: str, line: int | None = None) -> None:
        place = f"{source}:{line}" if line else source
        super().__init__(f"{place}: {problem}")
        self.source = source
        self.problem = problem
        self.line = line


class Section(BaseModel):
    """A table of a settings file: frozen, no coercion, no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read_toml(path: Path, model: type[M]) -> M:
    """The file at `path` as `model`. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(str(path), f"larger than {MAX_BYTES} bytes")
    try:
        return parse_toml(raw.decode("utf-8"), model, str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"not UTF-8 at byte {error.start}") from error


def parse_toml(text: str, model: type[M], source: str) -> M:
    """`text` as `model`; `source` names it in errors. Raises ConfigError."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        raise ConfigError(source, f"not TOML: {error}", int(found[1]) if found else None) from error
    except ValidationError as error:
        raise _explain(error, text, source) from None


def line_of(text: str, location: tuple[int | str, ...]) -> int | None:
    """The line (from 1) where the key at `location` is written, or the header of its table, or None."""
    names = [str(part) for part in location if not isinstance(part, int)]
    index = next((part for part in location if isinstance(part, int)), 0)
    table, seen, best = "", -1, None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = header["name"].replace('"', "").replace(" ", "")
            seen += table == names[0] if names else 0
            if names and table == names[0] and seen == index:
                best = number
        elif key := _KEY.match(line):
            path = [part for part in (table, key["key"].strip("\"'")) if part]
            if ".".join(names).startswith(".".join(path)) and (table != names[0] or seen == index):
                best = number
    return best


def _explain(error: ValidationError, text: str, source: str) -> ConfigError:
    first = error.errors(include_url=False)[0]
    location = first["loc"]
    key = ".".join(str(part) for part in location) or "the file"
    match first["type"]:
        case "extra_forbidden":
            problem = f"unknown key `{key}`: remove it or check its spelling"
        case "missing":
            problem = f"missing key `{key}`"
        case _:
            problem = f"`{key}`: {first['msg'].removeprefix('Value error, ')} (found {str(first['input'])[:80]!r})"
    return ConfigError(source, problem, line_of(text, location))
