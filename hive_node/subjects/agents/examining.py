"""Whether an agent has what it needs: its files, read as it reads them, and word of its sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hive_node.agents.session import Agent, Session
from hive_node.domain import Finding
from hive_node.ports import Fault
from hive_node.ports.agents import AgentAdapter, Piece, PlacesFiles, TriesHook

# A hook never holds its agent up for longer.
HOOK_PROMISE_S: Final = 2.0


async def examine(
    agent: Agent,
    adapter: AgentAdapter,
    pieces: Sequence[Piece],
    placer: PlacesFiles,
    hook: TriesHook,
    latest: Sequence[Session],
) -> list[Finding]:
    """Every check that makes sense for this kind of agent."""
    if agent.folder is None:
        return [_sessions(adapter, latest)]
    if not agent.folder.is_dir():
        return [Finding("folder", "fail", f"{agent.folder} is gone", "`agent forget`, and add it where it is now")]
    findings = [_folder(agent.folder, adapter), *[await _file(agent.folder, piece, placer) for piece in pieces]]
    if adapter.tells_sessions:
        findings.append(await _hook(hook, agent.folder))
    return [*findings, _sessions(adapter, latest)]


def _folder(folder: Path, adapter: AgentAdapter) -> Finding:
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


async def _hook(hook: TriesHook, folder: Path) -> Finding:
    tried = await hook.try_in(folder)
    if tried.problem is not None:
        fix = "`agent-hook.log` in the node's home says more; else install hive-node again, then restart the node"
        return Finding("hook", "fail", f"{hook.command}: {tried.problem}", fix)
    if tried.took_s > HOOK_PROMISE_S:
        fix = "the agent waits that long at each session's start: this machine is busy, or its disk slow"
        return Finding("hook", "warn", f"it answers, after {tried.took_s:.1f} s", fix)
    return Finding("hook", "ok", f"it answers within {1000 * tried.took_s:.0f} ms: {hook.command}")


def _sessions(adapter: AgentAdapter, latest: Sequence[Session]) -> Finding:
    if latest:
        return Finding("sessions", "ok", f"the last was seen at {latest[0].seen_at:%Y-%m-%d %H:%M} UTC")
    fix = (
        "start a session; an agent that was running already reads its hooks at its next start"
        if adapter.tells_sessions
        else ""
    )
    return Finding("sessions", "warn", "none was seen yet", fix)
