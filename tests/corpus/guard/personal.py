"""What is a person's: numbers under their names, in forms, tables and code; addresses, names, days of birth."""

import base64
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.corpus.guard.check_digits import number
from tests.corpus.guard.pages import page
from tests.corpus.guard.records import Record, mark, record


def numbers(stratum: str, count: int, chance: random.Random) -> Iterator[Record]:
    """Each kind in turn, in the next place of the stratum: `labelled`, `code`, or `unlabelled` for those whose shape tells."""
    kinds = page("identifiers")["identifier"]
    if stratum == "unlabelled":
        kinds = [kind for kind in kinds if kind.get("strong")]
    places = page("personal")[stratum]
    for index in range(count):
        kind = kinds[index % len(kinds)]
        text = places[(index + index // len(kinds)) % len(places)]
        named = text.replace("{label}", chance.choice(kind["labels"])).replace("{key}", chance.choice(kind["keys"]))
        yield record(index, "pii", stratum, kind["name"], named.replace("{value}", mark(_value(kind, chance))))


def bare(count: int, chance: random.Random) -> Iterator[Record]:
    """A number that its shape tells, alone on its line."""
    kinds = [kind for kind in page("identifiers")["identifier"] if kind.get("strong")]
    for index in range(count):
        kind = kinds[index % len(kinds)]
        yield record(index, "pii", "bare", kind["name"], mark(_value(kind, chance)))


def disguised(count: int, chance: random.Random) -> Iterator[Record]:
    """Numbers that their shape tells, encoded."""
    kinds = [kind for kind in page("identifiers")["identifier"] if kind.get("strong")]
    for index in range(count):
        kind = kinds[index % len(kinds)]
        key, value = kind["keys"][0], _value(kind, chance)
        disguises = {
            "url": f"https://portal.plusgrid.net/find?{key}={mark(''.join(f'%{byte:02X}' for byte in value.encode()))}&page=1",
            "base64": f"blob: {mark(base64.b64encode(f'{key}={value}'.encode()).decode())}",
            "entities": f"<td>{kind['labels'][0]}: {mark(''.join(f'&#{ord(one)};' for one in value))}</td>",
            "json-escapes": f'{{"{key}": "{mark("".join(f"{chr(92)}u{ord(one):04x}" for one in value))}"}}',
            "hex": f"{key} dump {mark(f'{key}={value}'.encode().hex())}",
            "zero-width": f"{kind['labels'][0]}: {mark(chr(0x200B).join(value))}",
            "full-width": f"{kind['labels'][0]}: {mark(''.join(chr(ord(one) + 0xFEE0) if '!' <= one <= '~' else one for one in value))}",
            "query": f"next=/find%3F{key}%3D{mark(quote(value, safe=''))}",
        }  # fmt: skip
        group = [*disguises][index % len(disguises)]
        yield record(index, "pii", "encoded", group, disguises[group])


def _value(kind: dict[str, Any], chance: random.Random) -> str:
    return number(kind["shape"], kind.get("checks", ()), chance)
