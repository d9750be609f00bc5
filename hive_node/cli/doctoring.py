"""The doctor's examination: each part of what a node needs is really tried, and each finding names its remedy."""

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from guardrails.constitution import Constitution, ConstitutionError
from hive_node.adapters.interfaces import authority
from hive_node.adapters.keyfile import KeyFileError, load_key, load_token
from hive_node.adapters.listening import listening_at
from hive_node.cli.daemon_check import Daemon
from hive_node.cli.output import count
from hive_node.config.home import Home
from hive_node.config.node import NodeConfig, SandboxSection, load_node_config
from hive_node.config.toml import ConfigError
from hive_node.domain import CheckState, Finding
from hive_node.ports import LanguageModel, Prompt, SandboxReport

if TYPE_CHECKING:
    from hive_node.adapters.llm import ModelDesk

_LEAST_DISK: Final = 100 * 1024**2
_LITTLE_DISK: Final = 1024**3
_OLDEST_GIT: Final = (2, 31)  # rev-parse --path-format
_SOCKET_PATH_BYTES: Final = 107  # unix(7): sun_path, with its final NUL
_API_HOST: Final = "127.0.0.1"


def examine(home: Home, *, asks_model: bool = False) -> list[Finding]:
    """Every check that makes sense here: without a home only those of the machine. asks_model: let it count, which is free."""
    findings = list(_of_machine(home))
    if not home.config.is_file():
        fix = "`hive-node init` makes one, or name yours with --home"
        return [Finding("home", "fail", f"{home.root} holds no node", fix), *findings, *_sandbox(None, home)]
    config, found = _config(home)
    daemon = Daemon.reach(home)
    findings = [*_home(home), found, *_secrets(home), _database(home), *findings, *_sandbox(config, home)]
    if config is not None:
        findings += [_constitution(config, home), _model(config, asks=asks_model), *_ports(config, daemon)]
    return [*findings, *daemon.findings()]


# --- the home ---------------------------------------------------------------------------------------------------------


def _home(home: Home) -> Iterator[Finding]:
    about = home.root.stat()
    if about.st_uid != os.geteuid():
        yield Finding("home", "fail", f"{home.root} belongs to another user", "run as the user who made it")
    elif stat.S_IMODE(about.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(about.st_mode):04o}"
        yield Finding("home", "warn", f"{home.root} is open to other users ({mode})", f"chmod 700 {home.root}")
    elif not os.access(home.root, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", "fail", f"{home.root} cannot be written", f"chmod 700 {home.root}")
    else:
        yield Finding("home", "ok", str(home.root))
    if len(os.fsencode(home.socket)) > _SOCKET_PATH_BYTES:
        fix = "move the home to a shorter path"
        yield Finding("socket", "fail", f"{home.socket} is too long for a Unix socket", fix)


def _config(home: Home) -> tuple[NodeConfig | None, Finding]:
    try:
        config = load_node_config(home.config)
    except ConfigError as error:
        return None, Finding("config", "fail", str(error), f"edit {home.config}")
    return config, Finding("config", "ok", f"{config.node.name} of {config.node.owner}")


def _secrets(home: Home) -> Iterator[Finding]:
    def try_(check: str, load: Callable[[], str]) -> Finding:
        try:
            return Finding(check, "ok", load())
        except KeyFileError as error:
            _, _, rest = str(error).partition(": ")
            problem, _, fix = rest.partition("; ")
            return Finding(check, "fail", f"{error.path}: {problem}", fix)

    yield try_("key", lambda: f"node {load_key(home.key).node_id}")
    yield try_("token", lambda: f"{home.token} is private" if load_token(home.token) else "")


def _constitution(config: NodeConfig, home: Home) -> Finding:
    own = list(config.constitution.rule)
    try:
        loaded = Constitution.load({"rule": own} if own else None)
    except ConstitutionError as error:
        return Finding("constitution", "fail", str(error), f"edit [[constitution.rule]] in {home.config}")
    more = f", with {count(len(own), 'rule')} of one's own" if own else ""
    return Finding("constitution", "ok", f"{loaded.digest[:12]}…{more}")


def _model(config: NodeConfig, *, asks: bool) -> Finding:
    from hive_node.adapters.llm import ModelDesk

    if config.model is None:
        return Finding("model", "ok", "none: no [model] in config.toml; all operators but `llm` work")
    return asyncio.run(_examine_model(ModelDesk(config.model), config.model.name, asks=asks))


async def _asked(model: LanguageModel, prompt: Prompt) -> int | None:
    """A count of tokens, which costs nothing: what a model that answers can give."""
    from hive_node.adapters.llm.messages import MessagesModel

    return await (model.count(prompt) if isinstance(model, MessagesModel) else model.most_tokens(prompt))


async def _examine_model(desk: "ModelDesk", name: str, *, asks: bool) -> Finding:
    from hive_node.ports import ModelFault

    try:
        cost = "costs nothing" if desk.price().is_free else "has a price"
        key = await desk.key()
        found = f"{name} {cost}, key from {key.origin}"
        if asks:
            counted = await _asked(await desk.model(), Prompt("Say nothing.", "Nothing.", "Nothing?"))
            found += "; it answers" if counted is not None else "; it is there, and does not count tokens"
    except ModelFault as fault:
        problem, _, fix = str(fault).partition(": ")
        return Finding("model", "warn", f"{problem} [{fault.code}]; the operator `llm` does not work", fix)
    finally:
        await desk.close()
    return Finding("model", "ok", found)


def _database(home: Home) -> Finding:
    if not home.database.exists():
        return Finding("database", "ok", "not made yet: the first `hive-node run` does")
    fix = f"move {home.database} away, or restore it from a backup; `hive-node run` makes an empty one"
    try:
        with closing(sqlite3.connect(f"{home.database.as_uri()}?mode=rw", uri=True, timeout=2)) as connection:
            said = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except sqlite3.Error as error:
        return Finding("database", "fail", f"{home.database}: {error}", fix)
    if said != "ok":
        return Finding("database", "fail", f"{home.database} is damaged: {said}", fix)
    return Finding("database", "ok", f"whole, schema {version}")


# --- the machine ------------------------------------------------------------------------------------------------------


def _of_machine(home: Home) -> Iterator[Finding]:
    yield _git()
    yield _disk(home)


def _git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return Finding("git", "fail", "git is not installed", "install the package `git` of this distribution")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_GIT:
        oldest = ".".join(map(str, _OLDEST_GIT))
        return Finding("git", "fail", f"{path} is {said or 'no git'}", f"upgrade git to {oldest} or newer")
    return Finding("git", "ok", said)


def _disk(home: Home) -> Finding:
    there = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    state: CheckState = "ok" if free >= _LITTLE_DISK else "warn" if free >= _LEAST_DISK else "fail"
    fix = "" if state == "ok" else "free some space: worktrees and the database grow with each experiment"
    return Finding("disk", state, f"{free / 1024**3:.1f} GiB free in {there}", fix)


def _sandbox(config: NodeConfig | None, home: Home) -> Iterator[Finding]:
    """Each rung of the ladder, really tried, and which of them runs the trials."""
    from hive_node.adapters.sandbox import build

    settings = config.sandbox if config else SandboxSection()
    if settings.backend == "none":
        fix = 'write `backend = "auto"` under [sandbox] in config.toml'
        yield Finding("sandbox", "warn", "switched off: trials run unprotected, and their receipts say so", fix)
        return
    if settings.plugin is not None:
        yield _own_sandbox(settings.plugin)
        return
    toolchains = [Path(path).expanduser() for path in settings.toolchains]
    tools = {name: Path(path) for name, path in settings.tools.items()}
    # All rungs are tried, the settings choose among them: who forces one may want to know of the other.
    tried = asyncio.run(build("auto", toolchains, tools, private=(home.root,)).reports())
    allowed = [report for report in tried if settings.backend in {"auto", report.backend}]
    used = next((report for report in allowed if report.works), None)
    if used is None:
        problem = "; ".join(f"{report.backend}: {report.problem}" for report in allowed)
        yield Finding("sandbox", "fail", f"{problem}; no trial is run without it", allowed[0].remedy)
    else:
        yield Finding("sandbox", "ok", f"trials run under {used.backend} {used.version}")
    for report in tried:
        yield _rung(report, is_needed=used is None)


def _own_sandbox(plugin: str) -> Finding:
    from hive_node.adapters.plugins import SANDBOXES, load
    from hive_node.ports import FatalError

    try:
        report = asyncio.run(load(SANDBOXES, plugin)().probe())
    except FatalError as error:
        return Finding("sandbox", "fail", str(error), "install it, or write another backend")
    state: CheckState = "ok" if report.works else "fail"
    found = f"trials run in the plug-in {plugin}: {report.backend} {report.version}".strip()
    return Finding("sandbox", state, found if report.works else report.problem, report.remedy)


def _rung(report: SandboxReport, *, is_needed: bool) -> Finding:
    """One that does not work is a loss only where no other does."""
    check = f"sandbox {report.backend}"
    if report.works:
        held = "held a program that tried to open a connection, to read the home folder and to write outside"
        return Finding(check, "ok", f"{report.backend} {report.version} {held}")
    return Finding(check, "fail" if is_needed else "warn", report.problem, report.remedy)


# --- the ports and the daemon -------------------------------------------------------------------------------------------


def _ports(config: NodeConfig, daemon: Daemon) -> Iterator[Finding]:
    if config.api.tcp:
        yield _port("api port", _API_HOST, config.api.port, "[api]", daemon)
    if config.federation is None:
        yield Finding("peer port", "ok", "no [federation] in config.toml: this node opens no port to others")
        return
    yield _port("peer port", config.federation.listen, config.federation.port, "[federation]", daemon)


def _port(check: str, host: str, port: int, section: str, daemon: Daemon) -> Finding:
    if port == 0:
        return Finding(check, "ok", f"any free one on {host}")
    where = authority(host, port)
    if daemon.holds(port):
        return Finding(check, "ok", f"{where} is held by this node")
    try:
        with listening_at(host, port) as probe:
            probe.listen(1)
    except OSError as error:
        fix = f"set another port under {section} in config.toml, or 0 for any free one"
        return Finding(check, "fail", f"{where} cannot be opened: {error.strerror}", fix)
    return Finding(check, "ok", f"{where} is free")
