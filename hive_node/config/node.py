"""`config.toml`: how this node runs. What opens a port, widens sharing or spends money has no default."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import Field, field_validator, model_validator

from hive_node.config.model import ModelSection
from hive_node.config.retention import RetentionSection
from hive_node.config.skills import SkillsSection
from hive_node.config.toml import Section, read_toml

_T = TypeVar("_T")
Items: TypeAlias = Annotated[tuple[_T, ...], Field(strict=False)]
Port: TypeAlias = Annotated[int, Field(ge=0, le=65535)]
Label: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]

PEER_PORT: Final = 7740
API_PORT: Final = 7741


class NodeSection(Section):
    """[node]: how people call it. `owner` is the person whose vote this node's measurements are."""

    name: Label
    owner: Label


class ApiSection(Section):
    """[api]: the admin API beside its Unix socket. Only ever on 127.0.0.1; port 0 takes any free one."""

    port: Port = API_PORT
    tcp: bool = True


class MdnsSection(Section):
    """[federation.mdns]: finding members on the local network. interfaces: "all", names as "eth0", addresses as "127.0.0.1"."""

    enabled: bool = True
    interfaces: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("all",)


class FederationSection(Section):
    """[federation]: the peer port. Opened only once the node is in a hive, and only where `listen` says; "::" is everywhere."""

    listen: str
    port: Port = PEER_PORT
    join_port: Port = 0
    peers: Items[str] = ()
    mdns: MdnsSection = MdnsSection()

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        try:
            ipaddress.ip_address(listen)
        except ValueError:
            raise ValueError('an address of this machine, "0.0.0.0" for each of IPv4, "::" for each there is') from None
        return listen

    @field_validator("peers")
    @classmethod
    def _addresses(cls, peers: tuple[str, ...]) -> tuple[str, ...]:
        for peer in peers:
            host, _, port = peer.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"a peer is written host:port, as in 192.168.1.20:{PEER_PORT}")
        return peers


class LimitsSection(Section):
    """[limits]: what trials may take of this machine, and when. on_battery: whether they go on without mains.

    busy_share: of all processors' time, what other programs may take before trials wait; absent: they never do.
    """

    trials_at_once: Annotated[int, Field(ge=1, le=64)] = 1
    memory_mib: Annotated[int, Field(ge=64, le=1_048_576)] = 2048
    processes: Annotated[int, Field(ge=1, le=4096)] = 128
    file_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 512
    output_kib: Annotated[int, Field(ge=1, le=65_536)] = 1024
    on_battery: bool = False
    busy_share: Annotated[float, Field(gt=0, le=1)] | None = None


class SandboxSection(Section):
    """[sandbox]: where trials run; `auto` is the first of bubblewrap and Landlock that works here, and without one nothing is run.

    `none` runs them unprotected and marks every receipt; it must be written out. `plugin` is one of your own, which `plugin` names.

    toolchains: folders bound read-only into the sandbox. tools: a command's name to its absolute path.
    """

    backend: Literal["auto", "bubblewrap", "landlock", "none", "plugin"] = "auto"
    plugin: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    toolchains: Items[str] = ()
    tools: dict[str, str] = {}

    @model_validator(mode="after")
    def _plugin_is_named(self) -> Self:
        if (self.backend == "plugin") != (self.plugin is not None):
            raise ValueError('`backend = "plugin"` and `plugin`, its name, are written together')
        return self


class ConstitutionSection(Section):
    """[constitution]: rules of one's own; they add to the shipped ones and can remove none."""

    rule: Items[dict[str, Any]] = ()


class LogSection(Section):
    """[log]: how much the node says on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class NodeConfig(Section):
    """The whole of config.toml. Without [federation] the node never opens a port to others, without [model] it asks no model."""

    node: NodeSection
    api: ApiSection = ApiSection()
    federation: FederationSection | None = None
    limits: LimitsSection = LimitsSection()
    sandbox: SandboxSection = SandboxSection()
    constitution: ConstitutionSection = ConstitutionSection()
    model: ModelSection | None = None
    skills: SkillsSection = SkillsSection()
    retention: RetentionSection = RetentionSection()
    log: LogSection = LogSection()


def load_node_config(path: Path) -> NodeConfig:
    """The settings at `path`. Raises ConfigError."""
    return read_toml(path, NodeConfig)


def node_config_template(*, name: str, owner: str, listen: str, peer_port: int, api_port: int, mdns: str) -> str:
    """The config.toml that `init` writes: what was chosen, each line explained."""
    return _TEMPLATE.format(
        name=_quoted(name),
        owner=_quoted(owner),
        listen=_quoted(listen),
        peer_port=peer_port,
        api_port=api_port,
        mdns=_quoted(mdns),
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TEMPLATE: Final = """\
# Settings of this hive node. Read once, when it starts.

[node]
name = {name}      # how peers see this machine in their lists
owner = {owner}    # the person: several nodes of one owner have one vote

[api]
port = {api_port}            # admin API on 127.0.0.1 beside the Unix socket; 0 takes any free port
tcp = true             # false: the Unix socket alone

[federation]           # without this table the node never opens a port to others
listen = {listen}      # where the peer port is opened once this node is in a hive; "::" is everywhere, IPv4 and IPv6
port = {peer_port}           # 0 takes any free port; peers find it over mDNS
join_port = 0          # open only while an invite is; 0 takes any free port
peers = []             # peers that mDNS cannot reach, as "host:port"

[federation.mdns]
enabled = true
interfaces = [{mdns}]  # "all", or names or addresses of this machine's interfaces

[limits]               # what trials may take of this machine
trials_at_once = 1
memory_mib = 2048
processes = 128
file_mib = 512
output_kib = 1024
on_battery = false     # true: experiments go on while the machine runs on battery
# busy_share = 0.8     # experiments wait while other programs take more than this share of the processors

[sandbox]
backend = "auto"       # bubblewrap, else Landlock, else no trial is run; either of them alone by its name
toolchains = []        # folders bound read-only into the sandbox, such as "/opt/toolchain"
tools = {{}}             # a command's name to its path, such as {{ python = "/opt/py/bin/python3" }}

[log]
level = "info"
"""
