"""`llm`: one idea of a language model, as edits that match exactly once, or none. Its text is a stranger's: read strictly."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from guardrails.constitution.globs import matches
from hive_node.config.project import SurfaceSection
from hive_node.domain import Files
from hive_node.operators.prompting import make_prompt, repair
from hive_node.operators.purse import Purse
from hive_node.operators.replies import Reply, Unfit, fit, parse_reply
from hive_node.ports import (
    Answer,
    Chance,
    Draft,
    Ending,
    ModelFault,
    Prompt,
    Situation,
    Suggester,
)

logger = logging.getLogger(__name__)

# Each is a question and, where its answer does not fit, one repair: after so many without an idea more of the same is wasted.
_ATTEMPTS: Final = 3
_NONCE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why an attempt came to nothing."""

    code: str
    words: str


_CUT_OFF: Final = _Problem(
    "model.cut-off",
    "the model's answers do not end within [model] max_output_tokens: raise it in config.toml, or make fewer files editable",
)
_REFUSED: Final = _Problem(
    "model.refused",
    "the model declines to work on this project: look at its files, or name another model in config.toml",
)
_NONSENSE: Final = _Problem(
    "model.nonsense",
    "the model gives no edits that can be applied: name a more capable one under [model] in config.toml",
)


@dataclass(frozen=True, slots=True)
class Llm:
    """The operator over a language model."""

    purse: Purse
    suggester: Suggester
    chance: Chance
    name: str = "llm"

    async def draft(self, situation: Situation) -> Draft | None:
        """The model's next idea; never None. Raises OverBudget, ModelFault where it has none."""
        suggestions = await self.suggester.suggestions(situation.experiment.task)
        prompt = make_prompt(situation, suggestions, self.chance.token_bytes(_NONCE_BYTES).hex())
        problem = _NONSENSE
        for _ in range(_ATTEMPTS):
            found = await self._attempt(prompt, situation)
            if isinstance(found, Draft):
                return found
            problem = found
        raise ModelFault(problem.code, problem.words)

    async def _attempt(self, prompt: Prompt, situation: Situation) -> Draft | _Problem:
        """One question, and one repair of an answer that does not fit."""
        answer = await self._ask(prompt, situation)
        drafted = _read(answer, situation)
        if not isinstance(drafted, Unfit):
            return drafted
        logger.info(
            "reply does not fit", extra={"experiment": situation.experiment.id}
        )  # why, is in the model's own words
        if not answer.text.strip():
            return _NONSENSE
        again = Prompt(prompt.system, prompt.material, prompt.question, [(answer.text, repair(drafted.reason))])
        repaired = _read(await self._ask(again, situation), situation)
        return _NONSENSE if isinstance(repaired, Unfit) else repaired

    async def _ask(self, prompt: Prompt, situation: Situation) -> Answer:
        experiment = situation.experiment
        return await self.purse.ask(experiment.id, experiment.iteration + 1, prompt)


def _read(answer: Answer, situation: Situation) -> Draft | _Problem | Unfit:
    """What an answer comes to: an idea; a state that asking once more may end; or why its text is none."""
    match answer.ending:
        case Ending.CUT_OFF:
            return _CUT_OFF
        case Ending.REFUSED:
            return _REFUSED
        case Ending.DONE:
            pass
    reply = parse_reply(answer.text)
    if isinstance(reply, Unfit):
        return reply
    surface = situation.experiment.spec.surface
    files: Mapping[str, str] | Unfit = _overreach(reply, situation.champion, surface) or fit(reply, situation.champion)
    return files if isinstance(files, Unfit) else Draft("llm", reply.words, files)


def _overreach(reply: Reply, champion: Files, surface: SurfaceSection) -> dict[str, str]:
    """What the reply would write outside the surface; nothing for an honest one.

    Drafted as it came, so that the constitution's *no* stands in the ledger with its rule, and the model reads it there.
    """
    paths = {edit.path: edit.replace for edit in reply.edits if edit.path not in champion}
    return {path: text for path, text in paths.items() if not _is_editable(path, surface)}


def _is_editable(path: str, surface: SurfaceSection) -> bool:
    is_inside = any(matches(glob, path) for glob in surface.editable)
    return is_inside and not any(matches(glob, path) for glob in surface.protected)
