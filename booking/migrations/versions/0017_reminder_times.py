"""When reminders go, and what a text is known by.

Revision: 0017.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KINDS = ("reminder_day_family", "reminder_hours_family", "turn_near", "running_late", "conflict")


def upgrade() -> None:
    # What was sent on some days is read by a coarse index, which costs a booking nothing.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_created")
        op.create_index(
            "message_created", "message", ["created_at"], unique=False, postgresql_using="brin",
            postgresql_concurrently=True,
        )  # fmt: skip
    for kind in _KINDS:
        op.execute(f"ALTER TYPE message_kind ADD VALUE IF NOT EXISTS '{kind}'")
    op.add_column("service", sa.Column("remind_day_at", sa.Time(), nullable=True, server_default=sa.text("'18:00'")))
    op.add_column("service", sa.Column("remind_minutes", sa.Integer(), nullable=True, server_default=sa.text("120")))
    op.create_check_constraint(
        "service_remind_day_check", "service", "remind_day_at >= '07:00' AND remind_day_at < '21:00'"
    )
    op.create_check_constraint("service_remind_minutes_check", "service", "remind_minutes BETWEEN 30 AND 720")
    op.create_table(
        "reminder_family",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.LargeBinary(), nullable=False),
        sa.Column("useful_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("carried_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="reminder_family_message_fk"),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("reminder_family_key", "reminder_family", ["family"], unique=False)
    op.create_table(
        "number_standing",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silent_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("silent_code", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("phone_index"),
    )
    op.create_table(
        "visit_call",
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("call", postgresql.ENUM(name="call_outcome", create_type=False), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("calls > 0", name="visit_call_calls_check"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="visit_call_appointment_fk"),
        sa.PrimaryKeyConstraint("appointment_id", "version"),
    )


def downgrade() -> None:
    op.drop_index("message_created", table_name="message")
    op.drop_table("visit_call")
    op.drop_table("number_standing")
    op.drop_table("reminder_family")
    op.drop_column("service", "remind_minutes")
    op.drop_column("service", "remind_day_at")
    # Values of an enum are never taken away again: a step back leaves them unused.
