"""Traps made from what each rule, layer and decoder looks for: texts that nearly match it, over and over.

A shape is a unit that is repeated to a length. Whoever adds a rule gets its traps with it.
"""

import base64
import gzip
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from guardrails.scope.catalogue import Rule, load_rules

# What a writer of traps puts between two repetitions: nothing, what ends a token, what begins a value, what opens.
JOINTS = ("", " ", "\n", "=", ': "', ",")


@dataclass(frozen=True, slots=True)
class Trap:
    """A text of any length: `head`, then `unit` over and over."""

    name: str
    unit: str
    head: str = ""

    def text(self, chars: int) -> str:
        """So many characters of it."""
        return (self.head + self.unit * (chars // len(self.unit) + 1))[:chars]


def every_trap() -> Iterator[Trap]:
    """All of them, the same at every call."""
    yield from general()
    for rule in load_rules():
        yield from of_rule(rule)


def of_rule(rule: Rule) -> Iterator[Trap]:
    """Near misses and hits of one rule, and its words alone."""
    for index, example in enumerate(rule.examples[:2]):
        whole, cut = example.strip(), example.strip()[:-1]
        yield Trap(f"{rule.id}: hits {index}", whole + " ")
        yield Trap(f"{rule.id}: cut short {index}", cut + " ")
        yield Trap(f"{rule.id}: without an end {index}", cut)
        yield Trap(f"{rule.id}: first half {index}", whole[: len(whole) // 2 + 1])
        yield Trap(f"{rule.id}: goes on {index}", whole[-3:], head=whole)
    for word in (*rule.keywords[:2], *rule.near[:2], *rule.keys[:2]):
        for joint in JOINTS:
            yield Trap(f"{rule.id}: {word!r} {joint!r}", word + joint)
        yield Trap(f"{rule.id}: {word!r} and figures", f"{word} 123456789 12-34-56 ")
        yield Trap(f"{rule.id}: {word!r} of many", "7", head=word + ": ")


def general() -> Iterator[Trap]:
    """What is in no rule: single characters, brackets, keys, nearly encoded runs, bombs."""
    for character in "a0A =:\"'`\\/%&+-_.@\n\t{[(<|;,\x00\u200b\u0430\u0661\U0001f600":
        yield Trap(f"only {character!r}", character)
    units = (
        "key=", "password=", "password:\n", 'password = "', "token token ", "a@", "a@a.", "1:1:1:", "1.1.", "::", "fe80::",
        "1 2 ", "12-", "+49 ", "(0) ", "IBAN ", "BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END", "://", "http://a:b",
        "x:y@", "eyJ", "eyJ.eyJ.", "AKIA", "ghp_", "%41", "%25", "%2525", "&#65;", "&amp;", "&#38;#38;", "\\u0041",
        "\\\\u0041", "\\x5c", "=3D", "=3D3D", "=\n", "\\\n", "a\\\n", "QUJD", "QUJD\n", "QUJD/", "4142", "41 ", "41:", "0x41,",
        "65,66,", "65 ", "chr(65)+", "MFRGG", "<~87cUR", '"a" + ', '"a" "b" ', "'a','b',", '"".join(["a",', "`a` ", "a'b'",
        "${'a'}", "[", "{", '{"a":', '[[["', "<!--", "<a ", "{{", "#{", "$(", "\x02", "\x03", "\x1f: ", "aaaaaaaaaaaaaaaa\n",
        "# aaaaaaaaaaaaaaaa\n", "a: >\n ", "geb. 1.1.19", "12.12.1999 ", "Mr. A ", "St. ", "1 Main ", "10.0.0.", "4111 1111 ",
        "0 ", "9" * 15 + " ", "a-b-", "a_b_", "C:\\Users\\", "/home/a", "/home/", "name: A B\n", "Dear A B,\n", "Ａ", "é",
    )  # fmt: skip
    for unit in units:
        yield Trap(f"units {unit!r}", unit)
    for first, second in itertools.pairwise(units[:60:3]):
        yield Trap(f"pair {first!r} {second!r}", first + second)
    inner = "QUJD" * 30
    for depth in range(1, 7):
        inner = base64.b64encode(inner.encode()).decode()
        yield Trap(f"nested base64 {depth}", inner[: 4000 - 4000 % 4] + " ")
    bomb = base64.b64encode(gzip.compress(b"a b c d e f " * 100_000, mtime=0)).decode()
    yield Trap("bombs", bomb + " ")
    yield Trap("bombs of nothing", base64.b64encode(gzip.compress(bytes(1_000_000), mtime=0)).decode() + "\n")
    yield Trap("lines of base64 that go on", base64.b64encode(b"some text that is text ").decode() * 2 + "\n")
