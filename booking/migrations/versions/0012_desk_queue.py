"""The desk's queue: who came without booking, tests, emergencies, what can be undone, and displays.

Revision: 0012.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ADDED = ("tested_at", "emergency", "name", "birth_year", "phone", "version")


def upgrade() -> None:
    op.execute("ALTER TYPE ticket_state ADD VALUE IF NOT EXISTS 'at_tests' BEFORE 'skipped'")
    op.add_column("queue_ticket", sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("queue_ticket", sa.Column("emergency", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("queue_ticket", sa.Column("name", sa.LargeBinary(), nullable=True))
    op.add_column("queue_ticket", sa.Column("birth_year", sa.Integer(), nullable=True))
    op.add_column("queue_ticket", sa.Column("phone", sa.LargeBinary(), nullable=True))
    op.add_column("queue_ticket", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    for name in ("emergency", "version"):
        op.alter_column("queue_ticket", name, server_default=None)
    op.create_table(
        "queue_act",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=True),
        sa.Column("ticket", sa.Uuid(), nullable=True),
        sa.Column("visit", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="queue_act_public_id_key"),
    )
    op.create_index("queue_act_lately", "queue_act", ["facility_id", "at"], unique=False)
    op.create_table(
        "display",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("services", postgresql.JSONB(), nullable=False),
        sa.Column("names", sa.Boolean(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="display_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="display_public_id_key"),
        sa.UniqueConstraint("token_hash", name="display_token_key"),
    )
    op.create_index("display_facility", "display", ["facility_id"], unique=False)


def downgrade() -> None:
    op.drop_table("display")
    op.drop_table("queue_act")
    for name in _ADDED:
        op.drop_column("queue_ticket", name)
    # The enum's value stays, unused: values are never taken away again.
    op.execute("UPDATE queue_ticket SET state = 'skipped' WHERE state = 'at_tests'")
