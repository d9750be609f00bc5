"""Finds secrets and personal data in what would leave a machine, and in what arrived; and is the only one who lets it
pass.
"""

from guardrails.scope.engine import Engine, default_engine
from guardrails.scope.findings import Finding, TreeFinding
from guardrails.scope.guard import Incoming, InScope, Outgoing, Receipt, ScopeGuard
from guardrails.scope.local import Fact, LocalFacts
from guardrails.scope.spellings import NameKind

__all__ = [
    "Engine",
    "Fact",
    "Finding",
    "InScope",
    "Incoming",
    "LocalFacts",
    "NameKind",
    "Outgoing",
    "Receipt",
    "ScopeGuard",
    "TreeFinding",
    "default_engine",
]
