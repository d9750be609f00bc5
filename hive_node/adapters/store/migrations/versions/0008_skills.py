"""Learning from what happened: events and their deliveries, skills with their cases, and what engines have earned."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("skill", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("task_events_by_key", "task_events", ["owner", "project", "agent", "key"], unique=True)
    op.create_index("task_events_by_skill", "task_events", ["skill", "id"])
    op.create_table(
        "handlers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("handled", sa.Integer, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("handler", sa.Text, primary_key=True),
        sa.Column("event", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("result", sa.JSON),
    )
    op.create_index("deliveries_by_state", "deliveries", ["handler", "state", "due_at"])
    op.create_table(
        "guidance",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("signature", sa.Text, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "skill_versions",
        sa.Column("skill", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("parent", sa.Integer),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("skill_versions_by_origin", "skill_versions", ["origin"], unique=True)
    op.create_index("skill_versions_by_state", "skill_versions", ["state"])
    op.create_index("skill_versions_by_scope", "skill_versions", ["owner", "project", "agent"])
    op.create_table(
        "skill_cases",
        sa.Column("skill", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("is_held_out", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("skill_cases_by_digest", "skill_cases", ["skill", "digest"], unique=True)
    op.create_table(
        "skill_signals",
        sa.Column("skill", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("objective", sa.Text, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "skill_outcomes",
        sa.Column("skill", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("passed", sa.Integer, nullable=False),
    )
    op.create_table(
        "capabilities",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("engine", sa.Text, primary_key=True),
        sa.Column("successes", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("credit", sa.Integer, nullable=False),
    )
    op.create_table(
        "capability_days",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("candidates", sa.Integer, nullable=False),
        sa.Column("mutations", sa.Integer, nullable=False),
    )
