"""Hospital exports: answers to conflicts, what each run changed, orders of managers, when a feed was last heard of.

Revision: 0021.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ENUMS = {
    "conflict_answer": ("kept", "moved", "cancelled"),
    "order_kind": ("release", "restore"),
    "order_state": ("waiting", "done", "obsolete"),
}


def _choice(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*_ENUMS[name], name=name, create_type=False)


def upgrade() -> None:
    for name, values in _ENUMS.items():
        postgresql.ENUM(*values, name=name).create(op.get_bind())
    op.add_column("conflict", sa.Column("answer", _choice("conflict_answer"), nullable=True))
    op.add_column("conflict", sa.Column("answered_by", sa.Text(), nullable=True))
    op.add_column("conflict", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "feed_run",
        sa.Column("feed_file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("closed", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("opened", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("would_close", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("would_open", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("waiting", sa.LargeBinary(), nullable=True),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("feed_file_id", name="feed_run_pkey"),
        sa.ForeignKeyConstraint(["feed_file_id"], ["feed_file.id"], name="feed_run_file_fk"),
    )
    op.create_index("feed_run_order", "feed_run", ["feed", "feed_file_id"])
    op.create_table(
        "feed_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("feed_file_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _choice("order_kind"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", _choice("order_state"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="feed_order_pkey"),
        sa.ForeignKeyConstraint(["feed_file_id"], ["feed_file.id"], name="feed_order_file_fk"),
    )
    op.create_index(
        "feed_order_waiting", "feed_order", ["feed_file_id"], unique=True, postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_index("feed_order_file", "feed_order", ["feed_file_id"])
    op.create_table(
        "feed_heard",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("old_minutes", sa.Integer(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("feed", name="feed_heard_pkey"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="feed_heard_facility_fk"),
    )
    op.create_index("feed_heard_facility", "feed_heard", ["facility_id"])
    op.execute(
        "INSERT INTO feed_heard (feed, facility_id, heard_at, old_minutes)"
        " SELECT feed, max(facility_id), max(received_at) FILTER (WHERE state = 'applied'), 120"
        " FROM feed_file WHERE facility_id IS NOT NULL GROUP BY feed"
    )


def downgrade() -> None:
    for table in ("feed_heard", "feed_order", "feed_run"):
        op.drop_table(table)
    for column in ("told_at", "answered_by", "answer"):
        op.drop_column("conflict", column)
    for name in _ENUMS:
        op.execute(f"DROP TYPE {name}")
