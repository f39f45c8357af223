"""Closing times with people inside: the plan, its visits, the call list.

Revision: 0010.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _enum(name: str, *values: str) -> postgresql.ENUM:
    return postgresql.ENUM(*values, name=name, create_type=False)


SCOPE = _enum("closing_scope", "session", "practitioner", "facility", "city")
ANSWER = _enum("closing_answer", "move", "ask", "cancel")
STATE = _enum("closing_state", "applying", "applied", "undoing", "undone", "ended")
FATE = _enum("visit_fate", "moved", "asked", "no_place", "cancelled", "here")
UNDONE = _enum("undone_as", "restored", "changed", "stays")
CALL = _enum("call_outcome", "not_called", "no_answer", "reached", "will_come", "moved", "cancelled")
TYPES = (SCOPE, ANSWER, STATE, FATE, UNDONE, CALL)


def upgrade() -> None:
    for kind in TYPES:
        kind.create(op.get_bind())
    # Values are never taken away again: a step back leaves them unused.
    for name, value in (
        ("message_kind", "moved_by_facility"),
        ("message_kind", "cancelled_by_facility"),
        ("message_kind", "choose"),
        ("offer_state", "withdrawn"),
    ):
        op.execute(f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS '{value}'")
    op.create_table(
        "closing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("scope", SCOPE, nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("practitioner_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reason_en", sa.Text(), nullable=False),
        sa.Column("answer", ANSWER, nullable=False),
        sa.Column("send_now", sa.Boolean(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sms_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="closing_span_check"),
        sa.CheckConstraint("(scope = 'city') = (facility_id IS NULL)", name="closing_facility_check"),
        sa.CheckConstraint("(scope = 'session') = (session_id IS NOT NULL)", name="closing_session_check"),
        sa.CheckConstraint(
            "(scope = 'practitioner') = (practitioner_id IS NOT NULL)", name="closing_practitioner_check"
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="closing_facility_fk"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="closing_session_fk"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="closing_practitioner_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="closing_public_id_key"),
    )
    op.create_index(
        "closing_working", "closing", ["id"], unique=False, postgresql_where=sa.text("state IN ('applying', 'undoing')")
    )
    op.create_index("closing_facility", "closing", ["facility_id", "ends_at"], unique=False)
    op.create_table(
        "closing_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("closing_id", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("fate", FATE, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("old_slot_id", sa.BigInteger(), nullable=False),
        sa.Column("old_place", sa.SmallInteger(), nullable=False),
        sa.Column("old_reserved", sa.Boolean(), nullable=False),
        sa.Column("old_starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("new_slot_id", sa.BigInteger(), nullable=True),
        sa.Column("unreachable", sa.Text(), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone", UNDONE, nullable=True),
        sa.Column("call", CALL, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(fate IN ('asked', 'no_place')) = (answer_by IS NOT NULL)", name="closing_visit_answer_check"
        ),
        sa.CheckConstraint("(fate = 'moved') = (new_slot_id IS NOT NULL)", name="closing_visit_moved_check"),
        sa.CheckConstraint("calls >= 0", name="closing_visit_calls_check"),
        sa.ForeignKeyConstraint(["closing_id"], ["closing.id"], name="closing_visit_closing_fk"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="closing_visit_appointment_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("closing_id", "appointment_id", name="closing_visit_key"),
    )
    op.create_index("closing_visit_appointment", "closing_visit", ["appointment_id"], unique=False)


def downgrade() -> None:
    op.drop_table("closing_visit")
    op.drop_table("closing")
    for kind in reversed(TYPES):
        kind.drop(op.get_bind())
