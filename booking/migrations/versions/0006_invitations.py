"""Invitations to a re-examination.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATE = postgresql.ENUM("open", "used", "lapsed", "withdrawn", name="invitation_state", create_type=False)


def upgrade() -> None:
    STATE.create(op.get_bind())
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=True),
        sa.Column("marks", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.Column("birth_year", sa.Integer(), nullable=False),
        sa.Column("birth_day", sa.LargeBinary(), nullable=True),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day <= due AND due <= last_day", name="invitation_days_check"),
        sa.CheckConstraint("cardinality(marks) > 0", name="invitation_marks_check"),
        sa.CheckConstraint("(state = 'used') = (appointment_id IS NOT NULL)", name="invitation_used_check"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="invitation_appointment_fk"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="invitation_facility_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="invitation_service_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="invitation_public_id_key"),
        sa.UniqueConstraint("source", "source_key", name="invitation_source_key"),
    )
    op.create_index("invitation_marks", "invitation", ["marks"], unique=False, postgresql_using="gin")
    op.create_index("invitation_open", "invitation", ["last_day"], unique=False, postgresql_where="state = 'open'")
    op.create_index(
        "invitation_appointment",
        "invitation",
        ["appointment_id"],
        unique=False,
        postgresql_where="appointment_id IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index("invitation_appointment", table_name="invitation", postgresql_where="appointment_id IS NOT NULL")
    op.drop_index("invitation_open", table_name="invitation", postgresql_where="state = 'open'")
    op.drop_index("invitation_marks", table_name="invitation", postgresql_using="gin")
    op.drop_table("invitation")
    STATE.drop(op.get_bind())
