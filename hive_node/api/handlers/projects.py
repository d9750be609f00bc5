"""Projects: hand over, list, look at, let go; and what the hive believes of one."""

from pathlib import Path
from typing import Any

from hive_node.api.models import CheckProject, NewProject, Page, ProjectOut, Response
from hive_node.api.parts import Parts
from hive_node.api.routing import BadRequest, Call, Route
from hive_node.domain import Project
from protocol.wire import JsonValue


def routes(parts: Parts) -> list[Route]:
    """The endpoints of projects."""
    projects = _Projects(parts)
    return [
        Route("GET", "/v1/projects", "Projects, by id", projects.all, Page),
        Route("POST", "/v1/projects", "Hand a repository over", projects.add, ProjectOut, NewProject, 201),
        Route("GET", "/v1/projects/{id}", "One project", projects.get, ProjectOut),
        Route(
            "POST",
            "/v1/projects/{id}/check",
            "Read it again, and measure it against itself",
            projects.check,
            ProjectOut,
            CheckProject,
        ),
        Route("DELETE", "/v1/projects/{id}", "Let a project go; its branches stay", projects.remove, Response),
        Route("GET", "/v1/projects/{id}/view", "What the hive believes of it", projects.view, Response),
    ]


class _Projects:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def all(self, _call: Call) -> JsonValue:
        return {"items": [_tree(project) for project in await self._parts.projects.shelf.all()], "next": None}

    async def add(self, call: Call) -> JsonValue:
        path = Path(call.body.path)
        if not path.is_absolute():
            raise BadRequest("request.invalid", "`path`: write the repository's absolute path")
        added = await self._parts.projects.add(path)
        return {**_tree(added.project), "warnings": list(added.warnings)}

    async def get(self, call: Call) -> JsonValue:
        return _tree(await self._parts.projects.shelf.get(call.name("id")))

    async def check(self, call: Call) -> Any:
        wanted: CheckProject = call.body
        added = await self._parts.projects.refresh(call.name("id"))
        tree: dict[str, Any] = {**_tree(added.project), "warnings": list(added.warnings), "check": None}
        if not wanted.runs:
            return tree
        checked = await self._parts.checker.check(added.project, wanted.runs)
        return {**tree, "warnings": [*added.warnings, *checked.warnings], "check": checked.tree()}

    async def remove(self, call: Call) -> JsonValue:
        identity = call.name("id")
        running = [one.id for one in await self._parts.experiments.all(identity) if not one.is_over]
        if running:
            raise BadRequest(
                "project.busy", f"experiment {running[0]} is not over: `hive-node experiment stop {running[0]}` first"
            )
        await self._parts.projects.remove(identity)
        return {"removed": identity}

    async def view(self, call: Call) -> JsonValue:
        project = await self._parts.projects.shelf.get(call.name("id"))
        belief = self._parts.beliefs.belief(project.task)
        suggestions = await self._parts.suggest.suggestions(project.task)
        return {
            "project": project.id,
            "task": project.task,
            "belief": belief.tree() if belief else None,
            "suggestions": [
                {"recipe": one.id, "owner": one.owner, "lower": one.lower, "corroborated": one.is_corroborated}
                for one in suggestions
            ],
        }


def _tree(project: Project) -> dict[str, JsonValue]:
    return {
        "id": project.id,
        "path": str(project.path),
        "task": project.task,
        "metric": project.spec.metric.name,
        "direction": project.spec.metric.direction,
        "share": project.spec.share_level.value,
        "added_at": project.added_at.isoformat(),
    }
