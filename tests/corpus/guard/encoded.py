"""Secrets in disguise: encoded, escaped, spelt with other letters, cut to pieces."""

import base64
import random
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import quote

from tests.corpus.guard.pages import page
from tests.corpus.guard.records import Record, mark, record
from tests.corpus.guard.shapes import draw

Disguise: TypeAlias = Callable[[str, random.Random], str]

_LOOK_ALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def encoded(count: int, chance: random.Random) -> Iterator[Record]:
    """Providers' tokens in each disguise in turn."""
    providers = [one for one in page("providers")["provider"] if one.get("alone") and "://" not in one["shape"]]
    disguises = [*DISGUISES.items()]
    for number in range(count):
        group, disguise = disguises[number % len(disguises)]
        yield record(
            number, "secret", "encoded", group, disguise(draw(chance.choice(providers)["shape"], chance), chance)
        )


def _base64(token: str, _chance: random.Random) -> str:
    return f"config_b64: {mark(_b64(f'export API_TOKEN={token}'))}"


def _base64_twice(token: str, _chance: random.Random) -> str:
    return f'payload = "{mark(_b64(_b64(f"token={token}")))}"'


def _base64_lines(token: str, _chance: random.Random) -> str:
    raw = _b64(f"# settings\nregion=eu-west-1\nAPI_TOKEN={token}\nretries=3\n")
    return "base64 -d <<EOF\n" + mark("\n".join(raw[at : at + 64] for at in range(0, len(raw), 64))) + "\nEOF"


def _base64_utf16(token: str, _chance: random.Random) -> str:
    return "powershell -EncodedCommand " + mark(base64.b64encode(f"$env:T='{token}'".encode("utf-16le")).decode())


def _hex(token: str, chance: random.Random) -> str:
    raw = token.encode().hex()
    return f'bytes.fromhex("{mark(chance.choice((raw, raw.upper(), raw.swapcase())))}")'


def _hex_mixed(token: str, chance: random.Random) -> str:
    return mark("".join(chance.choice((one.upper(), one)) for one in token.encode().hex()))


def _hex_dump(token: str, chance: random.Random) -> str:
    return "dump: " + mark(token.encode().hex(chance.choice(" :")))


def _hex_escapes(token: str, _chance: random.Random) -> str:
    return f'x = "{mark("".join(f"{chr(92)}x{byte:02x}" for byte in token.encode()))}"'


def _octal_escapes(token: str, _chance: random.Random) -> str:
    return f"printf '{mark(''.join(f'{chr(92)}{byte:03o}' for byte in token.encode()))}'"


def _url(token: str, chance: random.Random) -> str:
    changed = "".join(one if one.isalnum() and chance.random() < 0.6 else f"%{ord(one):02X}" for one in token)
    return f"https://x.kontora.de/cb?next={mark(changed)}&ok=1"


def _url_twice(token: str, _chance: random.Random) -> str:
    return "redirect=" + mark(quote("".join(f"%{ord(one):02x}" for one in token)))


def _entities(token: str, chance: random.Random) -> str:
    return f"<td>{mark(''.join(chance.choice((f'&#{ord(one)};', f'&#x{ord(one):x};')) for one in token))}</td>"


def _json_escapes(token: str, chance: random.Random) -> str:
    share = chance.choice((0.4, 1.0))
    return (
        '{"token": "' + mark("".join(f"\\u{ord(one):04x}" if chance.random() < share else one for one in token)) + '"}'
    )


def _zero_width(token: str, chance: random.Random) -> str:
    hidden = chance.choice(_ZERO_WIDTH)
    return "token " + mark("".join(one + hidden * (chance.random() < 0.3) for one in token[:-1]) + token[-1])


def _full_width(token: str, _chance: random.Random) -> str:
    return "token: " + mark("".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in token))


def _look_alikes(token: str, chance: random.Random) -> str:
    return "key=" + mark("".join(one.translate(_LOOK_ALIKES) if chance.random() < 0.5 else one for one in token))


def _character_codes(token: str, _chance: random.Random) -> str:
    return f"String.fromCharCode({mark(','.join(str(ord(one)) for one in token))})"


def _joined(before: str, between: str, after: str) -> Disguise:
    return lambda token, chance: before + mark(between.join(_cut(token, chance))) + after


def _cut(token: str, chance: random.Random) -> list[str]:
    borders = sorted(chance.sample(range(3, len(token) - 3), chance.choice((1, 2))))
    return [token[first:last] for first, last in zip([0, *borders], [*borders, len(token)], strict=True)]


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


DISGUISES: Mapping[str, Disguise] = {
    "base64": _base64,
    "base64-twice": _base64_twice,
    "base64-lines": _base64_lines,
    "base64-utf16": _base64_utf16,
    "hex": _hex,
    "hex-mixed": _hex_mixed,
    "hex-dump": _hex_dump,
    "hex-escapes": _hex_escapes,
    "octal-escapes": _octal_escapes,
    "url": _url,
    "url-twice": _url_twice,
    "entities": _entities,
    "json-escapes": _json_escapes,
    "zero-width": _zero_width,
    "full-width": _full_width,
    "look-alikes": _look_alikes,
    "character-codes": _character_codes,
    "python": _joined('token = "', '" + "', '"'),
    "python-implicit": _joined('token = (\n    "', '"\n    "', '"\n)'),
    "python-join": _joined("token = ''.join(['", "', '", "'])"),
    "javascript": _joined("const t =\n  '", "' +\n  '", "';"),
    "go": _joined('t := "', '" + "', '"'),
    "java": _joined('String t = "', '" + "', '";'),
    "php": _joined("$t = '", "' . '", "';"),
    "shell": _joined('T="', '""', '"'),
    "shell-lines": _joined("export T=", "\\\n", ""),
    "c": _joined('const char *t = "', '" "', '";'),
    "yaml-lines": _joined('token: "', "\\\n  ", '"'),
    "two-lines": _joined("note to self, the token is ", "\n", "\nend"),
}  # fmt: skip
