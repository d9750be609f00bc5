"""Promotions that are measured again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("idea", sa.Integer, primary_key=True),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("due_at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
