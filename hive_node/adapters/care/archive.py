"""The file that a backup is: a plain tar, its manifest first. What comes out of one is checked against it before it is used.

Written by hand from `tarfile`'s pieces: its own extraction takes names, modes and links from the archive, and a backup may come
from anywhere. Here only listed regular files come out, under names of a fixed set, no longer than the manifest says.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hive_node.adapters.whole_files import make_private, sync_folder
from hive_node.ports import Fault

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "hive.db"
CONFIG: Final = "config.toml"
KEY: Final = "node.key"
TOKEN: Final = "admin.token"  # noqa: S105  a file's name
FOLDERS: Final = ("kept", "reports")
# Reports and files of users' that were kept: some hundred at most. A manifest of more is another file, or somebody's joke.
MOST_FILES: Final = 20_000
_MANIFEST_BYTES: Final = 8 * 1024 * 1024
_PIECE: Final = 1024 * 1024
_NAME: Final = re.compile(r"(?:hive\.db|config\.toml|node\.key|admin\.token|(?:kept|reports)(?:/[^/\x00]{1,255})+)")


class BackupFault(Fault):
    """A backup cannot be made, or is not one that can be used. Nothing was changed."""


class FileLine(BaseModel):
    """One file of a backup. sha256: of its content, in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a backup holds, and of which node. database_schema: the number of its newest migration."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    format: int
    made_at: str
    version: str
    database_schema: str = Field(pattern=r"^[0-9]{4}$")
    node: str
    files: tuple[FileLine, ...] = Field(strict=False, min_length=1, max_length=MOST_FILES)

    @property
    def has_key(self) -> bool:
        """Whether it holds the node's own key."""
        return any(line.name == KEY for line in self.files)


def line_of(name: str, path: Path) -> FileLine:
    """The manifest's line for the file at `path`. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileLine(name=name, size=path.stat().st_size, sha256=digest)


def write_archive(target: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write a backup at `target` (0600), whole or not at all. Raises OSError, BackupFault where a file changed meanwhile."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with make_private(partial) as raw:
            with tarfile.open(fileobj=raw, mode="w:") as archive:
                content = manifest.model_dump_json(indent=1).encode()
                archive.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
                for line in manifest.files:
                    with files[line.name].open("rb") as file:
                        archive.addfile(_member(line.name, line.size), _Checked(file, line))
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def unpack(archive: Path, folder: Path) -> Manifest:
    """Bring a backup's files into the empty `folder` (each 0600), all of them checked. Raises BackupFault, OSError.

    At most as much is written as the manifest says, which the caller may look at first: `read_manifest`.
    """
    with _opened(archive) as tar:
        manifest = _first(archive, tar)
        for line in manifest.files:
            _unpack_one(archive, tar, line, folder / line.name)
        if _next(archive, tar) is not None:
            raise _damaged(archive, "it holds more than its manifest says")
    return manifest


def read_manifest(archive: Path) -> Manifest:
    """What a backup says of itself; its files are not looked at. Raises BackupFault, OSError."""
    with _opened(archive) as tar:
        return _first(archive, tar)


class _Checked(io.RawIOBase):
    """A file that is read while somebody may change it: the manifest is written already, and must stay true."""

    def __init__(self, file: BinaryIO, line: FileLine) -> None:
        self._file, self._line, self._digest = file, line, hashlib.sha256()
        self._left = line.size

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._digest.update(piece)
        self._left -= len(piece)
        if len(piece) < size or (self._left == 0 and self._digest.hexdigest() != self._line.sha256):
            raise BackupFault("backup.changing", f"{self._line.name} changed while it was read: try again")
        return piece


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _opened(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, mode="r:")
    except tarfile.TarError as error:
        raise BackupFault("backup.not-one", f"{archive} is no backup of hive-node: {error}") from error


def _next(archive: Path, tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return tar.next()
    except (tarfile.TarError, ValueError) as error:
        raise _damaged(archive, str(error)) from error


def _first(archive: Path, tar: tarfile.TarFile) -> Manifest:
    member = _next(archive, tar)
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > _MANIFEST_BYTES:
        raise BackupFault("backup.not-one", f"{archive} is no backup of hive-node: it does not begin with a manifest")
    content = _content(archive, tar, member).read(member.size)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _not_understood(archive, content, error) from None
    if manifest.format != FORMAT:
        raise _unknown_format(archive, manifest.format)
    seen: set[str] = set()
    for name in (line.name for line in manifest.files):
        if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")) or name in seen:
            raise _damaged(archive, f"its manifest lists {name!r}, which no backup holds, or not twice")
        seen.add(name)
    return manifest


def _not_understood(archive: Path, content: bytes, error: ValidationError) -> BackupFault:
    found = re.search(rb'"format"\s*:\s*(\d{1,9})\b', content)
    if found and int(found[1]) > FORMAT:
        return _unknown_format(archive, int(found[1]))
    first = error.errors(include_url=False)[0]
    return _damaged(archive, f"its manifest: {'.'.join(map(str, first['loc']))}: {first['msg']}")


def _unknown_format(archive: Path, found: int) -> BackupFault:
    return BackupFault(
        "backup.newer", f"{archive} has format {found}, this program knows {FORMAT}: use the hive-node that wrote it"
    )


def _content(archive: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    file = tar.extractfile(member)
    if file is None:
        raise _damaged(archive, f"{member.name} is no regular file")
    return file  # type: ignore[return-value]  # an ExFileObject reads bytes


def _unpack_one(archive: Path, tar: tarfile.TarFile, line: FileLine, target: Path) -> None:
    member = _next(archive, tar)
    if member is None or member.name != line.name or not member.isreg() or member.size != line.size:
        raise _damaged(archive, f"{line.name} is not where and as long as its manifest says")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), line.size
    source = _content(archive, tar, member)
    with make_private(target) as file:
        while left:
            try:
                piece = source.read(min(_PIECE, left))
            except tarfile.TarError as error:
                raise _damaged(archive, f"{line.name}: {error}") from error
            if not piece:
                raise _damaged(archive, f"{line.name} is cut off")
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != line.sha256:
        raise _damaged(archive, f"{line.name} has another SHA-256 than its manifest says")


def _damaged(archive: Path, how: str) -> BackupFault:
    return BackupFault("backup.damaged", f"{archive} is damaged: {how}; use another backup")
