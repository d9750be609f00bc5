"""The rules as data: read from `rules/*.toml`, checked, and handed out frozen."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

from guardrails.scope.families import family_rows
from guardrails.scope.findings import Kind
from guardrails.scope.labels import labelled
from guardrails.scope.signs import DIGITS, LONG_WORD, NAMES, RUN, Sign

# What may stand between a key and its value in code of any language, JSON, YAML, TOML, env files, headers and prose
# tables.
# \x1f and \x02 are how a JSON tree is written down for scanning (documents.py).
ASSIGNED: Final = r"""["'\]\x1f`)]{0,3}[ \t]{0,4}(?::=|=>|\?=|={1,3}|\|\||:|,|\||>)[ \t]{0,4}[bru@]?["'`\x02(]{0,2}"""


# As in `Candidate.is_near`.
_SHORT: Final = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape of a secret or of a personal datum.

    id: stable, dotted: provider and what it is. entity: the word that may stand in its place.
    regex: RE2 syntax over text of one byte a character; the span is group 1 where there is one, else the whole match.
    keywords: lower-case texts of which any match contains at least one; empty where a match need contain none.
    validators: names in `validators.VALIDATORS`, asked in order.
    near: lower-case words, one of which must stand close to the span.
    labels: words in any language, one of which must label the span (`identity.labels`).
    reach: how a label and its span belong together: `near` one another, as check digits make sure of the rest; or the
    span is all that the label is said to hold.
    sign: a cheap regex that finds something in every text in which `regex` does, or several of which one does, for the
    prefilter; empty to derive one. needs, beside: as a `Sign` has them; of `needs` the name.
    keys: names of keys, one of which must be what a value without a shape of its own is assigned to.
    called, value: for what is told by what people call it: names of lists in `labels.toml`, and the regex of what stands
    after a label of theirs. Of these `regex`, which follows a label, `heads`, the labels, and `leads`, regexes for them,
    are made (`labels.labelled`).
    bounded: neither neighbour of the span may be a letter, digit or underscore.
    joinable: unmistakable enough to be sought across line ends and list items.
    examples, counter_examples: texts in which it must, or must not, speak. Kept in parts in the files,
    so that no scanner of repositories takes them for the real thing.
    """

    id: str
    provider: str
    kind: Kind
    entity: str
    regex: str
    keywords: tuple[str, ...] = ()
    validators: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    reach: Literal["near", "held"] = "near"
    sign: str | tuple[str, ...] = ""
    needs: Literal["", "digits", "names", "run", "word"] = ""
    beside: str = ""
    keys: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    value: str = ""
    heads: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    confidence: float = 0.9
    bounded: bool = True
    joinable: bool = False
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()

    def cheapest_sign(self) -> Sign:
        """What is in every text in which the rule finds something, cheaper to look for than its own regex where there is
        something cheaper.
        """
        shapes = (self.sign,) if isinstance(self.sign, str) else self.sign
        if shapes == ("",):
            shapes = (self._derived_sign(),)
        needs = _NEEDS[self.needs]
        # The words may stand in another block than what needs something.
        return Sign(shapes, self.near or self.keywords, needs, self.beside or (needs if self.near else ""))

    def _derived_sign(self) -> str:
        if self.near:
            # A short word that goes on is another one.
            words = (_literally(word) + (r"(?:[^A-Za-z]|$)" if len(word) <= _SHORT else "") for word in self.near)
            return rf"(?:^|[^A-Za-z])(?i:{'|'.join(words)})"
        return rf"(?i:{'|'.join(map(_spelled, self.keys))})" if self.keys else self.regex


_NEEDS: Final[Mapping[str, str]] = {"": "", "digits": DIGITS, "names": NAMES, "run": RUN, "word": LONG_WORD}
_FIELDS: Final = tuple(field.name for field in fields(Rule))
_WORKING: Final = tuple(name for name in _FIELDS if name not in {"examples", "counter_examples"})


@lru_cache(maxsize=1)
def load_rules() -> tuple[Rule, ...]:
    """Every rule of the package, by file and in file order. Raises ValueError for a rule that is not well formed."""
    return distinct(rule for rules in rules_by_field().values() for rule in rules)


def rules_by_field() -> dict[str, tuple[Rule, ...]]:
    """The same by what they are about, which is what their files are called."""
    return {name.removesuffix(".toml"): parse_rules(text, name) for name, text in _pages()}


@lru_cache(maxsize=1)
def digest_of_source() -> str:
    """SHA-256 over all that rules and signs are made of, code and data, hex."""
    digest = hashlib.sha256()
    for name, data in _sources(files("guardrails.scope")):
        digest.update(b"\0%s\0%s" % (name.encode(), data))
    return digest.hexdigest()


def _sources(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith((".py", ".toml")):
            yield entry.name, entry.read_bytes()
        elif entry.is_dir():
            yield from _sources(entry)


def pack(rules: Iterable[Rule]) -> bytes:
    """The rules without their examples, for a cache file: read in a tenth of the time that their own files take."""
    return json.dumps([[getattr(rule, name) for name in _WORKING] for rule in rules]).encode("ascii")


def unpack(packed: bytes) -> tuple[Rule, ...]:
    """What `pack` was given, without examples."""
    return tuple(Rule(**dict(zip(_WORKING, map(_frozen, row), strict=True))) for row in json.loads(packed))


def _pages() -> list[tuple[str, str]]:
    folder = files("guardrails.scope").joinpath("rules")
    return sorted(
        (page.name, page.read_text(encoding="utf-8")) for page in folder.iterdir() if page.name.endswith(".toml")
    )


def distinct(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules, each with an id of its own. Raises ValueError where two share one."""
    by_id: dict[str, Rule] = {}
    for rule in rules:
        if by_id.setdefault(rule.id, rule) is not rule:
            raise ValueError(f"two rules have one id: {rule.id}")
    return tuple(by_id.values())


def parse_rules(text: str, name: str) -> tuple[Rule, ...]:
    """The rules of one file. A file's `[defaults]` stand where a rule is silent."""
    import tomllib

    page = tomllib.loads(text)
    defaults = page.get("defaults", {})
    try:
        families = page.get("family", ())
        rows = [*page.get("rule", ()), *(row for family in families for row in family_rows(family))]
        if not rows:
            raise KeyError("rule")
        return tuple(_rule({**defaults, **row}) for row in rows)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name}: a rule is not well formed: {error}") from error


def _rule(row: Mapping[str, Any]) -> Rule:
    values = {key: _frozen(value) for key, value in row.items()}
    for shown in ("examples", "counter_examples"):
        values[shown] = tuple("".join(parts) for parts in values.get(shown, ()))
    if "called" in values:
        how = {key: values.pop(key) for key in ("joint", "begins", "opens") if key in values}
        values |= labelled(values["called"], values["value"], **how)
    elif "value" in values:
        values |= _assigned(values["keys"], values.pop("value"))
    unknown = values.keys() - set(_FIELDS)
    if unknown or values.get("needs", "") not in _NEEDS:
        raise TypeError(f"{values.get('id')}: unknown {sorted(unknown) or values['needs']}")
    return Rule(**values)


def _assigned(keys: tuple[str, ...], value: str) -> dict[str, Any]:
    # A value without a shape of its own counts only under a key that names the provider.
    regex = rf"(?i:{'|'.join(map(_spelled, keys))})[A-Za-z0-9_.\- ]{{0,30}}{ASSIGNED}({value})"
    return {"regex": regex, "keywords": tuple(max(key.split("_"), key=len) for key in keys)}


def _spelled(key: str) -> str:
    return key.replace("_", r"[_\-. ]?")


def _literally(word: str) -> str:
    return "".join(
        character if character.isalnum() or character in " _" else rf"\x{ord(character):02x}" for character in word
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
