"""What the guard of a scan goes by: the rules, and what this machine knows of itself."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from guardrails.scope.catalogue import load_rules, rules_by_field
from guardrails.scope.detectors import keep_rules_ready
from guardrails.scope.engine import Engine
from guardrails.scope.findings import Finding
from guardrails.scope.local import LocalFacts
from hive_node.adapters.clock import SystemChance
from hive_node.adapters.dictionary import collect_names, collect_secrets
from hive_node.adapters.scope_engine import load_engine
from hive_node.config.home import pattern_cache

_KEY_BYTES: Final = 32
# Of rules that are no shape, by the first part of their ids.
_LAYERS: Final = {
    "assignment": "it is assigned to a key that promises a secret",
    "bare": "chance explains it better than language",
    "decoders": "more is encoded here than can be looked into",
}
_NOBODY: Final = bytes(_KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Scanner:
    """The rules, and the facts they go by. Quicker to load than the guard, whose engine and facts they are."""

    engine: Engine
    facts: LocalFacts

    @classmethod
    def of(cls, paths: Sequence[str], *, local: bool) -> "Scanner":
        """local: whether it knows this machine's names, and the secrets of it and of the repositories at `paths`."""
        keep_rules_ready()
        engine = load_engine(pattern_cache())
        if not local:
            return cls(engine, LocalFacts.build([], [], _NOBODY))
        folders = sorted({root for name in paths if name != "-" for root in _repositories(Path(name))})
        # Secrets of the repositories at hand; not their people: these stand in the history of what is looked through.
        secrets = collect_secrets(folders, os.environ, Path.home())
        return cls(engine, LocalFacts.of([*collect_names([]), *secrets], SystemChance().token_bytes(_KEY_BYTES)))

    def scan(self, text: str, least: float = 0.0) -> list[Finding]:
        """Every secret and personal datum in the text that is so sure at least, in order, none overlapping another."""
        return self.engine.scan(text, (self.facts,), least)

    def explain(self, finding: Finding) -> str:
        """What the finding was found by, in words; never the value."""
        return f"{self._ground(finding)}; {finding.confidence:.0%} sure"

    def _ground(self, finding: Finding) -> str:
        if finding.source is not None:
            return f"this machine knows it from {finding.source}"
        rule = next((rule for rule in load_rules() if rule.id == finding.rule), None)
        if rule is not None:
            near = f", near a word such as {rule.near[0]}" if rule.near else ""
            return f"its shape is a known one ({rule.provider}: {rule.entity}){near}"
        return _LAYERS.get(finding.rule.partition(".")[0], "it was found by meaning")


def rules_tree() -> dict[str, Any]:
    """Every rule, as JSON, and of how many providers and kinds they are."""
    by_field = rules_by_field()
    rules = [rule for rules in by_field.values() for rule in rules]
    return {
        "items": [
            {"id": rule.id, "provider": rule.provider, "kind": rule.kind, "entity": rule.entity, "field": name}
            for name, rules in by_field.items()
            for rule in rules
        ],
        "providers": len({rule.provider for rule in rules if rule.kind == "secret"}),
        "identifiers": len({rule.id for rule in rules if rule.kind == "pii"}),
    }


def _repositories(path: Path) -> list[Path]:
    here = path.absolute()
    return [folder for folder in (here, *here.parents) if (folder / ".git").exists()][:1]
