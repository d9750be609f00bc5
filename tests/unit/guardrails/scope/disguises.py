"""Ways to write a text so that it is not seen: each takes what is to be hidden, and gives the code or text that hides
it.
"""

import base64
import gzip
import html
import json
import quopri
import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import quote

Disguise: TypeAlias = Callable[[str], str]


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hex_of(text: str) -> str:
    return text.encode().hex()


def each(form: str) -> Disguise:
    """Every character by its code, formatted."""
    return lambda text: "".join(form.format(ord(character)) for character in text)


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def wrapped(width: int, ending: str = "\n") -> Disguise:
    def wrap(text: str) -> str:
        whole = base64_of(f"some text that goes before it, and makes it long enough: {text} {'and after it. ' * 9}")
        return ending.join(whole[start : start + width] for start in range(0, len(whole), width))

    return wrap


def swapped_hex(text: str) -> str:
    return "".join(c.upper() if index % 3 else c for index, c in enumerate(hex_of(text)))


def thirds(text: str) -> list[str]:
    third = len(text) // 3
    return [text[:third], text[third : 2 * third], text[2 * third :]]


def pieces(form: str) -> Disguise:
    """Three literals put into `form`."""
    return lambda text: form.format(*thirds(text))


def lettered(offset: int, small: int) -> Disguise:
    """Letters of another block of Unicode that NFKC reads as Latin ones."""

    def write(text: str) -> str:
        return "".join(
            chr(offset + ord(c) - 65) if "A" <= c <= "Z" else chr(small + ord(c) - 97) if "a" <= c <= "z" else c
            for c in text
        )

    return write


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def circled(text: str) -> str:
    return "".join(chr(0x24D0 + ord(c) - 97) if "a" <= c <= "z" else c for c in text)


def look_alike(foreign: str, latin: str) -> Disguise:
    table = str.maketrans(latin, foreign)
    return lambda text: text.translate(table)


def between(mark: str) -> Disguise:
    return mark.join


def half_escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if index % 2 else c for index, c in enumerate(text))


def quoted_printable(text: str) -> str:
    return "Content-Transfer-Encoding: quoted-printable\n\n" + "".join(f"={ord(c):02X}" for c in text)


def soft_lines(text: str) -> str:
    return quopri.encodestring(
        f"{'a line so long that it is broken where it says: ':<60}{text} = that".encode()
    ).decode()


ENCODINGS: dict[str, Disguise] = {
    "base64": base64_of,
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 unpadded": lambda text: base64_of(text).rstrip("="),
    "base64 in lines of 64": wrapped(64),
    "base64 in lines of 76, quoted": wrapped(76, "\n> "),
    "base64 in a literal with line ends": wrapped(64, "\\n"),
    "base64 twice": lambda text: base64_of(base64_of(text)),
    "base64 in hex": lambda text: hex_of(base64_of(text)),
    "base64 in URL": lambda text: quote(base64_of(text + "??>"), safe=""),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64 of zlib": lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
    "base64 of many": lambda text: base64_of(
        json.dumps({"Łódź": 1, "it": text, "other": "für alle"}, ensure_ascii=False)
    ),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "ascii85": lambda text: base64.a85encode(text.encode(), adobe=True).decode(),
    "hex": hex_of,
    "HEX": lambda text: hex_of(text).upper(),
    "hex in either case": swapped_hex,
    "hex in reversed case": lambda text: hex_of(text).swapcase(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "hex with hyphens": lambda text: text.encode().hex("-"),
    "hex of 0x": lambda text: ", ".join(f"0x{ord(c):02x}" for c in text),
    "hex of \\x": each("\\x{:02x}"),
    "hex in base64": lambda text: base64_of(hex_of(text)),
    "URL": percent,
    "URL twice": lambda text: quote(percent(text), safe=""),
    "URL of marks": lambda text: quote(text, safe="").replace("_", "%5F").replace("a", "%61"),
    "HTML decimal": each("&#{};"),
    "HTML hexadecimal": each("&#x{:x};"),
    "HTML with zeros": each("&#{:05};"),
    "HTML without semicolons": each("&#{:03}"),
    "HTML named": lambda text: (
        html.escape(text).replace("_", "&lowbar;").replace("@", "&commat;").replace("-", "&#45;")
    ),
    "JSON": each("\\u{:04x}"),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": each("\\u{:04x}")(text)})),
    "half of it in JSON": half_escaped,
    "C octal": each("\\{:03o}"),
    "JavaScript": each("\\u{{{:x}}}"),
    "Python": each("\\U{:08x}"),
    "quoted-printable": quoted_printable,
    "quoted-printable, soft lines": soft_lines,
    "codes": lambda text: str(list(text.encode())),
    "codes without spaces": lambda text: "String.fromCharCode(" + ",".join(map(str, text.encode())) + ")",
    "codes of chr": lambda text: "+".join(f"chr({ord(c)})" for c in text),
    "codes of CHR": lambda text: " || ".join(f"CHR({ord(c)})" for c in text),
    "codes of Go": lambda text: "[" + " ".join(map(str, text.encode())) + "]",
}

LETTERS: dict[str, Disguise] = {
    "full width": full_width,
    "mathematical bold": lettered(0x1D400, 0x1D41A),
    "mathematical sans": lettered(0x1D5A0, 0x1D5BA),
    "mathematical monospace": lettered(0x1D670, 0x1D68A),
    "circled": circled,
    "Cyrillic": look_alike("асеорхуАВСЕНКМОРТХ", "aceopxyABCEHKMOPTX"),
    "Greek": look_alike("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo"),
    "Armenian": look_alike("օսցհ", "ough"),
    "zero-width space": between("\u200b"),
    "zero-width joiner": between("\u200d"),
    "word joiner": between("\u2060"),
    "byte order mark": between("\ufeff"),
    "soft hyphen": between("\u00ad"),
    "combining marks": between("\u0336"),
    "right to left marks": between("\u200f"),
    "variation selectors": between("\ufe0f"),
    "tags": between("\U000e0061"),
}

LITERALS: dict[str, Disguise] = {
    "Python +": pieces('"{}" + "{}" + "{}"'),
    "Python, implicit": pieces("'{}' '{}' '{}'"),
    "Python, implicit over lines": pieces('(\n    "{}"\n    "{}"\n    "{}"\n)'),
    "Python join": pieces('"".join(["{}", "{}", "{}"])'),
    "Python join over lines": pieces("''.join([\n    '{}',\n    '{}',\n    '{}',\n])"),
    "Python %": pieces('"%s%s%s" % ("{}", "{}", "{}")'),
    "Python format": pieces('"{{}}{{}}{{}}".format("{}", "{}", "{}")'),
    "Python f-string": pieces("f\"{{'{}'}}{{'{}'}}{{'{}'}}\""),
    "Python +=": pieces('"{}"\nvalue += "{}"\nvalue += "{}"'),
    "JavaScript +": pieces("'{}' +\n  '{}' +\n  '{}'"),
    "JavaScript templates": pieces("`${{'{}'}}${{'{}'}}${{'{}'}}`"),
    "JavaScript backticks": pieces("`{}` + `{}` + `{}`"),
    "JavaScript join": pieces("['{}', '{}', '{}'].join('')"),
    "JavaScript concat": pieces("'{}'.concat('{}', '{}')"),
    "Go +": pieces('"{}" +\n\t"{}" +\n\t"{}"'),
    "Go Join": pieces('strings.Join([]string{{"{}", "{}", "{}"}}, "")'),
    "Go Sprintf": pieces('fmt.Sprintf("%s%s%s", "{}", "{}", "{}")'),
    "shell quotes": pieces('"{}"\'{}\'"{}"'),
    "shell, half in quotes": pieces("{}\"{}\"'{}'"),
    "shell, middle in quotes": pieces("{}'{}'{}"),
    "shell +=": pieces('"{}"; value+="{}"; value+="{}"'),
    "backslash": lambda text: text[:20] + "\\\n" + text[20:],
    "backslash and indent": lambda text: text[:20] + "\\\n    " + text[20:],
    "Java": pieces('"{}"\n        + "{}"\n        + "{}"'),
    "Java append": pieces('new StringBuilder("{}").append("{}").append("{}").toString()'),
    "C": pieces('"{}"\n    "{}"\n    "{}"'),
    "C#": pieces('string.Concat("{}", "{}", "{}")'),
    "PHP": pieces("'{}' . '{}' . '{}'"),
    "PHP .=": pieces("'{}';\n$value .= '{}';\n$value .= '{}'"),
    "PHP implode": pieces("implode('', ['{}', '{}', '{}'])"),
    "Perl": pieces('"{}"."{}"."{}"'),
    "Lua": pieces('"{}" .. "{}" .. "{}"'),
    "SQL": pieces("'{}' || '{}' || '{}'"),
    "SQL CONCAT": pieces("CONCAT('{}', '{}', '{}')"),
    "R": pieces('paste0("{}", "{}", "{}")'),
    "Haskell": pieces('"{}" ++ "{}" ++ "{}"'),
    "Elixir": pieces('"{}" <> "{}" <> "{}"'),
    "Basic": pieces('"{}" & "{}" & "{}"'),
    "Ruby": pieces("['{}', '{}', '{}'].join"),
}


def broken(leader: str) -> Disguise:
    """Over two lines that begin alike."""
    return lambda text: f"{leader}kept here:\n{leader}{text[:22]}\n{leader}{text[22:]}\n{leader}and so on"


LINES: dict[str, Disguise] = {
    "indented": broken("    "),
    "Python comment": broken("# "),
    "C comment": broken("// "),
    "C block comment": broken(" * "),
    "SQL comment": broken("-- "),
    "quoted mail": broken("> "),
    "quoted twice": broken("> > "),
    "diff, added": broken("+"),
    "diff, removed": broken("-"),
    "diff, indented": broken("+    "),
    "Markdown list": broken("  | "),
    "YAML folded": lambda text: f"value: >-\n  {text[:22]}\n  {text[22:]}\nother: 1",
    "Windows lines": lambda text: f"kept here\r\n{text[:22]}\r\n{text[22:]}\r\nnext",
}


def all_disguises() -> Iterator[tuple[str, Disguise]]:
    for family in (ENCODINGS, LETTERS, LITERALS, LINES):
        yield from family.items()
