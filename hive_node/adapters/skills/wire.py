"""What an engine of one's own is told and answers, as JSON. What it answers is checked: it is somebody's code."""

from typing import Any, Final, Literal, TypeVar

from pydantic import TypeAdapter

from hive_node.skills.case import Case
from hive_node.skills.engine import (
    Episode,
    Evidence,
    Guidance,
    Order,
    Proposal,
    Unavailable,
    Validation,
    Wanted,
)
from hive_node.skills.skill import Tried

_T = TypeVar("_T")
EPISODE: Final = TypeAdapter(Episode)
ORDER: Final = TypeAdapter(Order)
PROPOSAL: Final = TypeAdapter(Proposal)
VALIDATION: Final = TypeAdapter(Validation)
TRIED: Final = TypeAdapter(Tried)
CASES: Final = TypeAdapter(tuple[Case, ...])


class Tagged:
    """One of several dataclasses, by its name; None is null."""

    def __init__(self, *kinds: type[Any]) -> None:
        self._by_name = {kind.__name__: (kind, TypeAdapter(kind)) for kind in kinds}

    def dump_python(self, value: Any, mode: Literal["json"]) -> Any:
        """As TypeAdapter.dump_python. Raises KeyError for what is none of them."""
        if value is None:
            return None
        name = type(value).__name__
        return {name: self._by_name[name][1].dump_python(value, mode=mode)}

    def validate_python(self, tree: Any) -> Any:
        """As TypeAdapter.validate_python. Raises ValueError."""
        if tree is None:
            return None
        if not isinstance(tree, dict) or len(tree) != 1 or not tree.keys() <= self._by_name.keys():
            raise ValueError(f"an answer is one of {', '.join(self._by_name)}")
        ((name, value),) = tree.items()
        return self._by_name[name][1].validate_python(value)


ANALYSIS: Final = Tagged(Guidance, Wanted, Evidence)
PROPOSED: Final = Tagged(Proposal, Unavailable)
