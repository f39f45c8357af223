"""Exports that staff show for an hour, in sealed pieces; and the feeds in force, for pages and alarms.

Revision: 0028. New tables only.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    postgresql.ENUM("waiting", "done", "failed", name="shown_state").create(op.get_bind())
    op.create_table(
        "shown_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", postgresql.ENUM(name="shown_state", create_type=False), nullable=False),
        sa.Column("shown_by", sa.Text(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("told", postgresql.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="shown_file_pkey"),
        sa.UniqueConstraint("public_id", name="shown_file_public_key"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="shown_file_facility_fk"),
    )
    op.create_index("shown_file_waiting", "shown_file", ["id"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index("shown_file_facility", "shown_file", ["facility_id", "shown_at"])
    op.create_table(
        "shown_part",
        sa.Column("shown_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("shown_id", "number", name="shown_part_pkey"),
        sa.ForeignKeyConstraint(["shown_id"], ["shown_file.id"], name="shown_part_file_fk", ondelete="CASCADE"),
    )
    op.create_table(
        "feed_listed",
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("problems", postgresql.JSONB(), nullable=False),
        sa.Column("keeps", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file_name", name="feed_listed_pkey"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="feed_listed_facility_fk"),
    )
    op.create_index("feed_listed_facility", "feed_listed", ["facility_id"])


def downgrade() -> None:
    for table in ("feed_listed", "shown_part", "shown_file"):
        op.drop_table(table)
    op.execute("DROP TYPE shown_state")
