"""A process for somebody's code: one request at a time, as lines of JSON. It is killed where it hangs, and started again when needed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from hive_node.ports.skills import SkillFault

# An event of 4 MiB as JSON, escaped at worst. The reader's own limit counts the line.
_LINE_BYTES: Final = 32 * 1024 * 1024
Answering = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class WorkerFault(SkillFault):
    """Somebody's code did not do it: it raised, hung, or its process ended."""


@dataclass(slots=True)
class Worker:
    """arguments: of the Python that runs it. It is started by the first request, inherits the node's standard error, and ends with the node."""

    arguments: Sequence[str]
    _process: asyncio.subprocess.Process | None = field(default=None)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, request: dict[str, Any], within_s: float, answering: Answering | None = None) -> Any:
        """The answer to one request. answering: what the code may ask back in the meantime. Raises WorkerFault.

        Cancelled or out of time, the process is gone when this returns: nothing goes on behind anybody's back.
        """
        async with self._turn:
            is_done = False
            try:
                async with asyncio.timeout(within_s):
                    answer = await self._exchange(request, answering)
                    is_done = True
            except TimeoutError:
                raise WorkerFault("worker.timed-out", f"it took more than {within_s:g} s, and was killed") from None
            finally:
                if not is_done:
                    await self.close()
        if "error" in answer:
            raise WorkerFault("worker.raised", str(answer["error"]))
        return answer.get("result")

    async def close(self) -> None:
        """Kill the process and what it started, where there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            # The group, with what it started. Not `kill()`: that reaps by itself, behind the event loop's back.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _exchange(self, request: dict[str, Any], answering: Answering | None) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None  # noqa: S101 - for mypy: all three are pipes
        assert process.stdout is not None  # noqa: S101
        line = request
        while True:
            try:
                process.stdin.write(json.dumps(line).encode() + b"\n")
                await process.stdin.drain()
                said = await process.stdout.readline()
                answer = json.loads(said) if said else None
            except (OSError, ValueError) as error:
                raise WorkerFault(
                    "worker.broken", f"its process cannot be talked to ({type(error).__name__})"
                ) from error
            if not isinstance(answer, dict):
                raise WorkerFault("worker.ended", "its process ended before it was done")
            if "ask" not in answer or answering is None:
                return answer
            line = await answering(answer["ask"])

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is not None:
            await self.close()
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
                env={**os.environ},
                start_new_session=True,
            )
        return self._process
