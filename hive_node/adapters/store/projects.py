"""Projects as rows."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import delete, insert, select

from hive_node.adapters.store.database import Database
from hive_node.adapters.store.tables import projects
from hive_node.domain import Project
from hive_node.ports import NotFound

_PROJECT: Final = TypeAdapter(Project)


@dataclass(frozen=True, slots=True)
class ProjectStore:
    """The repositories that were handed over."""

    database: Database

    async def add(self, project: Project) -> None:
        """Write a new project. Raises StoreError where its id or path is taken."""
        row = {"id": project.id, "path": str(project.path), "document": _PROJECT.dump_python(project, mode="json")}
        async with self.database.write() as transaction:
            await transaction.execute(insert(projects).values(row))

    async def update(self, project: Project) -> None:
        """Write a project over what it was."""
        document = _PROJECT.dump_python(project, mode="json")
        async with self.database.write() as transaction:
            await transaction.execute(projects.update().where(projects.c.id == project.id).values(document=document))

    async def all(self) -> list[Project]:
        """Every project, by id."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(projects.c.document).order_by(projects.c.id))
            return [_PROJECT.validate_python(document, strict=False) for (document,) in rows]

    async def get(self, identity: str) -> Project:
        """The project of that id. Raises NotFound."""
        async with self.database.read() as connection:
            query = select(projects.c.document).where(projects.c.id == identity)
            document = (await connection.execute(query)).scalar_one_or_none()
        if document is None:
            raise NotFound("project.unknown", f"there is no project {identity!r}: `hive-node project list` shows them")
        return _PROJECT.validate_python(document, strict=False)

    async def remove(self, identity: str) -> None:
        """Forget a project; its experiments stay as history."""
        async with self.database.write() as transaction:
            await transaction.execute(delete(projects).where(projects.c.id == identity))
