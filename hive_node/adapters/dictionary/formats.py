"""The formats that secrets are kept in: each from a file's text to what it calls secret. None raises for what stands in one."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final, TypeAlias

from hive_node.adapters.dictionary.values import in_urls, is_about_secret, is_secret_name, named

Reader: TypeAlias = Callable[[str], Iterable[str]]

_SETTING: Final = re.compile(r"\s*(?:(?:export|declare -x|setenv|set -\w+) +)?([\w.-]+)(?: *= ?| )(.*)")
_QUOTED: Final = re.compile(r"""\s*(["'])(.*?)\1""")
_KEY: Final = re.compile(r"""([A-Za-z0-9_.-]+)["']?\s*[=:]\s*""")
_TAG: Final = re.compile(r"(?i)<(\w*(?:password|passphrase|secret|token)\w*)>([^<]+)</")
_ATTRIBUTES: Final = re.compile(r"""(?i)\bkey=["']([^"']+)["']\s+value=["']([^"']+)["']""")
_MIXED: Final = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[!-~]{16,}")
_WORD_VALUE: Final = re.compile(r"(?i)^\s*(password|passwd|pass|token|secret)\s+(\S+)\s*$")
# The first line of every OpenSSH key that has no passphrase: nobody's.
_OPENSSH_MAGIC: Final = "b3BlbnNzaC1rZXktdjE"
# Shorter lines of a key end it, and many keys alike.
_KEY_LINE_CHARS: Final = 20


def dotenv(text: str) -> Iterator[str]:
    """`.env` files hold ports and levels too: what neither its name nor its look calls secret is left."""
    for name, value in _settings(text):
        yield from named([(name, value)])
        if _is_random(value) and not is_about_secret(name):
            yield value


def profile(text: str) -> Iterator[str]:
    """What a shell reads at its start: settings among much else, so that names alone count."""
    yield from named(_settings(text))


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of lines as `export NAME='value'` or fish's `set -gx NAME value`."""
    for line in text.splitlines():
        found = _SETTING.match(line)
        if found:
            quoted = _QUOTED.match(found[2])
            yield found[1], quoted[2] if quoted else found[2].split(" #")[0].strip()


def assignments(text: str) -> Iterator[str]:
    """Lines of INI, TOML, YAML, properties, rc files and XML: whatever follows a name that promises a secret."""
    for line in text.splitlines():
        yield from in_urls(line)
        yield from (value for _, value in _TAG.findall(line))
        yield from named(_ATTRIBUTES.findall(line))
        yield from (value for _, value in _WORD_VALUE.findall(line))
        for key in _KEY.finditer(line):
            if is_secret_name(key[1]):
                value = line[key.end() :].rstrip(" ,;")
                # Whether a comment follows depends on the format; the wrong reading matches no text.
                yield from {value, value.split(" #")[0]}
                break


def json_file(text: str) -> Iterator[str]:
    """Values of JSON by the names of their members."""
    with suppress(ValueError, RecursionError):
        yield from _tree(json.loads(text or "null"))


def netrc(text: str) -> Iterator[str]:
    """`~/.netrc`."""
    tokens = re.findall(r'"[^"]*"|\S+', text)
    yield from (value for key, value in pairwise(tokens) if key in {"password", "account"})


def pgpass(text: str) -> Iterator[str]:
    """`~/.pgpass`: the fifth field of each line."""
    for line in text.splitlines():
        fields = re.split(r"(?<!\\):", line, maxsplit=4)
        if len(fields) == 5 and not line.startswith("#"):
            yield re.sub(r"\\(.)", r"\1", fields[4])


def npmrc(text: str) -> Iterator[str]:
    """`~/.npmrc`: a login may be `user:password` in base64."""
    for value in assignments(text):
        yield value
        yield from _basic(value)


def curlrc(text: str) -> Iterator[str]:
    """`~/.curlrc`: `user = name:password`, and settings as anywhere."""
    for line in text.splitlines():
        name, _, login = line.partition("=")
        if name.strip().lstrip("-") in {"u", "user", "U", "proxy-user"}:
            yield login.strip().strip('"').partition(":")[2]
    yield from assignments(text)


def key_file(text: str) -> Iterator[str]:
    """A private key, line by line; nothing of a public one."""
    if "PRIVATE KEY" not in text and "PuTTY-User-Key-File" not in text:
        return
    for line in map(str.strip, text.splitlines()):
        if len(line) >= _KEY_LINE_CHARS and " " not in line and not line.startswith(_OPENSSH_MAGIC):
            yield line


def whole(text: str) -> Iterator[str]:
    """A file that is a secret, or one on each line."""
    yield from text.splitlines()


def _is_random(value: str) -> bool:
    return _MIXED.fullmatch(value) is not None and "://" not in value and value[0] not in "/."


def _tree(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from named((str(key), value) for key, value in tree.items() if isinstance(value, str))
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
