"""News of a change by the facility is found first in a long line: a small index of that alone.

Revision: 0042. Built beside the traffic. It holds what is due and news: nearly nothing.
"""

from alembic import op

from booking.migrations.upgrading import BUILD_TIMEOUT, LOCK_TIMEOUT

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NEWS_DUE = "state = 'due' AND kind IN ('cancelled_by_facility', 'choose', 'conflict', 'moved_by_facility')"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{BUILD_TIMEOUT}'")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_news")  # half-built, by a try that was ended
        op.execute(f"CREATE INDEX CONCURRENTLY message_news ON message (lane, due_at) WHERE {NEWS_DUE}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def downgrade() -> None:
    op.execute("DROP INDEX message_news")
