"""The side of the node that improves the configurations of coding agents."""

import asyncio
import shlex
import sys
from pathlib import Path

from hive_node.adapters.agents.kinds import all_adapters
from hive_node.adapters.agents.placing import Placer
from hive_node.adapters.agents.trying import HookTrier
from hive_node.adapters.llm.rewriting import ModelRewriter
from hive_node.adapters.store import AgentStore
from hive_node.app.federated import Federated
from hive_node.app.foundation import Foundation
from hive_node.config.home import Home
from hive_node.learn.axes import HiveAxes
from hive_node.subjects.agents.attendance import Attendance
from hive_node.subjects.agents.contests import Contests
from hive_node.subjects.agents.service import AgentService
from hive_node.subjects.agents.sharing import AgentNews


def open_agents(ground: Foundation, federated: Federated) -> AgentService:
    """The service; nothing runs yet."""
    noticed, adapters = asyncio.Event(), all_adapters()
    shelf, clock, chance = AgentStore(ground.database, ground.journal), ground.clock, ground.chance
    attendance = Attendance(shelf, adapters, clock, chance, noticed.set)
    rewriter = ModelRewriter(ground.models, ground.model)
    prior = HiveAxes(ground.hive, federated.beliefs, ground.feed)
    halt, rules = ground.why_halted, ground.constitution
    return AgentService(
        shelf=shelf,
        adapters=adapters,
        attendance=attendance,
        contests=Contests(shelf, adapters, attendance, rewriter, prior, rules, halt, clock, chance),
        placer=Placer(shelf, ground.home.kept),
        news=AgentNews(federated.share),
        clock=clock,
        chance=chance,
        hook=HookTrier(hook_command(ground.home), clock, chance),
        noticed=noticed,
    )


def hook_command(home: Home) -> str:
    """The command line that agents call, as a shell reads it; without the event."""
    script = Path(sys.executable).with_name("hive-node")
    command = [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "hive_node"]
    return shlex.join([*command, "--home", str(home.root)])
