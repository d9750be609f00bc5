"""A list of findings that somebody looked at and accepted, fit for a repository: it holds no value.

Each entry is a path, a rule, and the value's hash: scrypt (RFC 7914) under the file's own salt, because a weak password can be
guessed from a quick one. A finding that moves within its file stays accepted; one whose value changes does not.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hive_node.cli.scanning.found import Found

VERSION: Final = 1
SALT_BYTES: Final = 16
_HASH_BYTES: Final = 16
# About 10 ms of a processor for each guess, and for each accepted finding.
_COST: Final = {"n": 2**12, "r": 8, "p": 1}


class BaselineError(Exception):
    """The file is none. The text says why."""


@dataclass(slots=True)
class Baseline:
    """Accepted findings. folder: what its paths are relative to, that of its file."""

    salt: bytes
    folder: Path
    entries: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @classmethod
    def anew(cls, file: Path, salt: bytes) -> "Baseline":
        """An empty one, to be written to `file`; under the salt of the one that it takes the place of, so that little changes."""
        try:
            return cls(cls.read(file).salt, file.absolute().parent)
        except BaselineError:
            return cls(salt, file.absolute().parent)

    @classmethod
    def read(cls, file: Path) -> "Baseline":
        """The file's. Raises BaselineError where it cannot be read or is none."""
        try:
            tree = json.loads(file.read_bytes())
            found = cls(bytes.fromhex(tree["salt"]), file.absolute().parent)
            if tree["version"] != VERSION or len(found.salt) != SALT_BYTES:
                raise BaselineError(f"{file} is a baseline of another version: write it again with --write-baseline")
            for row in tree["accepted"]:
                found.entries.setdefault((str(row["path"]), str(row["rule"])), set()).add(str(row["hash"]))
        except OSError as error:
            raise BaselineError(f"{file} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BaselineError(f"{file} is no baseline: write one with --write-baseline") from None
        return found

    def accept(self, found: Found, value: str) -> None:
        """List the finding."""
        self.entries.setdefault(self._place(found), set()).add(self._hash(value))

    def has(self, found: Found, value: str) -> bool:
        """Whether the finding is listed."""
        hashes = self.entries.get(self._place(found))
        return hashes is not None and self._hash(value) in hashes

    def write(self, file: Path) -> None:
        """Write it, sorted, so that a change of it reads well. Raises OSError."""
        rows: list[dict[str, Any]] = [
            {"path": path, "rule": rule, "hash": one}
            for (path, rule), hashes in sorted(self.entries.items())
            for one in sorted(hashes)
        ]
        tree = {"version": VERSION, "salt": self.salt.hex(), "accepted": rows}
        file.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")

    def _place(self, found: Found) -> tuple[str, str]:
        path = found.path if found.path == "-" else os.path.relpath(os.path.abspath(found.path), self.folder)
        return path, found.rule

    def _hash(self, value: str) -> str:
        raw = value.encode("utf-8", "surrogatepass")
        return hashlib.scrypt(raw, salt=self.salt, dklen=_HASH_BYTES, **_COST).hex()
