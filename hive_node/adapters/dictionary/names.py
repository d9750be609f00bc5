"""Who and what this machine is called: its user, its host, its addresses, and who and what the repositories name."""

import ipaddress
import os
import pwd
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import ifaddr

from guardrails.scope import Fact, NameKind
from guardrails.scope.words import words
from hive_node.adapters.dictionary.files import Looked
from hive_node.adapters.dictionary.git import authors_of, settings_of

LEAST_NAME_CHARS: Final = 4
# Of one machine; a repository of a thousand authors has its names in public.
NAMES: Final = 5_000

_HOSTS: Final = Path("/etc/hosts")
_ALWAYS: Final[frozenset[NameKind]] = frozenset({"home", "address"})
# A home of these is a system account's, and would hide every path.
_NO_HOMES: Final = frozenset({"", "/", "/nonexistent", "/dev/null", "/tmp", "/var", "/usr", "/opt", "/home"})  # noqa: S108
_NOBODY: Final = re.compile(
    r"(?i)\[bot\]|^(github|gitlab|your name|unknown|none|(no-?reply|git|root|you)@.*|.*@(example\..*|localhost))$"
)
# `12345+login@users.noreply.github.com`, and a login of two words and more before any host.
_LOGIN: Final = re.compile(
    r"^(?:\d+\+(?P<hidden>[\w-]+)@users\.noreply\..*|(?P<full>[^\W\d_]{2,}(?:[._-][^\W\d_]{2,})+)@.*)$"
)
# `scheme://user@host/path` and `user@host:path`; a path names no host.
_REMOTE: Final = re.compile(
    r"^(?:[\w+.-]+://(?:[^@/\s]*@)?|(?:[^@/:\s]+@)?(?=[\w.-]+:(?!//)))(?P<host>\[[0-9A-Fa-f:]+\]|[\w.-]+)(?=[:/]|$)"
)


def collect_names(repositories: Iterable[Path], looked: Looked | None = None) -> list[Fact]:
    """The user, the machine, and who and what the repositories name.

    A repository that git cannot read is logged and passed over. looked: told of every file and folder that was looked at.
    """
    looked = Looked() if looked is None else looked
    found = [*_user(looked), *machine_names(looked)]
    for repository in repositories:
        found += _of_repository(repository, looked)
    told: dict[tuple[str, str], Fact] = {}
    for fact in found:
        name = fact.value.strip()
        if _tells(fact, name):
            told.setdefault((fact.kind, name), Fact(fact.kind, name, fact.source))
    return list(told.values())[:NAMES]


def machine_names(looked: Looked) -> list[Fact]:
    """What the machine is called and where it is reached: changes with its network, in no file of ours."""
    return [*_host(looked), *_addresses()]


def _tells(fact: Fact, name: str) -> bool:
    if fact.kind in _ALWAYS:
        return True
    is_ordinary = len(name) < LEAST_NAME_CHARS or name.isdigit() or name.lower() in words("common-names")
    return not is_ordinary and not _NOBODY.search(name)


def _user(looked: Looked) -> Iterator[Fact]:
    looked.at("/etc/passwd")
    homes = {str(Path.home())}
    # A user id without an entry is usual in containers.
    with suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        homes.add(entry.pw_dir)
        yield Fact("user", entry.pw_name, "user name")
        yield Fact("user", entry.pw_gecos.split(",")[0], "full name of the user")
    for home in sorted({*homes, *(os.path.realpath(home) for home in homes)}):
        if home.rstrip("/") not in _NO_HOMES:
            yield Fact("home", home, "home folder")


def _host(looked: Looked) -> Iterator[Fact]:
    """The machine's names, without asking a name server: that would tell it, and may take a minute."""
    name = socket.gethostname()
    short = name.split(".")[0]
    yield from (Fact("host", name, "host name"), Fact("host", short, "host name"))
    for line in looked.text(_HOSTS).splitlines():
        names = line.split("#")[0].split()[1:]
        if name in names or short in names:
            yield from (Fact("host", one, "host name in /etc/hosts") for one in names if one.startswith(short + "."))


def _addresses() -> Iterator[Fact]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if not address.is_loopback:
                yield Fact("address", str(address), f"address of {adapter.nice_name}")


def _of_repository(repository: Path, looked: Looked) -> Iterator[Fact]:
    project = repository.name
    for key, value in settings_of(repository, looked):
        if key.startswith("remote."):
            remote = _REMOTE.match(value)
            if remote:
                yield Fact("remote_host", remote["host"].strip("[]"), f"git remote of {project}")
        else:
            yield from _person(key.endswith("name"), value, f"git settings of {project}")
    for is_name, value in authors_of(repository):
        yield from _person(is_name, value, f"git author of {project}")


def _person(is_name: bool, value: str, source: str) -> Iterator[Fact]:
    yield Fact("git_name" if is_name else "git_email", value, source)
    login = _LOGIN.match(value) if not is_name and not _NOBODY.search(value) else None
    if login:
        yield Fact("user", login["hidden"] or login["full"], source)
