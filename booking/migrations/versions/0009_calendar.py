"""Notices, limits of a room's day, single-day exceptions of the timetable.

Revision: 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

VALIDITY = "weekly_session_validity_check"


def upgrade() -> None:
    op.add_column(
        "slot",
        sa.Column("withdrawn_places", postgresql.ARRAY(sa.SmallInteger()), server_default="{}", nullable=False),
    )
    # A weekly session that is taken out before it ever took place ends on the day before it begins.
    op.drop_constraint(VALIDITY, "weekly_session")
    op.create_check_constraint(VALIDITY, "weekly_session", "valid_to IS NULL OR valid_to >= valid_from - 1")
    for table in ("practitioner", "room"):
        op.add_column(table, sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("room", sa.Column("day_limit", sa.Integer(), nullable=True))
    op.create_check_constraint("room_limit_check", "room", "day_limit BETWEEN 1 AND 500")
    op.create_table(
        "session_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("weekly_session_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("starts < ends", name="session_change_hours_check"),
        sa.CheckConstraint("slot_minutes BETWEEN 1 AND 480", name="session_change_slot_check"),
        sa.CheckConstraint("capacity BETWEEN 1 AND 500", name="session_change_capacity_check"),
        sa.CheckConstraint("reserved BETWEEN 0 AND capacity", name="session_change_reserved_check"),
        sa.ForeignKeyConstraint(["weekly_session_id"], ["weekly_session.id"], name="session_change_weekly_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("weekly_session_id", "day", name="session_change_key"),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("shown_from", sa.Date(), nullable=False),
        sa.Column("shown_until", sa.Date(), nullable=False),
        sa.CheckConstraint("shown_from <= shown_until", name="notice_days_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="notice_facility_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="notice_service_fk"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notice_facility", "notice", ["facility_id", "shown_until"], unique=False)


def downgrade() -> None:
    op.drop_table("notice")
    op.drop_table("session_change")
    op.drop_constraint("room_limit_check", "room")
    op.drop_column("room", "day_limit")
    for table in ("practitioner", "room"):
        op.drop_column(table, "active")
    op.drop_constraint(VALIDITY, "weekly_session")
    op.create_check_constraint(VALIDITY, "weekly_session", "valid_to IS NULL OR valid_to >= valid_from")
    op.drop_column("slot", "withdrawn_places")
