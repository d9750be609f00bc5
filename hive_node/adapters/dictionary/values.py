"""Which settings hold a secret, by what they are called, and what of a setting is the secret."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from guardrails.scope.words import words

LEAST_SECRET_CHARS: Final = 6
# A longer value is a document; its lines are taken instead.
SECRET_CHARS: Final = 4096

_SECRET_NAME: Final = re.compile(
    r"(?i)passw(or)?d|passphrase|^pass$|[_.-]pass$|pwd$|secret|token(?!s|iz)|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|auth(?!or|en)|authentication[_.-]?key|credential|[_.-]key$|^key$|[_.-]pat$|[_.-]pw$|[_.-]dsn$|connection[_.-]?string"
    r"|webhook|cookie|signing|encryption[_.-]?key|key-data$"
)
# What is said about a secret, and not the secret.
_ABOUT_SECRET: Final = re.compile(
    r"(?i)(?<!webhook_)url$|(path|file|dir|folder|uri|host|port|sock|socket|user|username|login|name|type|method|provider"
    r"|backend|store|ttl|timeout|expir\w*|expires?_?(in|at)|enabled|algorithm|version|region|helper|askpass|email|scheme"
    r"|scopes?|count|limit|length|mode|policy|format|created|updated|rotated|since|date|[_.-]at)$"
    r"|(?<!access_key)(?<!access-key)[_.-]id$|public|^(old)?pwd$"
)
# Eight digits and more are nobody's count by chance.
_NUMBER_OR_FLAG: Final = re.compile(
    r"(?i)(?!\d{8,}$)[\d.,:+\-/ ]+|true|false|null|none|yes|no|on|off|auto|always|never"
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)\$[\w{(]|<[^>]*>$|\{\{|%\(|(op|vault|ssm|sops|keyring|aws|gcp)[:/]|x{6}|\*{4}|\.{3}$|your[-_ ]|change[-_ ]?me"
)
_PASSWORD_IN_URL: Final = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SCHEME: Final = re.compile(r"(?i)^(bearer|basic|token|bot)\s+")


def is_secret_name(name: str) -> bool:
    """Whether a setting of that name holds a secret, and not what is said about one."""
    return _SECRET_NAME.search(name) is not None and not is_about_secret(name)


def is_about_secret(name: str) -> bool:
    """Whether a setting of that name tells where a secret is, whose, or how long."""
    return _ABOUT_SECRET.search(name) is not None


def named(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Values under names that promise a secret, and passwords in URLs under any."""
    for name, value in pairs:
        yield from in_urls(value)
        if is_secret_name(name):
            yield value


def in_urls(text: str) -> Iterator[str]:
    """Passwords in URLs, as they are written and as they are meant."""
    for password in _PASSWORD_IN_URL.findall(text):
        yield from {password, unquote(password)}


def cleaned(raw: str) -> Iterator[str]:
    """What of a value is a secret: without quotes and scheme, whole and line by line; nothing where it cannot be one."""
    value = _SCHEME.sub("", raw.strip().strip("\"'"))
    parts = [value, *value.replace("\\n", "\n").splitlines()] if "\n" in value or "\\n" in value else [value]
    for part in (one.strip() for one in parts):
        if LEAST_SECRET_CHARS <= len(part) <= SECRET_CHARS and not _is_plain(part):
            yield part


def _is_plain(value: str) -> bool:
    if _NUMBER_OR_FLAG.fullmatch(value) or value.lower() in words("common-values") or value.startswith("-----"):
        return True
    return bool(_PLACEHOLDER.match(value)) or (value[0] in "/~." and os.path.lexists(os.path.expanduser(value)))
