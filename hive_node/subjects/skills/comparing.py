"""Is a mutation better than what it came from? Both are run side by side, on the same cases, on the machine as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from guardrails.verdict import Rejected
from hive_node.ports.skills import SkillShelf
from hive_node.skills.case import Case
from hive_node.skills.engine import Trials
from hive_node.skills.fitness import Fitness, Measures, Score, is_better
from hive_node.skills.skill import Tried, Version

# The start of a process takes some hundredths of a second more or less: each is run so often, in turn, and its quickest run counts.
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """By the fitness that config.toml names."""

    shelf: SkillShelf
    trials: Trials
    fitness: Fitness

    async def why_no_better(self, version: Version, cases: Sequence[Case]) -> Rejected | None:
        """Why the mutation takes nobody's place; None where it may. Raises SandboxFault."""
        parent = next(one for one in await self.shelf.versions(version.skill) if one.number == version.parent)
        tried = [(await self._tried(parent, cases), await self._tried(version, cases)) for _ in range(_ROUNDS)]
        old = self._score(parent, [one for one, _ in tried])
        new = self._score(version, [one for _, one in tried])
        if is_better(new, old):
            return None
        return Rejected(
            "skill.mutation.not-better",
            f"version {version.number} is not better than version {parent.number} as a whole, or worse in something",
            {"old": old.value, "new": new.value},
        )

    async def _tried(self, version: Version, cases: Sequence[Case]) -> Tried:
        return await self.trials.validate(version.source, cases)

    def _score(self, version: Version, tried: Sequence[Tried]) -> Score:
        """Of what was measured now, the same way for both; what was told of the parent's calls, nobody told of the mutation's."""
        return self.fitness.score(
            Measures(seconds=[min(one.seconds for one in tried)], accuracy=[min(one.accuracy for one in tried)])
        )
