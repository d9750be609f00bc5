"""Receipts are asked for by what they are of."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("receipts_by_subject", "receipts", ["subject"])
