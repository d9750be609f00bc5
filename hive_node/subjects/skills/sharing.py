"""What the hive is told of a promoted skill, where the user shares skills; it goes through the scope guard as every delta does."""

from dataclasses import dataclass

from hive_node.ports import News, Publisher
from hive_node.ports.skills import SkillShelf
from hive_node.skills.case import Case
from hive_node.skills.skill import Version
from protocol.deltas import Measured, ShareLevel, Skill
from protocol.limits import EDIT_CHARS, LIST_ITEMS
from protocol.wire import dump_json


@dataclass(frozen=True, slots=True)
class SkillNews:
    """level: from config.toml; `none` unless the user wrote another."""

    publisher: Publisher
    shelf: SkillShelf
    level: ShareLevel

    async def tell(self, version: Version) -> None:
        """Once for ever of each version. A received one is its author's to tell of, and is not told again."""
        if self.level is ShareLevel.NONE or version.entry is not None or version.tried is None:
            return
        cases = [case_text(case) for case in await self.shelf.cases(version.skill)]
        body = Skill(
            name=version.skill,
            source=version.source,
            cases=tuple(text for text in cases if len(text) <= EDIT_CHARS)[:LIST_ITEMS],
            evidence=Measured(pairs=version.tried.cases, gain=version.tried.accuracy, lower=0.0),
        )
        purpose = f"skill {version.scope.digest[:16]} {version.skill} {version.number}"
        await self.publisher.publish(News(purpose, body, self.level))


def case_text(case: Case) -> str:
    """A case as a delta carries it."""
    return dump_json({"input": case.given, "expected": case.expected}).decode("utf-8")
