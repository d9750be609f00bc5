"""When a member that did not answer is due again: a restart forgets nobody's back-off."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("peers", sa.Column("retry_at", sa.Text, nullable=True))
