"""Our bookings to the hospital, and our own bookings known again when they come back in its export.

Revision: 0026. New tables; two columns with constant defaults or none: no row is written anew.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ENUMS = {
    "out_kind": ("full", "changes"),
    "out_answer": ("accepted", "refused"),
    "clash_kind": ("taken", "moved", "released", "missing"),
}


def _choice(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*_ENUMS[name], name=name, create_type=False)


def upgrade() -> None:
    for name, values in _ENUMS.items():
        postgresql.ENUM(*values, name=name).create(op.get_bind())
    op.add_column("feed_row", sa.Column("our_code", sa.Text(), nullable=True))
    op.add_column("conflict", sa.Column("kind", _choice("clash_kind"), nullable=False, server_default="taken"))
    op.create_table(
        "out_feed",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("current_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("old_minutes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="out_feed_pkey"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="out_feed_facility_fk"),
    )
    op.create_index("out_feed_facility", "out_feed", ["facility_id"])
    op.create_table(
        "out_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", _choice("out_kind"), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visits", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="out_file_pkey"),
        sa.UniqueConstraint("feed", "number", name="out_file_number_key"),
        sa.CheckConstraint("number > 0", name="out_file_number_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="out_file_facility_fk"),
    )
    op.create_index("out_file_waiting", "out_file", ["feed", "number"], postgresql_where=sa.text("handed_at IS NULL"))
    op.create_table(
        "out_told",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "appointment_id", name="out_told_pkey"),
    )
    op.create_index("out_told_visit", "out_told", ["appointment_id"])
    op.create_table(
        "out_answered",
        sa.Column("out_file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answer", _choice("out_answer"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("out_file_id", "position", name="out_answered_pkey"),
        sa.ForeignKeyConstraint(["out_file_id"], ["out_file.id"], name="out_answered_file_fk"),
    )


def downgrade() -> None:
    for table in ("out_answered", "out_told", "out_file", "out_feed"):
        op.drop_table(table)
    op.drop_column("conflict", "kind")
    op.drop_column("feed_row", "our_code")
    for name in _ENUMS:
        op.execute(f"DROP TYPE {name}")
