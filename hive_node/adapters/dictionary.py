"""This machine's own names and secrets, gathered for the scope guard: what no pattern can know.

Blocking: call it off the event loop, at start and when a project is added. Nothing that is found here is logged, nor leaves
the process; names of files may be.

Left out, because ordinary text is full of it: names under four characters, names that many machines have (`root`, `ubuntu`,
`localhost`, public source hosts …; guardrails/scope/words.toml), robots that commit; values that are numbers, flags,
placeholders, references to a secret kept elsewhere, or files that exist.
"""

import base64
import ipaddress
import json
import logging
import os
import pwd
import re
import socket
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

import ifaddr

from guardrails.scope import NameKind
from guardrails.scope.words import words

logger = logging.getLogger(__name__)

Reader: TypeAlias = Callable[[str], Iterable[str]]

LEAST_NAME_CHARS: Final = 4
LEAST_SECRET_CHARS: Final = 6
# A longer value is a document; its lines are taken instead.
SECRET_CHARS: Final = 4096
# Credential files are a page; a larger one is read this far.
FILE_BYTES: Final = 256 * 1024
SECRETS: Final = 10_000
# The people of a repository's last months. Older authors are in its public history anyway.
COMMITS: Final = 500
GIT_TIMEOUT_S: Final = 20.0
ENV_FILES: Final = 64
FOLDERS: Final = 5_000
DEPTH: Final = 4

# --- names ------------------------------------------------------------------------------------------------------------

_ALWAYS: Final[frozenset[NameKind]] = frozenset({"home", "address"})
# A home of these is a system account's, and would hide every path.
_NO_HOMES: Final = frozenset({"", "/", "/nonexistent", "/dev/null", "/tmp", "/var", "/usr", "/opt", "/home"})  # noqa: S108
_NOBODY: Final = re.compile(
    r"(?i)\[bot\]|^(github|gitlab|your name|unknown|none|(no-?reply|git|root|you)@.*|.*@(example\..*|localhost))$"
)
# `scheme://user@host/path` and `user@host:path`; a path names no host.
_REMOTE: Final = re.compile(
    r"^(?:[\w+.-]+://(?:[^@/\s]*@)?|(?:[^@/:\s]+@)?(?=[\w.-]+:(?!//)))(?P<host>\[[0-9A-Fa-f:]+\]|[\w.-]+)(?=[:/]|$)"
)
_SETTINGS: Final = r"^(user|author|committer)\.(name|email)$|^remote\..*\.(url|pushurl)$"


def collect_names(repositories: Iterable[Path]) -> list[tuple[NameKind, str]]:
    """(kind, name) for guardrails.scope.local.LocalFacts: the user, the machine, and who and what the repositories name.

    A repository that git cannot read is logged and passed over.
    """
    found = [*_user(), *_host(), *_addresses()]
    for repository in repositories:
        found += _settings_of(repository)
        found += _authors_of(repository)
    return list(dict.fromkeys((kind, name) for kind, raw in found if _tells(kind, name := raw.strip())))


def _tells(kind: NameKind, name: str) -> bool:
    if kind in _ALWAYS:
        return True
    is_ordinary = len(name) < LEAST_NAME_CHARS or name.isdigit() or name.lower() in words("common-names")
    return not is_ordinary and not _NOBODY.search(name)


def _user() -> Iterator[tuple[NameKind, str]]:
    homes = {str(Path.home())}
    # A user id without an entry is usual in containers.
    with suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        homes.add(entry.pw_dir)
        yield "user", entry.pw_name
        yield "user", entry.pw_gecos.split(",")[0]
    for home in sorted({*homes, *(os.path.realpath(home) for home in homes)}):
        if home.rstrip("/") not in _NO_HOMES:
            yield "home", home


def _host() -> Iterator[tuple[NameKind, str]]:
    """The machine's names, without asking a name server: that would tell it, and may take a minute."""
    name = socket.gethostname()
    short = name.split(".")[0]
    yield from (("host", name), ("host", short))
    for line in _text(Path("/etc/hosts")).splitlines():
        names = line.split("#")[0].split()[1:]
        if name in names or short in names:
            yield from (("host", one) for one in names if one.startswith(short + "."))


def _addresses() -> Iterator[tuple[NameKind, str]]:
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if not address.is_loopback:
                yield "address", str(address)


def _settings_of(repository: Path) -> Iterator[tuple[NameKind, str]]:
    for key, value in _git_settings(repository):
        if key.startswith("remote."):
            remote = _REMOTE.match(value)
            if remote:
                yield "remote_host", remote["host"].strip("[]")
        else:
            yield ("git_name" if key.endswith("name") else "git_email"), value


def _git_settings(repository: Path) -> Iterator[tuple[str, str]]:
    for pair in _git(repository, "config", "--null", "--get-regexp", _SETTINGS):
        key, _, value = pair.partition("\n")
        yield key.lower(), value


def _authors_of(repository: Path) -> Iterator[tuple[NameKind, str]]:
    # The raw names, and those that .mailmap makes of them: both stand in the history that people see.
    form = "--format=%an%x00%aN%x00%cn%x00%ae%x00%cE%x00%ce"
    # A repository's settings could name the program that shows signatures.
    fields = _git(repository, "log", "--all", f"--max-count={COMMITS}", "-z", "--no-show-signature", form)
    for index, value in enumerate(fields):
        yield ("git_name" if index % 6 < 3 else "git_email"), value


def _git(repository: Path, *arguments: str) -> list[str]:
    """The fields of what git printed; none, and a line in the log, where it cannot."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A partial clone would fetch what it lacks.
    clean |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "--no-pager", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=repository,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("names of %s are not known to the scope guard: %s", repository, type(error).__name__)
        return []
    # 1 of `config` is "none set"; 128 of `log` in a repository without commits prints nothing that matters either.
    if done.returncode not in {0, 1} and b"does not have any commits" not in done.stderr:
        logger.warning("names of %s are not known to the scope guard: git %s failed", repository, arguments[0])
        return []
    return done.stdout.decode("utf-8", "replace").rstrip("\0\n").split("\0") if done.stdout else []


# --- secrets ----------------------------------------------------------------------------------------------------------

_SECRET_NAME: Final = re.compile(
    r"(?i)passw(or)?d|passphrase|^pass$|[_.-]pass$|pwd$|secret|token(?!s|iz)|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|auth(?!or|en)|authentication[_.-]?key|credential|[_.-]key$|^key$|[_.-]pat$|[_.-]pw$|[_.-]dsn$|connection[_.-]?string"
    r"|webhook|cookie|signing|encryption[_.-]?key|key-data$"
)
# What is said about a secret, and not the secret.
_ABOUT_SECRET: Final = re.compile(
    r"(?i)(?<!webhook_)url$|(path|file|dir|folder|uri|host|port|sock|socket|user|username|login|name|type|method|provider"
    r"|backend|store|ttl|timeout|expir\w*|expires?_?(in|at)|enabled|algorithm|version|region|helper|askpass|email|scheme"
    r"|scopes?|count|limit|length|mode|policy|format)$|(?<!access_key)(?<!access-key)[_.-]id$|public|^(old)?pwd$"
)
_NUMBER_OR_FLAG: Final = re.compile(r"(?i)[\d.,:+\-/ ]+|true|false|null|none|yes|no|on|off|auto|always|never")
_PLACEHOLDER: Final = re.compile(
    r"(?i)\$[\w{(]|<[^>]*>$|\{\{|%\(|(op|vault|ssm|sops|keyring|aws|gcp)[:/]|x{6}|\*{4}|\.{3}$|your[-_ ]|change[-_ ]?me"
)
_PASSWORD_IN_URL: Final = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SCHEME: Final = re.compile(r"(?i)^(bearer|basic|token|bot)\s+")
_KEY: Final = re.compile(r"""([A-Za-z0-9_.-]+)["']?\s*[=:]\s*""")
_TAG: Final = re.compile(r"(?i)<(\w*(?:password|passphrase|secret|token)\w*)>([^<]+)</")
_MIXED: Final = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[!-~]{16,}")
_DOTENV: Final = re.compile(r"(?i)(\.env(\..+|rc)?|.+\.env)")
_TEMPLATE: Final = re.compile(r"(?i)(example|sample|template|dist|defaults?)")
_NOT_ENTERED: Final = frozenset({".git", "node_modules", ".venv", "venv", "target", "build", "dist", "__pycache__"})


def collect_secrets(repositories: Iterable[Path], environment: Mapping[str, str], home: Path) -> list[str]:
    """Values that must never be in a delta: of `environment`, the repositories' `.env` files and `home`'s credential files.

    Each has 6 characters or more. Files are read up to FILE_BYTES, and only inside `home` or the repository, wherever a
    link leads.
    """
    folders = list(repositories)
    found = list(_named(environment.items()))
    for repository in folders:
        found += [value for path in _dotenv_files(repository) for value in _dotenv(_text_inside(path, repository))]
        found += [value for _, url in _git_settings(repository) for value in _in_urls(url)]
    for name, reader in _HOME_FILES.items():
        found += reader(_text_inside(home / name, home))
    return list(dict.fromkeys(value for raw in found for value in _cleaned(raw)))[:SECRETS]


def _named(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Values under names that promise a secret, and passwords in URLs under any."""
    for name, value in pairs:
        yield from _in_urls(value)
        if _SECRET_NAME.search(name) and not _ABOUT_SECRET.search(name):
            yield value


def _in_urls(text: str) -> Iterator[str]:
    for password in _PASSWORD_IN_URL.findall(text):
        yield from {password, unquote(password)}


def _cleaned(raw: str) -> Iterator[str]:
    value = _SCHEME.sub("", raw.strip().strip("\"'"))
    parts = [value, *value.replace("\\n", "\n").splitlines()] if "\n" in value or "\\n" in value else [value]
    for part in (one.strip() for one in parts):
        if LEAST_SECRET_CHARS <= len(part) <= SECRET_CHARS and not _is_plain(part):
            yield part


def _is_plain(value: str) -> bool:
    if _NUMBER_OR_FLAG.fullmatch(value) or value.lower() in words("common-values") or value.startswith("-----"):
        return True
    return bool(_PLACEHOLDER.match(value)) or (value[0] in "/~." and os.path.lexists(os.path.expanduser(value)))


def _dotenv(text: str) -> Iterator[str]:
    """`.env` files hold ports and levels too: what neither its name nor its look calls secret is left."""
    for line in text.splitlines():
        name, sign, raw = line.strip().removeprefix("export ").partition("=")
        if not sign or name.startswith("#"):
            continue
        quoted = re.match(r"""\s*(["'])(.*?)\1""", raw)
        value = quoted[2] if quoted else raw.split(" #")[0].strip()
        yield from _named([(name.strip(), value)])
        if (
            _MIXED.fullmatch(value)
            and "://" not in value
            and value[0] not in "/."
            and not _ABOUT_SECRET.search(name.strip())
        ):
            yield value


def _assignments(text: str) -> Iterator[str]:
    """Lines of INI, TOML, YAML, properties, rc files and XML: whatever follows a name that promises a secret."""
    for line in text.splitlines():
        yield from _in_urls(line)
        yield from (value for _, value in _TAG.findall(line))
        for key in _KEY.finditer(line):
            if _SECRET_NAME.search(key[1]) and not _ABOUT_SECRET.search(key[1]):
                value = line[key.end() :].rstrip(" ,;")
                # Whether a comment follows depends on the format; the wrong reading matches no text.
                yield from {value, value.split(" #")[0]}
                break


def _json(text: str) -> Iterator[str]:
    with suppress(ValueError, RecursionError):
        yield from _tree(json.loads(text or "null"))


def _tree(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from _named((str(key), value) for key, value in tree.items() if isinstance(value, str))
        for key, value in tree.items():
            # Docker and npm keep `user:password` in base64 under this name.
            if key in {"auth", "_auth"} and isinstance(value, str):
                yield from _basic(value)
            yield from _tree(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _tree(item)


def _basic(value: str) -> Iterator[str]:
    with suppress(ValueError):
        user, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        yield password if colon else user


def _netrc(text: str) -> Iterator[str]:
    tokens = re.findall(r'"[^"]*"|\S+', text)
    yield from (value for key, value in pairwise(tokens) if key in {"password", "account"})


def _pgpass(text: str) -> Iterator[str]:
    for line in text.splitlines():
        fields = re.split(r"(?<!\\):", line, maxsplit=4)
        if len(fields) == 5 and not line.startswith("#"):
            yield re.sub(r"\\(.)", r"\1", fields[4])


def _npmrc(text: str) -> Iterator[str]:
    for value in _assignments(text):
        yield value
        yield from _basic(value)


_HOME_FILES: Final[Mapping[str, Reader]] = {
    ".netrc": _netrc,
    ".pgpass": _pgpass,
    ".git-credentials": _in_urls,
    ".config/git/credentials": _in_urls,
    ".aws/credentials": _assignments,
    ".aws/config": _assignments,
    ".npmrc": _npmrc,
    ".yarnrc.yml": _assignments,
    ".pypirc": _assignments,
    ".config/pip/pip.conf": _assignments,
    ".config/pypoetry/auth.toml": _assignments,
    ".cargo/credentials.toml": _assignments,
    ".cargo/credentials": _assignments,
    ".gem/credentials": _assignments,
    ".m2/settings.xml": _assignments,
    ".gradle/gradle.properties": _assignments,
    ".my.cnf": _assignments,
    ".s3cfg": _assignments,
    ".boto": _assignments,
    ".kube/config": _assignments,
    ".config/gh/hosts.yml": _assignments,
    ".config/hub": _assignments,
    ".config/glab-cli/config.yml": _assignments,
    ".config/doctl/config.yaml": _assignments,
    ".config/rclone/rclone.conf": _assignments,
    ".composer/auth.json": _json,
    ".docker/config.json": _json,
    ".config/containers/auth.json": _json,
    ".config/gcloud/application_default_credentials.json": _json,
    ".terraform.d/credentials.tfrc.json": _json,
    ".azure/msal_token_cache.json": _json,
    ".claude/.credentials.json": _json,
    ".codex/auth.json": _json,
    ".vault-token": str.splitlines,
    ".cache/huggingface/token": str.splitlines,
}


# --- files ------------------------------------------------------------------------------------------------------------


def _dotenv_files(repository: Path) -> list[Path]:
    found: list[Path] = []
    for seen, (folder, folders, files) in enumerate(os.walk(repository)):
        depth = len(Path(folder).relative_to(repository).parts)
        folders[:] = [] if depth >= DEPTH else sorted(set(folders) - _NOT_ENTERED)
        found += [
            Path(folder, name) for name in sorted(files) if _DOTENV.fullmatch(name) and not _TEMPLATE.search(name)
        ]
        if seen >= FOLDERS or len(found) >= ENV_FILES:
            break
    return found[:ENV_FILES]


def _text_inside(path: Path, folder: Path) -> str:
    """The file's text; empty where it is none, or where a link leads out of `folder`."""
    real = Path(os.path.realpath(path))
    return _text(real) if real.is_relative_to(os.path.realpath(folder)) else ""


def _text(path: Path) -> str:
    try:
        # A pipe must not hang the start; what is no plain file is not read.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return ""
        return file.read(FILE_BYTES).decode("utf-8", "replace")
