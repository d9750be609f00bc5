"""Coding agents: their variants, contests, sessions, and the files that were written into."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("folder", sa.Text),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "variants",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("parent", sa.Text),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("idea", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "contests",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("contest", sa.Integer),
        sa.Column("is_open", sa.Integer, nullable=False, index=True),
        sa.Column("seen_at", sa.Text, nullable=False),
        sa.Column("scored_at", sa.Text),
        sa.Column("score", sa.Float),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("sessions_by_contest", "sessions", ["agent", "contest"])
    op.create_table(
        "agent_files",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("original", sa.LargeBinary),
        sa.Column("written", sa.LargeBinary),
        sa.Column("made_folders", sa.JSON, nullable=False),
    )
