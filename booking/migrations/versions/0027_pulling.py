"""Exports that are fetched: how each feed's server was last found, and what is remembered of it.

Revision: 0027. A new table and an enum; nothing that is there is touched.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_PROBLEMS = (
    "no_secret", "name_unknown", "address_forbidden", "refused", "unreachable", "timed_out", "too_slow", "broken_off",
    "host_key_changed", "host_key_unknown", "no_common_way", "login_refused", "no_such_folder", "not_allowed",
    "too_many_files", "too_large", "odd_answer", "no_such_page", "http_status", "certificate_expired",
    "certificate_untrusted", "certificate_other_name", "redirected", "length_unknown", "not_tidied", "no_room_here",
    "failed",
)  # fmt: skip


def upgrade() -> None:
    postgresql.ENUM(*_PROBLEMS, name="server_problem").create(op.get_bind())
    op.create_table(
        "feed_fetch",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", postgresql.ENUM(name="server_problem", create_type=False), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("memory", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="feed_fetch_pkey"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="feed_fetch_facility_fk"),
    )
    op.create_index("feed_fetch_facility", "feed_fetch", ["facility_id"])


def downgrade() -> None:
    op.drop_table("feed_fetch")
    op.execute("DROP TYPE server_problem")
