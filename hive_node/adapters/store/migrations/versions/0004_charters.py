"""Proposals, changes to be issued again, and who waits to be let in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "amendments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("change", sa.JSON, nullable=False),
        sa.Column("turned_down", sa.JSON, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "joiners",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("invite", sa.Text, nullable=False),
        sa.Column("certificate", sa.LargeBinary, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Text, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
