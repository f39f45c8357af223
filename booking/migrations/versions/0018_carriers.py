"""What all senders share about a provider, what was posted by hour, number and facility, and what its list showed.

Revision: 0018.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Bookings wait for no index that is being built. It comes first: what is outside a transaction can be done again.
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_unnamed")  # half-built, by a try that was ended
        op.execute(
            "CREATE INDEX CONCURRENTLY message_unnamed ON message (phone_index)"
            " WHERE posted_at IS NOT NULL AND provider_sid IS NULL"
        )
    op.add_column("message", sa.Column("segments", sa.SmallInteger(), nullable=True))
    _channel()
    op.create_table(
        "message_tally",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.CheckConstraint("posts > 0", name="message_tally_posts_check"),
        sa.PrimaryKeyConstraint("scope", "since", "subject"),
    )
    op.create_table(
        "sms_reconciliation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("listed", "known", "adopted", "advanced")),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("strange", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("done_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "day", name="sms_reconciliation_key"),
    )


def _channel() -> None:
    op.create_table(
        "sms_channel",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("empty_at", _MOMENT, nullable=False),
        sa.Column("rest_until", _MOMENT, nullable=True),
        sa.Column("held_at", _MOMENT, nullable=True),
        sa.Column("held_code", sa.Integer(), nullable=True),
        sa.Column("probe_at", _MOMENT, nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=True),
        sa.Column("hour_at", _MOMENT, nullable=False),
        sa.Column("hour_posts", sa.Integer(), nullable=False),
        sa.Column("hour_usual", sa.Integer(), nullable=False),
        sa.Column("day_at", _MOMENT, nullable=False),
        sa.Column("day_posts", sa.Integer(), nullable=False),
        sa.Column("freed_until", _MOMENT, nullable=True),
        sa.Column("stopped_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("provider"),
    )


def downgrade() -> None:
    op.drop_index("message_unnamed", table_name="message")
    op.drop_table("sms_reconciliation")
    op.drop_table("message_tally")
    op.drop_table("sms_channel")
    op.drop_column("message", "segments")
