"""`[skills]`: learning from what agents report. Absent, events are kept and nothing is made of them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from hive_node.config.toml import Section

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Names: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
Paths: TypeAlias = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], Field(strict=False)]


class SkillsSection(Section):
    """[skills]. engines: those that may work here, each by its name; none unless written. handlers: files of handlers of one's own."""

    engines: Names = ()
    handlers: Paths = ()
    dollars: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 0.0
    share: Literal["none", "recipes"] = "none"
    fitness: Name = "weighted"
