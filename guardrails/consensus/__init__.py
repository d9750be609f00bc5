"""What a node believes of what its hive says: one vote an owner, and no few of them move a figure (docs/protocol.md §9)."""

from guardrails.consensus.claims import Seen
from guardrails.consensus.held import Electorate
from guardrails.consensus.location import Figure, Unknown, assumed_liars, merge_e_values, robust_location
from guardrails.consensus.recipes import RecipeBelief
from guardrails.consensus.standing import Standing
from guardrails.consensus.tasks import OperatorBelief, TaskBelief
from guardrails.consensus.view import View, believe

__all__ = [
    "Electorate",
    "Figure",
    "OperatorBelief",
    "RecipeBelief",
    "Seen",
    "Standing",
    "TaskBelief",
    "Unknown",
    "View",
    "assumed_liars",
    "believe",
    "merge_e_values",
    "robust_location",
]
