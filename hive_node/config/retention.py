"""`[retention]`: what a node lets go of by age. Absent: nothing."""

from typing import Annotated, TypeAlias

from pydantic import Field

from hive_node.config.toml import Section

# A week at least: a promotion is watched for a day, and a person is away for some.
Days: TypeAlias = Annotated[int, Field(ge=7, le=36_500)]


class RetentionSection(Section):
    """[retention]: days after which something goes; what has no number stays. Ideas, verdicts, promotions and entries always stay.

    runs_days: each single run of experiments that are over. sessions_days: sessions of coding agents whose contest is decided.
    events_days: what GET /v1/events tells (10 000 at most in any case).
    """

    runs_days: Days | None = None
    sessions_days: Days | None = None
    events_days: Days | None = None
