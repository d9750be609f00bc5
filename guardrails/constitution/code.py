"""Judge the code that a change adds: facts present after and not before, in Python by its tree, elsewhere by pattern. Pure."""

import textwrap
from collections.abc import Iterator

from guardrails.constitution import lexical, syntax
from guardrails.constitution.change import Surface
from guardrails.constitution.edited import Edited, Passage
from guardrails.constitution.facts import Fact, added_facts
from guardrails.constitution.rules import PREFIX, CodeRules
from guardrails.constitution.targets import Targets, targets_of
from guardrails.verdict import Rejected


def judge(files: tuple[Edited, ...], surface: Surface, rules: CodeRules) -> Iterator[Rejected]:
    """Facts are counted over the whole change, so that code which moved from one file to another is not new."""
    targets = targets_of(surface)
    before: list[Fact] = []
    after: list[Fact] = []
    for file in files:
        yield from _unseen(file)
        language = lexical.language_of(file.path, file.after[0].text if file.after else "", rules)
        if language == "python":
            yield from _judge_python(file, rules, targets, before, after)
        elif language != "prose":
            before += lexical.facts(file, language, rules, targets, is_added=False)
            after += lexical.facts(file, language, rules, targets, is_added=True)
    yield from (_rejected(fact, rules) for fact in added_facts(before, after))


def _judge_python(
    file: Edited, rules: CodeRules, targets: Targets, before: list[Fact], after: list[Fact]
) -> Iterator[Rejected]:
    """A whole file must parse; an excerpt that does not is read by pattern, on both sides alike."""
    if file.is_whole:
        tree = syntax.parse(file.after[0].text) if file.after else None
        if tree is None:
            yield Rejected(f"{PREFIX}.code.unparsable", "the file is no Python after the change", {"path": file.path})
            return
        found = syntax.facts(tree, file.path, rules, targets)
        after += found
        before += _facts_before(file, rules, targets) if found else []
    else:
        excerpts = [_excerpt_facts(file, passages, rules, targets) for passages in (file.before, file.after)]
        if all(found is not None for found in excerpts):
            before += excerpts[0] or []
            after += excerpts[1] or []
        else:
            before += lexical.facts(file, "python", rules, targets, is_added=False)
            after += lexical.facts(file, "python", rules, targets, is_added=True)
    before += lexical.comment_facts(file, rules, is_added=False)
    after += lexical.comment_facts(file, rules, is_added=True)


def _facts_before(file: Edited, rules: CodeRules, targets: Targets) -> list[Fact]:
    """What was not Python before has no facts: nothing in it excuses what is there now."""
    tree = syntax.parse(file.before[0].text) if file.before else None
    return syntax.facts(tree, file.path, rules, targets) if tree is not None else []


def _excerpt_facts(
    file: Edited, passages: tuple[Passage, ...], rules: CodeRules, targets: Targets
) -> list[Fact] | None:
    found: list[Fact] = []
    for passage in passages:
        tree = syntax.parse(textwrap.dedent(passage.text))
        if tree is None:
            return None
        found += syntax.facts(tree, file.path, rules, targets, passage.first_line)
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
