"""A node, put together from its sides."""

from dataclasses import dataclass

from guardrails.constitution import Constitution, ConstitutionError
from hive_node.adapters.clock import SystemClock
from hive_node.adapters.keyfile import KeyFileError, load_key, load_token
from hive_node.adapters.llm import ModelDesk
from hive_node.adapters.loopback import user_of
from hive_node.adapters.peer_lines import PeerLines
from hive_node.adapters.scope_engine import guard_digest
from hive_node.adapters.store import Database, Retention
from hive_node.api.handlers import all_routes
from hive_node.api.parts import Parts
from hive_node.api.server import ApiServer
from hive_node.api.sessions import Sessions
from hive_node.app.advice import open_advice
from hive_node.app.agents import open_agents
from hive_node.app.code import CodeParts
from hive_node.app.federated import Federated
from hive_node.app.foundation import Foundation
from hive_node.app.skills import open_skills
from hive_node.config.build import build
from hive_node.config.home import Home
from hive_node.config.node import load_node_config
from hive_node.hive import Hive
from hive_node.improve.steps import Steps
from hive_node.learn.rejudging import Rejudging
from hive_node.ports import FatalError
from hive_node.supervision import Service, Supervisor


@dataclass(frozen=True, slots=True)
class Node:
    """A node, put together. Open one with `open_node`."""

    home: Home
    hive: Hive
    database: Database
    services: dict[str, Service]
    api: ApiServer
    steps: Steps
    supervisor: Supervisor
    models: ModelDesk

    async def close(self) -> None:
        """Let go of what outlives the services."""
        await self.steps.close_all()
        await self.models.close()
        await self.database.close()


async def open_node(home: Home) -> Node:
    """Put the node in `home` together; nothing runs yet. Raises FatalError, ConfigError."""
    config = load_node_config(home.config)
    try:
        key, token = load_key(home.key), load_token(home.token)
        rules = list(config.constitution.rule)
        constitution = Constitution.load({"rule": rules} if rules else None)
    except KeyFileError as error:
        raise FatalError(error.code, str(error)) from error
    except ConstitutionError as error:
        raise FatalError("constitution.unavailable", str(error)) from error
    database = await Database.open(home.database)
    try:
        ground = Foundation(home, config, key, token, constitution, database, SystemClock())
        return await NodeBuilder(ground).build()
    except BaseException:
        await database.close()
        raise


class NodeBuilder:
    """Makes each side of a node once, in the order in which they need one another."""

    def __init__(self, ground: Foundation) -> None:
        self.ground = ground
        self.federated = Federated(ground)
        self.code = CodeParts(ground, self.federated)
        self.agents = open_agents(ground, self.federated)
        self.advice = open_advice(ground, self.code)
        self.skills = open_skills(ground, self.federated, self.code.sandbox)
        self.sessions = Sessions(ground.clock, ground.chance)
        self.supervisor = Supervisor(ground.clock, ground.chance)

    async def build(self) -> Node:
        """The node, with what its store holds read."""
        await self.federated.restore()
        await self.ground.own.gather()
        ground, section = self.ground, self.ground.config.api
        port = section.port if section.tcp else None
        api = ApiServer(
            all_routes(self._parts()), ground.home.socket, ground.token, port, self.federated.doors, self.sessions
        )
        return Node(
            ground.home,
            ground.hive,
            ground.database,
            self._services(api),
            api,
            self.code.steps,
            self.supervisor,
            ground.models,
        )

    def _services(self, api: ApiServer) -> dict[str, Service]:
        ground, federated = self.ground, self.federated
        services: dict[str, Service] = {
            "api": api,
            "experiments": self.code.runner,
            "watches": self.code.watchman,
            "agents": self.agents,
            "skills": self.skills,
            "own": ground.own,
            "retention": Retention(ground.database, ground.journal, ground.clock, ground.config.retention),
            "engine": ground.engine,
            "rejudging": Rejudging(
                ground.feed, ground.guard, ground.hive, federated.memory, ground.journal, guard_digest()
            ),
        }
        if federated.federation is not None:
            services["federation"] = federated.federation
            services["joining"] = federated.waiting
        return services

    def _parts(self) -> Parts:
        ground, federated, code = self.ground, self.federated, self.code
        return Parts(
            name=ground.config.node.name,
            owner=ground.config.node.owner,
            hive=ground.hive,
            projects=code.projects,
            experiments=code.experiments,
            starting=code.starter,
            runner=code.runner,
            steps=code.steps,
            watchman=code.watchman,
            checker=code.checker,
            deltas=ground.feed,
            beliefs=federated.beliefs,
            suggest=federated.suggest,
            guard=ground.guard,
            constitution=ground.constitution,
            diary=ground.journal,
            membering=federated.members,
            chain=ground.charters,
            proposals=federated.proposals,
            waiting=federated.waiting,
            desk=federated.desk,
            peers=PeerLines(ground.hive, federated.network, ground.peers, ground.clock),
            agents=self.agents,
            advice=self.advice,
            skills=self.skills,
            clock=ground.clock,
            restarts=self.supervisor.restarts,
            doors=federated.doors,
            undiscovered=federated.undiscovered,
            sessions=self.sessions,
            caller_of=user_of,
            writes=lambda: ground.database.writes,
            build=build(),
            store_size=ground.database.size,
        )
