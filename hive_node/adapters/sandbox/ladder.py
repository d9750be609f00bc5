"""Which sandbox runs the trials: the first rung that works here, found out by trying; without one, nothing is run."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from hive_node.adapters.sandbox import bubblewrap, landlock
from hive_node.ports.sandbox import RunOutcome, Sandbox, SandboxedCommand, SandboxReport, SandboxUnavailable

logger = logging.getLogger(__name__)

Backend = Literal["auto", "bubblewrap", "landlock"]

_ORDER: Final = (bubblewrap.BACKEND, landlock.BACKEND)


class Ladder:
    """Rungs, the better one first. The choice stands until the chosen one fails: an experiment is measured on one rung."""

    def __init__(self, rungs: Sequence[Sandbox]) -> None:
        self._rungs = tuple(rungs)
        self._chosen: Sandbox | None = None
        self._turn = asyncio.Lock()

    async def run(self, command: SandboxedCommand) -> RunOutcome:
        """See `Sandbox.run`. A rung that fails ends the run; the next run, or probe, looks again."""
        rung = await self._choose()
        try:
            return await rung.run(command)
        except SandboxUnavailable:
            self._chosen = None
            raise

    async def probe(self) -> SandboxReport:
        """See `Sandbox.probe`. Of the chosen rung; where that fails, or none is chosen, of the first that works."""
        if self._chosen is not None and (report := await self._chosen.probe()).works:
            return report
        async with self._turn:
            return await self._try_all()

    async def reports(self) -> list[SandboxReport]:
        """Of every rung, also of those that are not needed; in order."""
        return [await rung.probe() for rung in self._rungs]

    def resolve(self, name: str, workdir: Path) -> PurePosixPath:
        """See `Sandbox.resolve`: all rungs show the same programs."""
        return (self._chosen or self._rungs[0]).resolve(name, workdir)

    async def _choose(self) -> Sandbox:
        async with self._turn:
            if self._chosen is None and not (report := await self._try_all()).works:
                raise SandboxUnavailable("sandbox.unavailable", report.problem, report.remedy)
            assert self._chosen is not None  # noqa: S101 - for mypy: a report that works has chosen
            return self._chosen

    async def _try_all(self) -> SandboxReport:
        self._chosen = None
        failed: list[SandboxReport] = []
        for rung in self._rungs:
            report = await rung.probe()
            if report.works:
                self._chosen = rung
                reasons = {"instead_of": "; ".join(f"{each.backend}: {each.problem}" for each in failed)}
                logger.info("sandbox chosen", extra={"backend": report.backend} | (reasons if failed else {}))
                return report
            failed.append(report)
        return _none_of(failed)


def build(backend: Backend, toolchains: Sequence[Path], tools: Mapping[str, Path], private: Sequence[Path]) -> Ladder:
    """The ladder that the settings ask for: of both rungs, or of one. What the words mean: see `Visible`."""
    rungs: dict[str, Sandbox] = {
        bubblewrap.BACKEND: bubblewrap.BubblewrapSandbox(toolchains, tools, private),
        landlock.BACKEND: landlock.LandlockSandbox(toolchains, tools, private),
    }
    return Ladder([rungs[name] for name in _ORDER if backend in {"auto", name}])


def _none_of(failed: Sequence[SandboxReport]) -> SandboxReport:
    """The remedy is the first rung's: it is the better one."""
    first = failed[0]
    if len(failed) == 1:
        return first
    problem = "; ".join(f"{report.backend}: {report.problem}" for report in failed)
    return SandboxReport(first.backend, works=False, version=first.version, problem=problem, remedy=first.remedy)
