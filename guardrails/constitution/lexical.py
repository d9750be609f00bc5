"""Facts from lines of any other language, by pattern; and text that a reader cannot see, in every language. Pure."""

import re
from collections.abc import Iterator, Sequence

from guardrails.constitution.edited import Edited, Line
from guardrails.constitution.facts import Fact
from guardrails.constitution.rules import CodeFamily, CodeRules
from guardrails.constitution.targets import Targets

_SHEBANG = re.compile(r"#![^\n]{0,80}?\b(python|bash|zsh|sh|node|ruby|perl|php|lua|deno|bun)")
_SHEBANG_LANGUAGES = {
    "node": "javascript",
    "deno": "javascript",
    "bun": "javascript",
    "perl": "script",
    "lua": "script",
}
_COMMENT_STARTS = {
    "shell": "#", "ruby": "#", "python": "#", "python-like": "#", "javascript": "//", "go": "//", "c": "//", "rust": "//",
    "jvm": "//", "dotnet": "//", "php": "//",
}  # fmt: skip
# A comment that steers a tool is read even where the rest of a comment is not.
_STEERING = re.compile(
    r"eslint|@ts-|istanbul|c8 |v8 |biome|prettier|shellcheck|rubocop|nolint|NOLINT|#nosec|go:|NOSONAR|phpcs|phpstan|psalm|luacheck|#!"
)
_PATTERN_LANGUAGES = {"python-like": "python"}
# A Cyrillic, Armenian or Cherokee letter inside a Latin word is there to look like another.
_LOOKALIKE = re.compile(
    "[A-Za-z][\u0400-\u052f\u0531-\u0587\u13a0-\u13ff]|[\u0400-\u052f\u0531-\u0587\u13a0-\u13ff][A-Za-z]"
)
# Bidirectional controls reorder what a reviewer sees; the others hide letters inside a word.
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\U000e0001-\U000e007f]")
# What a line says in quotation marks, or as an address without them.
_TEXT = re.compile(r"\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'|`([^`\n]{1,200})`|(\w+://[^\s\"'`)]{1,200})")
# `"MET" + "RIC"`, in C and its kin also `"MET" "RIC"`.
_ADDED_LITERALS = re.compile(r"(?<=\w)([\"'`])[ \t]*\+[ \t]*\1(?=\w)")
_JOINED_LITERALS = re.compile(r"(?<=\w)(\")[ \t]*\+?[ \t]*\1(?=\w)")
_JOINING_BY_BLANK = frozenset({"c"})
_ESCAPED_LETTER = re.compile(r"\\u00[4-7][0-9a-fA-F]|\\x[4-7][0-9a-fA-F]")
_SPLIT_BY_QUOTES = re.compile(r"(?<=[a-z])(?:''|\"\"|\\)(?=[a-z])")
_BIN_FOLDER = re.compile(r"(?<![\w/])/(?:usr/)?(?:local/)?s?bin/(?=[a-z])")
# Where a compiler begins a line and a diff does not: what follows a comment sign is no comment there.
_LINE_END = re.compile("[\r\u0085\u2028\u2029]")
_SPLITTING = re.compile(
    "\\w[\u00ad\u034f\u115f\u1160\u180e\u200b\u200c\u2060-\u2064\u3164\ufeff\uffa0]+(?=\\w)", re.ASCII
)
_MARGIN_COLUMN = 400  # code pushed so far to the right, behind blanks, is out of every reader's sight
_MARGIN = re.compile(r"\S[ \t]{200,}\S")


def language_of(path: str, text: str, rules: CodeRules) -> str:
    """By the file's name, else its suffix, else its first line; `unknown` is judged by every language's patterns."""
    name = path.rpartition("/")[2].casefold()
    stem, dot, suffix = name.rpartition(".")
    known = (
        rules.file_names.get(name) or rules.file_names.get(stem if dot else name) or rules.suffixes.get(dot + suffix)
    )
    if dot and suffix and rules.suffixes.get(dot + suffix):
        known = rules.suffixes[dot + suffix]
    shebang = _SHEBANG.match(text)
    if shebang and known in {None, "prose", "data"}:
        return _SHEBANG_LANGUAGES.get(
            shebang.group(1), "shell" if shebang.group(1).endswith("sh") else shebang.group(1)
        )
    return known or "unknown"


def facts(path: str, lines: Sequence[Line], language: str, rules: CodeRules, targets: Targets) -> list[Fact]:
    """Facts in lines of a file in any language but parsed Python and prose."""
    read = [way for line in lines if not _is_comment(line.text, language) for way in _ways_to_read(line, language)]
    text = "\n".join(line.text for line in read)
    found = [
        _used(path, rules.families[rule.family], rule.family, match.group(), read[text.count("\n", 0, match.start())])
        for name in _pattern_languages(language, rules)
        for rule in rules.index.by_language.get(name, ())
        if not rule.needs or any(needed in text for needed in rule.needs)
        for match in rule.pattern.finditer(text)
    ]
    return found + [fact for line in read for fact in _target_facts(path, line, rules, targets)]


def comment_facts(file: Edited, rules: CodeRules, *, is_added: bool) -> list[Fact]:
    """Comments that steer the checks of Python source, which the syntax tree does not hold."""
    return [
        # The comment alone is the fact: that the code before it changed makes it no new one.
        _fact(file.path, rule.family, match.group()[match.group().find("#") :], line)
        for line in (file.added if is_added else file.removed)
        if "#" in line.text
        for rule in rules.index.by_language.get("python-comment", ())
        for match in rule.pattern.finditer(line.text)
    ]


def unseen(line: str) -> str | None:
    """What in this line a reader cannot see, or None."""
    if (ending := _LINE_END.search(line.rstrip("\r"))) is not None:
        return f"U+{ord(ending.group()):04X}"
    if not line.isascii() and (match := _REORDERING.search(line) or _SPLITTING.search(line) or _LOOKALIKE.search(line)):
        return f"U+{max(map(ord, match.group())):04X}"
    if len(line) > _MARGIN_COLUMN // 2 and _MARGIN.search(line):
        return "code far to the right"
    return None


def _pattern_languages(language: str, rules: CodeRules) -> list[str]:
    if language == "unknown":
        return [name for name in rules.index.by_language if name != "python-comment"]
    return ["any", _PATTERN_LANGUAGES.get(language, language)]


def _ways_to_read(line: Line, language: str) -> Iterator[Line]:
    """As it stands with its literals put together, and, where that differs, without the escapes and quotes that hide a word."""
    joined = (_JOINED_LITERALS if language in _JOINING_BY_BLANK else _ADDED_LITERALS).sub("", line.text)
    yield Line(line.number, joined)
    plain = _ESCAPED_LETTER.sub(_unescaped, joined) if "\\" in joined else joined
    if language == "shell":
        plain = _BIN_FOLDER.sub("", _SPLIT_BY_QUOTES.sub("", plain))
    if plain != joined:
        yield Line(line.number, plain)


def _unescaped(match: re.Match[str]) -> str:
    digits = match.group()[2:]
    return bytes.fromhex(digits[-2:]).decode("latin-1")


def _is_comment(line: str, language: str) -> bool:
    """A line that begins as a comment, and steers no tool. A comment after code is read with the code: it may be no comment."""
    start = _COMMENT_STARTS.get(language)
    return start is not None and line.lstrip().startswith(start) and _STEERING.search(line) is None


def _target_facts(path: str, line: Line, rules: CodeRules, targets: Targets) -> Iterator[Fact]:
    if (found := targets.metric_in(line.text)) is not None:
        yield _fact(path, rules.number("metric"), found, line)
    if (found := targets.path_in(line.text)) is not None:
        yield _fact(path, rules.number("harness"), found, line)


def _used(path: str, family: CodeFamily, number: int, text: str, line: Line) -> Fact:
    """What tells it from another like it: in an exact family the line's first text, else those that are new wherever they stand."""
    texts = [next(filter(None, match.groups()), "").removeprefix("node:") for match in _TEXT.finditer(line.text)]
    telling = [one for one in texts if family.familiar_unless is not None and family.familiar_unless.search(one)]
    key = " ".join([*text.split(), *(texts[:1] if family.is_exact else telling)])
    return Fact(number, key, path, line.number, " ".join(text.split())[:80], is_telling=bool(telling))


def _fact(path: str, family: int, text: str, line: Line) -> Fact:
    key = " ".join(text.split())
    return Fact(family, key, path, line.number, key[:80], is_telling=True)
