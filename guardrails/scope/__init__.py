"""Finds secrets and personal data in what would leave a machine, and in what arrived; and is the only one who lets it
pass.
"""

from typing import TYPE_CHECKING, Any

from guardrails.scope.engine import Engine, default_engine
from guardrails.scope.findings import Finding, TreeFinding
from guardrails.scope.local import Fact, LocalFacts
from guardrails.scope.spellings import NameKind

if TYPE_CHECKING:
    from guardrails.scope.guard import Incoming, InScope, Outgoing, Receipt, ScopeGuard

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


def __getattr__(name: str) -> Any:
    """The guard, which needs the deltas' models, when it is first asked for: a scan of files starts twice as fast without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from guardrails.scope import guard

    return getattr(guard, name)
