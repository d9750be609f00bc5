"""Judge the code that a change adds: facts present after and not before, in Python by its tree, elsewhere by pattern. Pure."""

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from guardrails.constitution import lexical, syntax
from guardrails.constitution.change import Surface
from guardrails.constitution.edited import Edited, Line, Passage
from guardrails.constitution.facts import Fact, added_facts
from guardrails.constitution.rules import PREFIX, CodeRules
from guardrails.constitution.targets import Targets, targets_of
from guardrails.verdict import Rejected

# A newer Python's syntax counts as none: what this interpreter cannot read, this gate cannot judge.
_UNPARSABLE = (
    f"after the change the file is no Python {sys.version_info.major}.{sys.version_info.minor}, which this node reads"
)


def judge(files: tuple[Edited, ...], surface: Surface, rules: CodeRules) -> Iterator[Rejected]:
    """Facts are counted over the whole change, so that code which moved from one file to another is not new."""
    reader = _Reader(rules, targets_of(surface))
    after: list[Fact] = []
    for file in files:
        yield from _unseen(file)
        found = reader.facts_after(file)
        if found is None:
            yield Rejected(f"{PREFIX}.code.unparsable", _UNPARSABLE, {"path": file.path})
        after += found or []
    # Most changes hold no fact at all: then there is nothing that what was there before could excuse.
    before = [fact for file in files for fact in reader.facts_before(file)] if after else []
    added = added_facts(before, after)
    held = reader.held(files, {fact.path for fact in added}) if added else set()
    yield from (_rejected(fact, rules) for fact in added if not _is_familiar(fact, held))


def _is_familiar(fact: Fact, held: set[tuple[str, int, str]]) -> bool:
    """More of what the file did already: a client that gets a time-out is no newly added access."""
    return not fact.is_telling and (fact.path, fact.family, fact.root) in held


@dataclass(frozen=True, slots=True)
class _Reader:
    """Facts on one side of a file: Python by its tree where it parses, all else by pattern over the lines that differ."""

    rules: CodeRules
    targets: Targets

    def facts_after(self, file: Edited) -> list[Fact] | None:
        """None for a whole file that claims to be Python and does not parse."""
        language = self._language(file)
        if language != "python":
            return self._lexical(file, language, is_added=True)
        comments = lexical.comment_facts(file, self.rules, is_added=True)
        if not file.is_whole and not self._is_parsable(file):
            return self._lexical(file, language, is_added=True) + comments
        found = self._parsed(file, file.after)
        return None if found is None else found + comments

    def facts_before(self, file: Edited) -> list[Fact]:
        """What was no Python before has no facts: nothing in it excuses what is there now."""
        language = self._language(file)
        if language != "python":
            return self._lexical(file, language, is_added=False)
        comments = lexical.comment_facts(file, self.rules, is_added=False)
        if not file.is_whole and not self._is_parsable(file):
            return self._lexical(file, language, is_added=False) + comments
        return (self._parsed(file, file.before) or []) + comments

    def held(self, files: tuple[Edited, ...], paths: set[str]) -> set[tuple[str, int, str]]:
        """What of the families that a file may be familiar with was in it already, by file, family and module."""
        return {
            (fact.path, fact.family, fact.root)
            for file in files
            if file.path in paths
            for fact in self._all_before(file)
            if self.rules.families[fact.family].familiar_unless is not None
        }

    def _all_before(self, file: Edited) -> list[Fact]:
        language = self._language(file)
        if language == "python" and (file.is_whole or self._is_parsable(file)):
            return self._parsed(file, file.before) or []
        lines = [Line(0, text) for passage in file.before for text in passage.text.split("\n")]
        return [] if language == "prose" else lexical.facts(file.path, lines, language, self.rules, self.targets)

    def _language(self, file: Edited) -> str:
        return lexical.language_of(file.path, file.after[0].text if file.after else "", self.rules)

    def _lexical(self, file: Edited, language: str, *, is_added: bool) -> list[Fact]:
        lines = file.added if is_added else file.removed
        return [] if language == "prose" else lexical.facts(file.path, lines, language, self.rules, self.targets)

    def _is_parsable(self, file: Edited) -> bool:
        """Both sides of an excerpt must parse, or both are read by pattern: facts of two kinds do not compare."""
        return all(syntax.parse(textwrap.dedent(passage.text)) for passage in (*file.before, *file.after))

    def _parsed(self, file: Edited, passages: tuple[Passage, ...]) -> list[Fact] | None:
        found: list[Fact] = []
        for passage in passages:
            tree = syntax.parse(passage.text if file.is_whole else textwrap.dedent(passage.text))
            if tree is None:
                return None
            excerpt_from = None if file.is_whole else passage.first_line
            found += syntax.facts(tree, file.path, self.rules, self.targets, excerpt_from)
        return found


def _unseen(file: Edited) -> Iterator[Rejected]:
    for line in file.added:
        if (what := lexical.unseen(line.text)) is not None:
            yield Rejected(
                f"{PREFIX}.code.hidden-text",
                "adds text that a reader cannot see",
                {"path": file.path, "line": line.number, "found": what},
            )


def _rejected(fact: Fact, rules: CodeRules) -> Rejected:
    family = rules.families[fact.family]
    found = "".join(letter if letter.isprintable() else " " for letter in fact.found)
    return Rejected(family.id, family.reason, {"path": fact.path, "line": fact.line, "found": found})
