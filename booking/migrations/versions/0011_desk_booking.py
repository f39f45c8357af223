"""People without a telephone, people that were merged, series of visits.

Revision: 0011.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_REACHED = ("phone", "phone_index", "phone_last4_index")


def upgrade() -> None:
    for column in _REACHED:
        op.alter_column("patient", column, existing_type=sa.LargeBinary(), nullable=True)
    op.add_column("patient", sa.Column("merged_into_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("patient_merged_fk", "patient", "patient", ["merged_into_id"], ["id"])
    op.create_table(
        "patient_merge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.BigInteger(), nullable=False),
        sa.Column("merged_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.CheckConstraint("kept_id <> merged_id", name="patient_merge_two_check"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="patient_merge_undone_check"),
        sa.ForeignKeyConstraint(["kept_id"], ["patient.id"], name="patient_merge_kept_fk"),
        sa.ForeignKeyConstraint(["merged_id"], ["patient.id"], name="patient_merge_merged_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="patient_merge_public_id_key"),
    )
    op.create_index(
        "patient_merge_live_key", "patient_merge", ["merged_id"], unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )  # fmt: skip
    op.create_index("patient_merge_kept", "patient_merge", ["kept_id"])
    op.create_index("appointment_patient", "appointment", ["patient_id", "facility_id"])
    op.create_index(
        "queue_ticket_patient", "queue_ticket", ["patient_id"], postgresql_where=sa.text("patient_id IS NOT NULL")
    )
    _series()


def _series() -> None:
    op.create_table(
        "visit_series",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="visit_series_patient_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="visit_series_public_id_key"),
    )
    op.create_index("visit_series_patient", "visit_series", ["patient_id"])
    op.create_table(
        "series_date",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("due BETWEEN first_day AND last_day", name="series_date_window_check"),
        sa.CheckConstraint("number > 0", name="series_date_number_check"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="series_date_appointment_fk"),
        sa.ForeignKeyConstraint(["series_id"], ["visit_series.id"], name="series_date_series_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("appointment_id", name="series_date_appointment_key"),
        sa.UniqueConstraint("series_id", "number", name="series_date_number_key"),
    )


def downgrade() -> None:
    op.drop_table("series_date")
    op.drop_table("visit_series")
    op.drop_index("queue_ticket_patient", table_name="queue_ticket")
    op.drop_index("appointment_patient", table_name="appointment")
    op.drop_table("patient_merge")
    op.drop_column("patient", "merged_into_id")
    for column in _REACHED:
        op.execute(f"UPDATE patient SET {column} = '' WHERE {column} IS NULL")
        op.alter_column("patient", column, existing_type=sa.LargeBinary(), nullable=False)
