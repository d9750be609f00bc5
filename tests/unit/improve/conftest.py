"""`improving(extra="")`: a project and a node's improve flow over it; `extra` is more of its hive.toml."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from guardrails.constitution import Constitution
from hive_node.adapters.store import Database
from hive_node.adapters.store.database import migrate
from tests.fakes.improving import SPEC, Improving


@pytest.fixture(scope="session")
def constitution() -> Constitution:
    return Constitution.load(None)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "hive.db"
    migrate(path)
    return path


@pytest.fixture
async def improving(
    tmp_path: Path, empty_database: Path, constitution: Constitution
) -> AsyncIterator[Callable[..., Awaitable[Improving]]]:
    opened: list[Database] = []

    async def make(extra: str = "", spec: str | None = None) -> Improving:
        folder = tmp_path / f"n{len(opened)}"
        folder.mkdir()
        shutil.copy(empty_database, folder / "hive.db")
        opened.append(await Database.open(folder / "hive.db"))
        return Improving(folder, opened[-1], constitution, spec or SPEC.format(extra=extra))

    yield make
    for database in opened:
        await database.close()
