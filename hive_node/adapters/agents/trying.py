"""The hook, tried as an agent runs it: by a shell, in the agent's folder, with JSON on standard input."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hive_node.ports import Chance, Clock
from hive_node.ports.agents import HookTrial

# As long as Claude Code waits for a hook of ours; what it had not said by then it never says.
_LIMIT_S: Final = 5.0
_SAID_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class HookTrier:
    """command: the hook's command line without the event, as a shell reads it. limit_s: how long it is waited for."""

    command: str
    clock: Clock
    chance: Chance
    limit_s: float = _LIMIT_S

    async def try_in(self, folder: Path) -> HookTrial:
        """Let it ask this very daemon. The event is one that no agent knows: no session comes of it."""
        word = f"doctor-{self.chance.token_bytes(8).hex()}"
        began = self.clock.monotonic()
        problem = await self._problem(folder, word)
        return HookTrial(self.clock.monotonic() - began, problem)

    async def _problem(self, folder: Path, word: str) -> str | None:
        pipe = asyncio.subprocess.PIPE
        told = json.dumps({"session_id": word, "cwd": str(folder), "hook_event_name": "Check"}).encode()
        try:
            process = await asyncio.create_subprocess_shell(
                f"{self.command} agent hook Check",
                stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        try:
            async with asyncio.timeout(self.limit_s):
                said, complaint = await process.communicate(told)
        except TimeoutError:
            return f"it did not end within {self.limit_s:.0f} s"
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            return f"it ended with exit code {process.returncode}: {_in_short(complaint)}"
        return None if _has_told(said, word) else f"what it printed is no answer to an agent: {_in_short(said)}"


def _has_told(said: bytes, word: str) -> bool:
    """Whether an agent would read exactly these words of ours."""
    try:
        answer = json.loads(said)["hookSpecificOutput"]
        return answer["hookEventName"] == "SessionStart" and str(answer["additionalContext"]).strip() == word
    except (ValueError, KeyError, TypeError):
        return False


def _in_short(output: bytes) -> str:
    text = " ".join(output.decode("utf-8", "replace").split())
    return text[-_SAID_CHARS:] if text else "nothing"
