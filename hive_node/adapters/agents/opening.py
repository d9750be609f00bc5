"""The service for coding agents, put together."""

import asyncio
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from guardrails.constitution import Constitution
from hive_node.adapters.agents.kinds import all_adapters
from hive_node.adapters.agents.placing import Placer
from hive_node.adapters.store import AgentStore
from hive_node.config.home import Home
from hive_node.ports import Chance, Clock, Publisher
from hive_node.ports.agents import Rewriter
from hive_node.subjects.agents.attendance import Attendance
from hive_node.subjects.agents.contests import Contests, Prior
from hive_node.subjects.agents.service import AgentService
from hive_node.subjects.agents.sharing import AgentNews


def open_agents(
    home: Home,
    shelf: AgentStore,
    clock: Clock,
    chance: Chance,
    publisher: Publisher,
    prior: Prior,
    rewriter: Rewriter,
    constitution: Constitution,
    halt: Callable[[], str | None],
) -> AgentService:
    """The service; nothing runs yet."""
    noticed, adapters = asyncio.Event(), all_adapters()
    attendance = Attendance(shelf, adapters, clock, chance, noticed.set)
    return AgentService(
        shelf=shelf,
        adapters=adapters,
        attendance=attendance,
        contests=Contests(shelf, adapters, attendance, rewriter, prior, constitution, halt, clock),
        placer=Placer(shelf, home.kept),
        news=AgentNews(publisher),
        clock=clock,
        chance=chance,
        hook=hook_command(home),
        noticed=noticed,
    )


def hook_command(home: Home) -> str:
    """The command line that agents call, as a shell reads it; without the event."""
    script = Path(sys.executable).with_name("hive-node")
    command = [str(script)] if script.is_file() else [sys.executable, "-m", "hive_node"]
    return shlex.join([*command, "--home", str(home.root)])
