"""What went long after it was written is found on its day: a small index of that alone.

Revision: 0034. Built beside the traffic. It holds what waited for more than four days: nearly nothing.
"""

from alembic import op

from booking.migrations.upgrading import BUILD_TIMEOUT, LOCK_TIMEOUT

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

LATE = "coalesce(posted_at, due_at) - created_at > interval '4 days'"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{BUILD_TIMEOUT}'")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_late")  # half-built, by a try that was ended
        op.execute(f"CREATE INDEX CONCURRENTLY message_late ON message (posted_at, due_at) WHERE {LATE}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def downgrade() -> None:
    op.execute("DROP INDEX message_late")
