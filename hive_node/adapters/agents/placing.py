"""An agent's files on disk: written whole or not at all, with what was there before in the store, and given back to the byte."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hive_node.adapters.whole_files import copy_aside, replace_file
from hive_node.ports.agents import AgentFault, FileNotes, Kept, Piece, TouchedFile

logger = logging.getLogger(__name__)

# Settings and instructions are pages; whatever is larger is another kind of file.
_MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Placer:
    """Puts pieces into files. aside: where copies of edited pieces go, in the node's own home."""

    notes: FileNotes
    aside: Path

    async def place(self, agent: str, folder: Path, pieces: Sequence[Piece]) -> list[Kept]:
        """Make the files hold these pieces. Raises AgentFault, StoreError; what was written before stays, and is found again."""
        if not await asyncio.to_thread(folder.is_dir):  # its user took it away: it is not made again
            raise AgentFault(
                "agent.folder-gone", f"{folder} is gone: `hive-node agent forget {agent}` lets the agent go"
            )
        known = {one.path: one for one in await self.notes.touched(agent)}
        kept = [await self._place(agent, folder, piece, known.get(piece.path)) for piece in pieces]
        return [one for one in kept if one is not None]

    async def is_in_place(self, folder: Path, pieces: Sequence[Piece]) -> bool:
        """Whether nothing would change. Raises AgentFault."""
        now = [await asyncio.to_thread(_read, folder, piece.path) for piece in pieces]
        return all(piece.put(content) == content for piece, content in zip(pieces, now, strict=True))

    async def forget(self, agent: str, folder: Path, pieces: Sequence[Piece]) -> list[Kept]:
        """Take everything of ours out of the agent's files. pieces: of any variant. Raises AgentFault: that file is as it was."""
        by_path = {piece.path: piece for piece in pieces}
        kept = []
        for file in await self.notes.touched(agent):
            if piece := by_path.get(file.path):
                kept.append(await self._forget(agent, folder, piece, file))
                await self.notes.forget_touched(agent, file.path)
        return [one for one in kept if one is not None]

    async def _place(self, agent: str, folder: Path, piece: Piece, known: TouchedFile | None) -> Kept | None:
        now = await asyncio.to_thread(_read, folder, piece.path)
        wanted = piece.put(now)
        if wanted == now:
            return None
        file = known or TouchedFile(agent, piece.path, now, now, await asyncio.to_thread(_missing, folder, piece.path))
        if now != file.written:  # its user wrote in it since: that is what it will be given back as
            file = replace(file, original=None if now is None else _without(piece, now, file))
        kept = await self._keep_aside(agent, piece, now, file) if known else None
        await self.notes.keep_touched(replace(file, written=wanted))  # a row first: what was there before is never lost
        await asyncio.to_thread(_write, folder, piece.path, wanted)
        return kept

    async def _forget(self, agent: str, folder: Path, piece: Piece, file: TouchedFile) -> Kept | None:
        now = await asyncio.to_thread(_read, folder, piece.path)
        if now is None:
            return None  # its user took it away
        kept = await self._keep_aside(agent, piece, now, file)
        left = file.original if now == file.written else _without(piece, now, file)
        await asyncio.to_thread(_write, folder, piece.path, left)
        if left is None:
            await asyncio.to_thread(_remove_folders, folder, file.made_folders)
        return kept

    async def _keep_aside(self, agent: str, piece: Piece, now: bytes | None, file: TouchedFile) -> Kept | None:
        if now is None or file.written is None or now == file.written:
            return None
        edited = piece.ours(now)
        if edited is None or edited == piece.ours(file.written):
            return None
        copy = await asyncio.to_thread(_copy_aside, self.aside / agent, Path(piece.path).name, edited)
        logger.warning("what a user wrote between our marks was set aside", extra={"agent": agent, "file": piece.path})
        return Kept(piece.path, copy)


def _without(piece: Piece, now: bytes, file: TouchedFile) -> bytes | None:
    left = piece.take(now, file.original)
    if left is not None and file.original is not None and left.rstrip(b"\r\n") == file.original.rstrip(b"\r\n"):
        return file.original  # an editor ended the last line, or moved our block and with it the end of the file
    return left


def _target(folder: Path, name: str) -> Path:
    """Where the file really lies. Raises AgentFault where a link leads out of the folder."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise AgentFault("agent.link", f"{folder / name} leads out of {folder}: it is left alone")
    return target


def _read(folder: Path, name: str) -> bytes | None:
    target = _target(folder, name)
    if not target.exists():
        return None
    if not target.is_file():
        raise AgentFault("agent.not-a-file", f"{target} is no ordinary file: it is left alone")
    try:
        with target.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AgentFault("agent.file-unreadable", f"{target}: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise AgentFault("agent.file-too-large", f"{target} is larger than {_MOST_BYTES} bytes: it is left alone")
    return content


def _write(folder: Path, name: str, content: bytes | None) -> None:
    target = _target(folder, name)
    try:
        if content is None:
            target.unlink(missing_ok=True)
        else:
            replace_file(target, content)
    except OSError as error:
        raise AgentFault("agent.file-unwritable", f"{target}: {error.strerror}; nothing in it was changed") from error


def _missing(folder: Path, name: str) -> tuple[str, ...]:
    parents = [parent for parent in Path(name).parents if parent != Path()]
    return tuple(str(parent) for parent in parents if not (folder / parent).exists())


def _remove_folders(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        with suppress(OSError):  # somebody put something of theirs in it: it stays
            (folder / name).rmdir()


def _copy_aside(folder: Path, name: str, content: bytes) -> Path:
    try:
        return copy_aside(folder, name, content)
    except OSError as error:
        raise AgentFault("agent.no-room", f"{folder}: {error.strerror}; nothing was changed") from error
