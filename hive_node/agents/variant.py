"""A variant: one content-addressed state of a coding agent's configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, get_args

from protocol.ids import sha256_hex

Digest: TypeAlias = str
Style: TypeAlias = Literal["terse", "normal", "verbose"]
STYLES: Final[tuple[Style, ...]] = get_args(Style)

# Kinds of tools that a session may well be better without, as people speak of them; each agent has its own names for what is in
# them. Edits and commands are not among them: nobody's work is to wait for an experiment.
TOOLS: Final = ("background", "mcp", "subagents", "web")

# A prefix is read by the agent in every session: a page is more than enough, and less than any agent's limit.
MOST_PREFIX_CHARS: Final = 4000
MOST_RULES: Final = 24


@dataclass(frozen=True, slots=True)
class Variant:
    """What an agent is told and allowed beside its user's own settings.

    system_prompt_prefix: words at the head of what it is told. model_pref: a model's name as this agent spells it; None: the
    user's own choice. behavioral_rules: ids of the curated pool, in the order in which they are shown. tool_permissions: the
    kinds of tools that are not forbidden; all of them forbid nothing, and none is ever allowed that the user's settings do
    not allow. extensions: anything of an integration's own, by name. Raises ValueError for what no agent could be given.
    """

    system_prompt_prefix: str = ""
    model_pref: str | None = None
    behavioral_rules: tuple[str, ...] = ()
    response_style: Style = "normal"
    tool_permissions: tuple[str, ...] = TOOLS
    extensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if len(self.system_prompt_prefix) > MOST_PREFIX_CHARS or len(self.behavioral_rules) > MOST_RULES:
            raise ValueError(f"a variant has up to {MOST_PREFIX_CHARS} characters of prefix and {MOST_RULES} rules")
        if len(set(self.behavioral_rules)) != len(self.behavioral_rules):
            raise ValueError("a rule stands once")
        if self.response_style not in STYLES or not set(self.tool_permissions) <= set(TOOLS):
            raise ValueError(f"styles are {', '.join(STYLES)}; tools are {', '.join(TOOLS)}")
        object.__setattr__(self, "tool_permissions", tuple(sorted(set(self.tool_permissions))))

    @property
    def digest(self) -> Digest:
        """SHA-256 of its canonical JSON: sorted keys, no blanks, UTF-8. The order of tools says nothing, that of rules does."""
        return sha256_hex(canonical_json(self).encode("utf-8"))

    @property
    def forbidden(self) -> tuple[str, ...]:
        """The kinds of tools that it is to leave alone."""
        return tuple(tool for tool in TOOLS if tool not in self.tool_permissions)

    def tree(self) -> dict[str, Any]:
        """Plain data, as it is stored and served."""
        names = [one.name for one in fields(self) if one.name != "extensions"]
        return {name: _plain(getattr(self, name)) for name in names} | {"extensions": dict(self.extensions)}


def variant_of(tree: Mapping[str, Any]) -> Variant:
    """The variant that `tree` describes. Raises ValueError, TypeError where it describes none."""
    lists = {name: tuple(tree[name]) for name in ("behavioral_rules", "tool_permissions") if name in tree}
    return Variant(**{**tree, **lists})


def canonical_json(variant: Variant) -> str:
    """The one spelling that the digest is taken of."""
    return json.dumps(variant.tree(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a variant came from. parent: None for the one that an agent began with."""

    variant: Variant
    parent: Digest | None
    operator: str
    idea: str
    at: datetime

    @property
    def digest(self) -> Digest:
        return self.variant.digest


def difference(before: Variant, after: Variant) -> dict[str, tuple[Any, Any]]:
    """What the two do not share, by field: (before, after)."""
    one, other = before.tree(), after.tree()
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
