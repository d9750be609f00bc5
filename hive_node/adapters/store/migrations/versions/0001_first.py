"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "experiments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment", sa.Text, nullable=False, index=True),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "ideas",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("diff", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("recipe", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("rule", sa.Text),
        sa.Column("value", sa.Float),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("trial", sa.JSON),
        sa.Column("verdict", sa.JSON),
        sa.Index("ideas_by_diff", "task", "diff"),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("idea", sa.Integer, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Index("samples_by_idea", "experiment", "idea"),
    )
    op.create_table(
        "promotions",
        sa.Column("experiment", sa.Text, primary_key=True),
        sa.Column("idea", sa.Integer, primary_key=True),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "charters",
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("task", sa.Text, index=True),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, unique=True),
        sa.Column("received_at", sa.Text, nullable=False),
        sa.UniqueConstraint("author", "epoch", "seq"),
    )
    op.create_table(
        "held",
        sa.Column("author", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "proofs",
        sa.Column("author", sa.Text, primary_key=True),
        sa.Column("first", sa.LargeBinary, nullable=False),
        sa.Column("second", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_table(
        "peers",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("last_seen", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_table(
        "invites",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.Text, nullable=False),
        sa.Column("wrong", sa.Integer, nullable=False),
        sa.Column("used_by", sa.Text),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("schemas go forward; restore the copy that was set aside instead")
