"""The composition root: the one place where adapters meet the flows, and where a home becomes a running node."""

import asyncio
import fcntl
import logging
import os
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from guardrails.constitution import Constitution, ConstitutionError
from guardrails.scope import LocalFacts, ScopeGuard
from hive_node.adapters.agents.opening import open_agents
from hive_node.adapters.clock import SystemChance, SystemClock
from hive_node.adapters.dictionary.keeping import OwnFacts
from hive_node.adapters.federation import Federation, static_peers
from hive_node.adapters.git import GitRepository
from hive_node.adapters.join_desk import JoinDesk
from hive_node.adapters.keyfile import KeyFileError, NodeKey, load_key, load_token
from hive_node.adapters.llm import ModelDesk
from hive_node.adapters.llm.rewriting import ModelRewriter
from hive_node.adapters.llm.scanned import ScannedModel
from hive_node.adapters.machine import Machine
from hive_node.adapters.membering import LOCAL_HALT, Members
from hive_node.adapters.memory import settle
from hive_node.adapters.network import Network
from hive_node.adapters.peer_client import PeerClient
from hive_node.adapters.peer_lines import PeerLines
from hive_node.adapters.peer_server import PeerServer
from hive_node.adapters.sandbox import build as build_sandbox
from hive_node.adapters.sandbox.orphans import end_orphans
from hive_node.adapters.sayable import Sayable
from hive_node.adapters.scope_engine import guard_digest, load_engine
from hive_node.adapters.store import (
    AgentStore,
    CallStore,
    CharterStore,
    Database,
    ExperimentStore,
    FeedStore,
    Journal,
    PeerStore,
    ProjectStore,
)
from hive_node.adapters.unprotected import Unprotected
from hive_node.adapters.waiting import WaitingRoom
from hive_node.api.handlers import all_routes
from hive_node.api.parts import Parts
from hive_node.api.server import ApiServer
from hive_node.config.home import Home, pattern_cache
from hive_node.config.node import NodeConfig, load_node_config
from hive_node.config.project import ProjectSpec
from hive_node.domain import Experiment, Project
from hive_node.hive import Hive
from hive_node.improve.budget import budget_of
from hive_node.improve.checking import Checker
from hive_node.improve.runner import Runner
from hive_node.improve.starting import Starter
from hive_node.improve.steps import Steps
from hive_node.improve.watch import Watchman
from hive_node.improve.workshop import Workshop
from hive_node.learn.aggregate import Beliefs
from hive_node.learn.axes import HiveAxes
from hive_node.learn.charters import CharterReader
from hive_node.learn.memory import Memory
from hive_node.learn.pipeline import Learn
from hive_node.learn.rejudging import Rejudging
from hive_node.learn.standing import Crediting, restore_standings
from hive_node.learn.suggest import Suggest
from hive_node.operators.auto import Auto
from hive_node.operators.combine import Combine
from hive_node.operators.controlled import Controlled
from hive_node.operators.llm import Llm
from hive_node.operators.purse import Purse
from hive_node.operators.recipe import FromRecipes
from hive_node.operators.tune import Tune
from hive_node.ports import FatalError, LanguageModel, ModelFault, Operator, RunLimits, Sandbox
from hive_node.share.charters import CharterOffice
from hive_node.share.pipeline import Share
from hive_node.share.proposals import ProposalDesk
from hive_node.share.upkeep import Upkeep
from hive_node.subjects.code import CodeSubject
from hive_node.subjects.evaluator import read_evaluator
from hive_node.subjects.projects import Projects
from hive_node.supervision import Service, Supervisor
from protocol.errors import RemoteProtocolError
from protocol.ids import NodeId
from protocol.verification import Membership

logger = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024
_SCOPE_KEY_BYTES: Final = 32


def environment_class() -> str:
    """The kind of machine a measurement was made on; figures of different kinds are not compared."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{sys.platform}-{platform.machine()}-cpython{version}"


@dataclass(frozen=True, slots=True)
class Node:
    """A node, put together. Open one with `open_node`."""

    home: Home
    hive: Hive
    database: Database
    services: Mapping[str, Service]
    api: ApiServer
    steps: Steps
    supervisor: Supervisor
    models: ModelDesk

    async def close(self) -> None:
        """Let go of what outlives the services."""
        await self.steps.close_all()
        await self.models.close()
        await self.database.close()


async def run_node(home: Home) -> None:
    """Run the node in `home` until SIGTERM or SIGINT. Raises FatalError, ConfigError."""
    lock = lock_home(home)
    try:
        await asyncio.to_thread(end_orphans, home.worktrees)
        node = await open_node(home)
        settle()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await node.supervisor.run(
                node.services, stop, lambda: logger.info("running", extra={"node": node.hive.node})
            )
        finally:
            await node.close()
    finally:
        os.close(lock)


def lock_home(home: Home) -> int:
    """Take the home for this process. Raises FatalError where there is no node in it, or another daemon runs it."""
    if not home.config.is_file():
        raise FatalError("home.none", f"{home.root} holds no node: `hive-node init` makes one")
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise FatalError(
            "home.running", f"another hive-node runs in {home.root}: stop it first, or use another --home"
        ) from error
    return descriptor


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
        return await _Builder(home, config, key, token, constitution, database).build()
    except BaseException:
        await database.close()
        raise


class _Builder:
    """Makes each part once, in the order in which they need one another."""

    def __init__(
        self,
        home: Home,
        config: NodeConfig,
        key: NodeKey,
        token: str,
        constitution: Constitution,
        database: Database,
    ) -> None:
        self.home = home
        self.config = config
        self.key = key
        self.token = token
        self.constitution = constitution
        self.database = database
        self.clock = SystemClock()
        self.chance = SystemChance()
        self.journal = Journal(database, self.clock)
        self.experiments = ExperimentStore(database, self.journal)
        self.calls = CallStore(database, self.journal)
        self.models = ModelDesk(config.model)
        self.feed = FeedStore(database, self.journal)
        self.charters = CharterStore(database, self.journal)
        self.peers = PeerStore(database, self.clock)
        self.hive = Hive(key.node_id, rules=constitution.digest)
        # Nothing is judged before `_restore` gathered what this machine is.
        self.guard = ScopeGuard(
            load_engine(pattern_cache()), LocalFacts.of([], self.chance.token_bytes(_SCOPE_KEY_BYTES))
        )
        kept = (home.key, home.token)
        self.own = OwnFacts(self.guard, self._repositories, os.environ, Path.home(), kept, self.clock, self.chance)
        self.beliefs = Beliefs(self.hive)
        self.sandbox = self._sandbox()
        self.trials_at_once = asyncio.Semaphore(config.limits.trials_at_once)
        limits = config.limits
        self.machine = Machine(limits.on_battery, limits.busy_share, self.clock.monotonic)
        self.projects = Projects(ProjectStore(database), GitRepository.open, self.sandbox, self.clock, self.own.gather)
        self.doors: dict[str, str] = {}
        self.federation: Federation | None = None
        self.network: Network | None = None

    async def build(self) -> Node:
        """The node."""
        self._build_flows()
        await self._restore()
        supervisor = Supervisor(self.clock, self.chance)
        workshop = self._open_workshop
        runner = Runner(
            self.experiments, workshop, self.share, environment_class(), self.clock, self.trials_at_once, self.machine
        )
        watchman = Watchman(self.experiments, workshop, self.clock, self.trials_at_once, self.machine, self.beliefs)
        steps = Steps(self.experiments, workshop, self.trials_at_once)
        agents = open_agents(
            self.home,
            AgentStore(self.database, self.journal),
            self.clock,
            self.chance,
            self.share,
            HiveAxes(self.hive, self.beliefs, self.feed),
            ModelRewriter(self.models, self._model),
            self.constitution,
            lambda: self.hive.why_halted(self.clock.now()),
        )
        parts = Parts(
            name=self.config.node.name,
            owner=self.config.node.owner,
            hive=self.hive,
            projects=self.projects,
            experiments=self.experiments,
            starting=Starter(
                self.experiments, GitRepository.open, self.sandbox, self.clock, self.chance, self._check_operator
            ),
            runner=runner,
            steps=steps,
            watchman=watchman,
            checker=Checker(self._open_for_check, self.trials_at_once),
            deltas=self.feed,
            beliefs=self.beliefs,
            suggest=self.suggest,
            guard=self.guard,
            constitution=self.constitution,
            diary=self.journal,
            membering=self._members(),
            chain=self.charters,
            proposals=self.proposals,
            waiting=self.waiting,
            desk=self.desk,
            peers=PeerLines(self.hive, self.network, self.peers, self.clock),
            agents=agents,
            clock=self.clock,
            restarts=supervisor.restarts,
            doors=self.doors,
            undiscovered=lambda: self.federation.undiscovered if self.federation else None,
            writes=lambda: self.database.writes,
        )
        api_port = self.config.api.port if self.config.api.tcp else None
        api = ApiServer(all_routes(parts), self.home.socket, self.token, api_port, self.doors)
        rejudging = Rejudging(self.feed, self.guard, self.hive, self.memory, self.journal, guard_digest())
        services: dict[str, Service] = {
            "api": api,
            "experiments": runner,
            "watches": watchman,
            "agents": agents,
            "own": self.own,
            "rejudging": rejudging,
        }
        if self.federation is not None:
            services["federation"] = self.federation
            services["joining"] = self.waiting
        return Node(self.home, self.hive, self.database, services, api, steps, supervisor, self.models)

    def _build_flows(self) -> None:
        spreader = _Spreader()
        self.memory = Memory(self.hive, self.feed, self.beliefs)
        self.share = Share(
            self.hive,
            self.feed,
            self.guard,
            self.key,
            spreader,
            self.journal,
            self.clock,
            self.beliefs.add_own,
            self.memory.catch_up,
            self.own.refresh,
        )
        self.learn = Learn(
            self.hive,
            self.feed,
            self.guard,
            self.beliefs,
            spreader,
            self.journal,
            self.clock,
            self.share,
            self.memory.catch_up,
        )
        self.crediting = Crediting(self.share, self.hive, self.beliefs, self.journal, self.clock)
        self.suggest = Suggest(self.hive, self.beliefs, self.feed)
        self.reader = CharterReader(self.hive, self.charters, self._charter_changed, self.memory.restore)
        self.office = CharterOffice(
            self.hive, self.charters, self.key, self.clock, self._charter_changed, self.memory.restore
        )
        self.upkeep = Upkeep(self.hive, self.charters, self.office, self.journal, self.clock)
        self.proposals = ProposalDesk(self.hive, self.charters, self.key, self.clock, self.office.issuer)
        self.waiting = WaitingRoom(
            self.hive, self.journal, self.clock, self.chance, lambda token, again: self._members().join(token, again)
        )
        self.desk = JoinDesk(self.hive, self.office, self.charters, self.peers, self.key, self.clock, self.chance)
        if self.config.federation is not None:
            self.network = Network(
                self.hive,
                self.feed,
                self.learn,
                self.reader,
                self._client,
                self.peers,
                self.clock,
                self.chance,
                static_peers(self.config.federation),
                self.proposals,
            )
            self.federation = Federation(
                self.config.federation,
                self.hive,
                self.key,
                PeerServer(
                    self.hive, self.feed, self.charters, self.learn, self.clock, self.network.contacted, self.proposals
                ),
                self.network,
                self.desk,
                self.upkeep,
                self.clock,
                self.chance,
                self.doors,
            )
            spreader.network = self.network

    async def _restore(self) -> None:
        try:
            await self.reader.restore()
        except RemoteProtocolError as error:
            raise FatalError(
                "store.charter", f"{self.home.database}: the stored charter does not verify ({error.code})"
            ) from error
        halt = await self.journal.recall(LOCAL_HALT)
        self.hive.local_halt = str(halt) if halt else None
        await restore_standings(self.hive, self.journal)
        await self.memory.restore()
        await self.own.gather()

    def _members(self) -> Members:
        return Members(
            config=self.config,
            hive=self.hive,
            key=self.key,
            constitution=self.constitution.digest,
            office=self.office,
            proposals=self.proposals,
            reader=self.reader,
            desk=self.desk,
            federation=self.federation,
            feed=self.feed,
            peers=self.peers,
            journal=self.journal,
            clock=self.clock,
            sayable=Sayable(self.guard, self.own.refresh),
            left=self._left,
        )

    def _sandbox(self) -> Sandbox:
        backend = self.config.sandbox.backend
        if backend == "none":
            logger.warning("trials run UNPROTECTED: sandbox.backend is none in config.toml")
            return Unprotected()
        tools = {name: Path(path) for name, path in self.config.sandbox.tools.items()}
        toolchains = [Path(path).expanduser() for path in self.config.sandbox.toolchains]
        return build_sandbox(backend, toolchains, tools, private=(self.home.root,))

    async def _open_for_check(self, project: Project) -> CodeSubject:
        repository = await GitRepository.open(project.path)
        head = await repository.head()
        subject = await self._subject(repository, project.spec, head, f"{project.id}-check")
        await subject.open(head, head)
        return subject

    async def _subject(self, repository: GitRepository, spec: ProjectSpec, base: str, name: str) -> CodeSubject:
        evaluator = await read_evaluator(repository, spec, base)
        trees = self.home.worktrees / name
        return CodeSubject(repository, self.sandbox, spec, evaluator, self._limits(), trees, environment_class())

    async def _open_workshop(self, experiment: Experiment) -> Workshop:
        project = await self.projects.shelf.get(experiment.project)
        repository = await GitRepository.open(project.path)
        subject = await self._subject(repository, experiment.spec, experiment.base, experiment.id)
        operator = await self._operator(experiment)
        await subject.open(experiment.base, experiment.champion)
        return Workshop(
            ledger=self.experiments,
            subject=subject,
            operator=operator,
            constitution=self.constitution,
            publisher=self.crediting,
            clock=self.clock,
            chance=self.chance,
            halt=lambda: self.hive.why_halted(self.clock.now()),
        )

    async def _operator(self, experiment: Experiment) -> Operator:
        # New for each run of an experiment: what they remember of its ledger goes with it.
        recipe, tune, combine = FromRecipes(self.suggest), Tune(), Combine(self.experiments)
        match experiment.operator:
            case "tune":
                return tune
            case "recipe":
                return recipe
            case "combine":
                return combine
            case "llm":
                return Controlled(await self._llm(experiment), tune)
            case "auto":
                others = await self._llm_if_any(experiment)
                return Auto((recipe, tune, combine, *others), (self.experiments, self.suggest))
            case _:  # driven step by step: nobody is asked
                return Auto(())

    async def _llm(self, experiment: Experiment) -> Operator:
        caps, most = budget_of(experiment), self.models.most_output()
        purse = Purse(await self._model(), self.calls, self.models.price(), caps, self.clock, most)
        return Llm(purse, self.suggest, self.chance)

    async def _model(self) -> LanguageModel:
        """The model; one that is somewhere else is told nothing that the scope guard would not let leave."""
        model = await self.models.model()
        return model if self.models.is_local else ScannedModel(model, self.guard, self.own.refresh)

    async def _llm_if_any(self, experiment: Experiment) -> list[Operator]:
        """The language model, where there is one and this project may pay for it."""
        try:
            await self.models.check(experiment.spec)
            return [await self._llm(experiment)]
        except ModelFault as fault:
            logger.debug("no language model", extra={"experiment": experiment.id, "code": fault.code})
            return []

    async def _check_operator(self, name: str, spec: ProjectSpec) -> None:
        if name == "llm":
            await self.models.check(spec)

    def _limits(self) -> RunLimits:
        limits = self.config.limits
        return RunLimits(
            wall_s=1.0,  # each step's own takes its place
            cpu_s=1.0,
            memory_bytes=limits.memory_mib * _MIB,
            processes=limits.processes,
            file_bytes=limits.file_mib * _MIB,
            output_bytes=limits.output_kib * 1024,
        )

    def _charter_changed(self, membership: Membership) -> None:
        self.beliefs.recount()
        if self.federation is not None:
            self.federation.charter_changed(membership)

    def _left(self) -> None:
        self.beliefs.clear()
        if self.network is not None:
            self.network.forget()
        if self.federation is not None:
            self.federation.left()

    async def _repositories(self) -> list[Path]:
        return [project.path for project in await self.projects.shelf.all()]

    def _client(self) -> PeerClient | None:
        return self.federation.client if self.federation else None


class _Spreader:
    """Carries nothing until there is a network."""

    def __init__(self) -> None:
        self.network: Network | None = None

    def spread(self, envelopes: Sequence[bytes], *, source: NodeId | None) -> None:
        if self.network is not None:
            self.network.spread(envelopes, source=source)

    def ask(self, source: NodeId) -> None:
        if self.network is not None:
            self.network.ask(source)


def configure_logging(level: str) -> None:
    """One line a record on standard error, with its fields."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """`time level logger message key=value …`, control characters made visible."""

    _STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in self._STANDARD}
        said = " ".join([record.getMessage(), *(f"{name}={value}" for name, value in fields.items())])
        clean = "".join(character if character.isprintable() else "?" for character in said)
        line = f"{self.formatTime(record)} {record.levelname.lower()} {record.name} {clean}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
