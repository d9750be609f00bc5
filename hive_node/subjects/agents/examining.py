"""Whether an agent has what it needs: its files, read as it reads them, and word of its sessions."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hive_node.agents.session import Agent, Session
from hive_node.ports import Fault
from hive_node.ports.agents import AgentAdapter, Piece, PlacesFiles


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. fix: what a person can do; empty where all is well."""

    check: str
    state: Literal["ok", "warn", "fail"]
    found: str
    fix: str = ""


async def examine(
    agent: Agent,
    adapter: AgentAdapter,
    pieces: Sequence[Piece],
    placer: PlacesFiles,
    hook: str,
    latest: Sequence[Session],
) -> list[Finding]:
    """Every check that makes sense for this kind of agent."""
    findings = []
    if agent.folder is not None:
        findings += [
            _folder(agent.folder, adapter),
            *[await _file(agent.folder, piece, placer) for piece in pieces],
        ]
    if adapter.tells_sessions and agent.folder is not None:
        findings.append(_hook(hook))
    return [*findings, _sessions(adapter, latest)]


def _folder(folder: Path, adapter: AgentAdapter) -> Finding:
    if not folder.is_dir():
        return Finding("folder", "fail", f"{folder} is gone", "`agent forget`, and add it where it is now")
    if not adapter.detect(folder):
        return Finding("folder", "warn", f"{folder} shows no sign of {adapter.kind}", "was it used here already?")
    return Finding("folder", "ok", str(folder))


async def _file(folder: Path, piece: Piece, placer: PlacesFiles) -> Finding:
    try:
        is_well = await placer.is_in_place(folder, [piece])
    except Fault as fault:
        return Finding(piece.path, "fail", str(fault), "repair the file, or `agent forget` this agent")
    if not is_well:
        return Finding(
            piece.path,
            "fail",
            "it does not hold what it should",
            "restart the node: it puts it there again; `agent forget` takes it out for good",
        )
    return Finding(piece.path, "ok", "as the database says")


def _hook(hook: str) -> Finding:
    program = shlex.split(hook)[0]
    if not os.access(program, os.X_OK):
        return Finding("hook", "fail", f"{program} cannot be run", "install hive-node again, then restart the node")
    return Finding("hook", "ok", hook)


def _sessions(adapter: AgentAdapter, latest: Sequence[Session]) -> Finding:
    if latest:
        return Finding("sessions", "ok", f"the last was seen at {latest[0].seen_at:%Y-%m-%d %H:%M} UTC")
    fix = (
        "start a session; an agent that was running already reads its hooks at its next start"
        if adapter.tells_sessions
        else ""
    )
    return Finding("sessions", "warn", "none was seen yet", fix)
