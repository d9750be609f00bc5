"""Secrets with a key, in every place where people keep them: providers' tokens, and those that only their key names."""

import random
import re
from collections.abc import Iterator
from typing import Any

from tests.corpus.guard.pages import page
from tests.corpus.guard.records import Record, RecordKind, mark, record
from tests.corpus.guard.shapes import draw
from tests.corpus.guard.templates import fill, name, spell, surround

# Places in a URL, where a value would have to be written another way.
_URLS = frozenset(("git-remote", "git-clone-x", "pip-index", "url-query", "log-url", "curl-query", "curl-u", "query", "form"))  # fmt: skip
_HEADERS = re.compile(r"Bearer|X-API|x-api|x-auth|token \{value|PRIVATE|login|password|auth")
_MEANINGFUL = re.compile(r"[\s<>&;(){}\[\]|*!#~^,$@%`'\"?]")
_IN_URL = re.compile(r"[/+=%@:#?<>&;{}|^\[\]\"(),!*$]")
_QUOTED = re.compile(r"""['"`]\{value\}""")
_NAME = re.compile(r"[^\W\d]\w*")
# Languages in which any text may be a key.
_FREE_KEYS = frozenset(("yaml", "toml", "ini", "json", "md", "note", "log", "properties", "diff", "http", "url", "conf", "sql", "tf", "nix"))  # fmt: skip
# What the whole texts of a data file are.
_KINDS: dict[str, RecordKind] = {"credentials": "secret", "personal": "pii", "clean": "clean"}


def provided(count: int, chance: random.Random) -> Iterator[Record]:
    """Providers' tokens, each provider and each place at least once where `count` allows."""
    providers, places = page("providers")["provider"], page("places")["place"]
    for number in range(count):
        provider = providers[number % len(providers)]
        value = draw(provider["shape"], chance)
        first = number % len(places)
        place = _fitting(places[first:] + places[:first], value, provider.get("alone", False))
        text = spell(place["text"], chance.choice(provider["keys"]), provider["name"].split("-")[0])
        whole = surround(name(text, chance).replace("{value}", mark(value)), place["language"], chance)
        yield record(number, "secret", "provider", provider["name"], whole)


def assigned(count: int, chance: random.Random) -> Iterator[Record]:
    """Passwords, weak and strong, and keys without a prefix, under keys of many languages; and in prose."""
    data = page("assigned")
    for number in range(count):
        group, key, value = _assignment(number, data, chance)
        if number % 6 == 5:
            text = name(chance.choice(data["prose"]), chance).replace("{role}", "admin password")
            language = "note"
        else:
            first = number % len(data["place"])
            place = _fitting(data["place"][first:] + data["place"][:first], value, True, key)
            text, language = place["text"].replace("{key}", key), place["language"]
        yield record(
            number, "secret", "assignment", group, surround(text.replace("{value}", mark(value)), language, chance)
        )


def connections(count: int, chance: random.Random) -> Iterator[Record]:
    """URLs and connection strings with a password in them."""
    data = page("credentials")["urls"]
    for number in range(count):
        url = data["connections"][number % len(data["connections"])]
        text = chance.choice(data["in_text"]).replace("{url}", url)
        password = mark(draw(chance.choice(data["passwords"]), chance))
        yield record(
            number, "secret", "connection", url.split(":")[0].split("=")[0], text.replace("{password}", password)
        )


def near_misses(count: int, chance: random.Random) -> Iterator[Record]:
    """Tokens cut short, masked or left out, and placeholders, where a credential would stand."""
    providers = [provider for provider in page("providers")["provider"] if provider.get("alone")]
    for number in range(count):
        provider, place = chance.choice(providers), chance.choice(page("places")["place"])
        text = spell(place["text"], chance.choice(provider["keys"]), provider["name"].split("-")[0])
        value = _spoilt(draw(provider["shape"], chance), chance)
        yield record(number, "near-miss", "near-miss", provider["name"], name(text, chance).replace("{value}", value))


def texts(sheet: str, stratum: str, count: int, chance: random.Random) -> Iterator[Record]:
    """Texts that are whole templates: one group after the other, each with the next of its own."""
    groups = [*page(sheet)[stratum].items()]
    kind = _KINDS[sheet]
    for number in range(count):
        group, templates = groups[number % len(groups)]
        text = fill(templates[number // len(groups) % len(templates)], chance)
        yield record(number, kind, stratum, group, text)


def _assignment(number: int, data: dict[str, Any], chance: random.Random) -> tuple[str, str, str]:
    is_password = chance.random() < 0.5
    pools = ("passwords", "foreign_passwords") if is_password else ("keys", "foreign_keys")
    keys = data[pools[number % 5 == 4]]
    return pools[0], chance.choice(keys), _password(data, chance) if is_password else _key(chance)


def _password(data: dict[str, Any], chance: random.Random) -> str:
    if chance.random() < 0.5:
        return draw(chance.choice(data["weak"]), chance)
    return draw(
        chance.choice(
            (
                "[A-Za-z0-9]{10,24}",
                "[A-Za-z0-9!@#%^*_=+-]{12,22}",
                "[a-z0-9]{12,16}",
                "[a-z]{6}-[A-Za-z0-9]{6}-[a-z0-9]{6}",
            )
        ),
        chance,
    )


def _key(chance: random.Random) -> str:
    shapes = (
        "[0-9a-f]{32}",
        "[0-9a-f]{40}",
        "[0-9a-f]{64}",
        "{uuid}",
        "[A-Za-z0-9]{20,40}",
        "[A-Za-z0-9_-]{43}",
        "[A-Za-z0-9+/]{43}=",
        "[0-9A-F]{32}",
    )
    return draw(chance.choice(shapes), chance)


def _fitting(places: list[dict[str, str]], value: str, is_alone: bool, key: str = "key") -> dict[str, str]:
    """The first place whose syntax bears the value as it is."""
    return next(place for place in places if _fits(place, value, is_alone, key))


def _fits(place: dict[str, str], value: str, is_alone: bool, key: str) -> bool:
    text, language = place["text"], place["language"]
    is_quoted = bool(_QUOTED.search(text))
    refusals = (
        not is_alone and "{" not in text.replace("{value}", ""),
        place["id"] in _URLS and bool(_IN_URL.search(value)),
        language in {"xml", "html"} and bool(re.search(r"[<>&\"]", value)),
        not is_quoted and bool(_MEANINGFUL.search(value)),
        is_quoted and bool(re.search(r"""['"\\]""", value)),
        language in {"php", "ps", "pl", "sh", "rb", "groovy", "kt", "make"} and "$" in value,
        ("://" in value) and bool(_HEADERS.search(text)),
        "{key}" in text and not _NAME.fullmatch(key) and language not in _FREE_KEYS,
    )  # fmt: skip
    return not any(refusals)


def _spoilt(token: str, chance: random.Random) -> str:
    prefix = (re.match(r"[A-Za-z0-9]{2,8}[_.-]", token) or [token[:4]])[0]
    placeholder: str = chance.choice(page("clean")["near-miss"]["placeholders"])
    return chance.choice((
        token[: len(prefix) + 3],
        prefix,
        token[: len(prefix) + 4] + "…",
        token[: len(prefix) + 2] + "*" * 12 + token[-4:],
        prefix + "x" * 24,
        *[placeholder] * 3,
    ))  # fmt: skip
