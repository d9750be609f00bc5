"""The user's own hive.toml: read as it is now, written whole or not at all, a copy of what was there kept in the node's home."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from hive_node.adapters.whole_files import copy_aside, replace_file
from hive_node.config.project import FILE
from hive_node.config.toml import MAX_BYTES
from hive_node.ports.advice import AdviceFault, SpecText

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpecOnDisk:
    """As SpecFiles. aside: where copies go."""

    aside: Path

    async def read(self, repository: Path) -> SpecText:
        """The hive.toml at the root of `repository`. Raises AdviceFault."""
        return await asyncio.to_thread(_read, repository)

    async def replace(self, now: SpecText, text: str, name: str) -> Path:
        """Write `text` in its place if it still is what was read; where the copy of it lies. Raises AdviceFault."""
        return await asyncio.to_thread(self._replace, now, text, name)

    def _replace(self, now: SpecText, text: str, name: str) -> Path:
        try:
            copy = copy_aside(self.aside, f"{name}-{FILE}", now.text.encode("utf-8"))
            if now.path.read_bytes() != now.text.encode("utf-8"):
                raise AdviceFault(
                    "advice.changed", f"{now.path} was changed this very moment: look at it, then try again"
                )
            replace_file(now.path, text.encode("utf-8"))
        except OSError as error:
            raise AdviceFault(
                "advice.file-unwritable", f"{now.path}: {error.strerror}; nothing in it was changed"
            ) from error
        logger.info("hive.toml changed as its user asked", extra={"file": str(now.path), "copy": str(copy)})
        return copy


def _read(repository: Path) -> SpecText:
    path = (repository / FILE).resolve()
    if not path.is_relative_to(repository.resolve()):
        raise AdviceFault("advice.link", f"{repository / FILE} leads out of the repository: it is left alone")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise AdviceFault("advice.file-unreadable", f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AdviceFault("advice.file-unreadable", f"{path} is not UTF-8 at byte {error.start}") from error
    if len(raw) > MAX_BYTES:
        raise AdviceFault("advice.file-unreadable", f"{path} is larger than {MAX_BYTES} bytes")
    return SpecText(path, text)
