"""Texts with slots: `«shape»` is a sensitive value, `‹shape›` a harmless one, `{host}` and its like a word of no weight."""

import random
import re

from tests.corpus.guard.pages import page
from tests.corpus.guard.records import mark
from tests.corpus.guard.shapes import draw

_SLOT = re.compile("«([^»]*)»|‹([^›]*)›")
_NAMED = {
    "{host}": "wexler.io|kontora.de|internal.lan|plusgrid.net|svc.hollin.cloud|git.tavros.org|acmecorp.dev",
    "{user}": "deploy|svc-build|app_rw|root|ci-bot|etl|backup|readonly",
    "{friend}": "jonas|mira|tomek|aicha|sven|raj",
    "{number}": "11|47|230|512|1804|4402|9310",
    "{digit}": "1|2|3|4|5",
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def fill(text: str, chance: random.Random) -> str:
    """The text with a value in each slot, the sensitive ones marked."""
    return name(_SLOT.sub(lambda slot: mark(draw(slot[1], chance)) if slot[1] else draw(slot[2], chance), text), chance)


def name(text: str, chance: random.Random) -> str:
    """The text with a word of no weight for each `{host}` and its like."""
    for slot, words in _NAMED.items():
        while slot in text:
            text = text.replace(slot, chance.choice(words.split("|")), 1)
    return text


def spell(text: str, key: str, service: str) -> str:
    """The text with `key` in each spelling that it asks for, the service's name and the key's role in prose."""
    words = [word.lower() for word in _WORD.findall(key)]
    capitals = [word.capitalize() for word in words]
    spellings = {
        "{ENV}": "_".join(words).upper(),
        "{snake}": "_".join(words),
        "{camel}": words[0] + "".join(capitals[1:]),
        "{kebab}": "-".join(words),
        "{dotted}": ".".join(words),
        "{Pascal}": "".join(capitals),
        "{service}": service,
        "{role}": next(
            (word for word in reversed(words) if word in {"token", "secret", "password", "webhook"}), "API key"
        ),
    }
    for slot, spelled in spellings.items():
        text = text.replace(slot, spelled)
    return text


def surround(text: str, language: str, chance: random.Random) -> str:
    """The text among harmless lines of its language, more often than not."""
    pool: list[str] = page("around").get(language, [])
    if not pool or chance.random() < 0.3:
        return text
    count = chance.choice((0, 1, 2, 3, 6))
    lines = chance.sample(pool, min(len(pool), count + chance.choice((0, 1, 2, 4))))
    return "\n".join([*lines[:count], text, *lines[count:]])
