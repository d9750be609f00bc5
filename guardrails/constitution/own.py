"""Judge a change by the rules the user added. Each of them refuses by itself; none can allow. Pure."""

from collections.abc import Iterator

from guardrails.constitution.edited import Edited
from guardrails.constitution.folding import fold
from guardrails.constitution.globs import covers
from guardrails.constitution.rules import OwnRule, RuleSet
from guardrails.verdict import Rejected


def judge(idea: str, files: tuple[Edited, ...], rules: RuleSet) -> Iterator[Rejected]:
    folded = fold(idea, rules.words.lookalikes)
    for rule in rules.own:
        if any(pattern.search(text) for pattern in rule.idea for text in (idea, folded)):
            yield Rejected(rule.id, rule.reason, {"where": "idea"})
        for file in files:
            yield from _judge_file(rule, file)


def _judge_file(rule: OwnRule, file: Edited) -> Iterator[Rejected]:
    if any(covers(glob.casefold(), file.path.casefold()) for glob in rule.paths):
        yield Rejected(rule.id, rule.reason, {"path": file.path})
    for line in file.added:
        if any(pattern.search(line.text) for pattern in rule.added):
            yield Rejected(rule.id, rule.reason, {"path": file.path, "line": line.number})
