"""Texts whose contents are to go, and reminders that shared one, are found by their age.

Revision: 0035. Built beside the traffic. A text comes into the first index when it was sent or given up, so nothing
that is booked touches it, and leaves it when it is emptied.
"""

from alembic import op

from booking.migrations.upgrading import BUILD_TIMEOUT, LOCK_TIMEOUT

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

CONTENTS = "state NOT IN ('due', 'claimed', 'sending', 'unknown') AND (facts <> '{}'::jsonb OR phone_index IS NOT NULL)"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(f"SET lock_timeout = '{BUILD_TIMEOUT}'")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_contents")  # half-built, by a try that was ended
        op.execute(f"CREATE INDEX CONCURRENTLY message_contents ON message (useful_until) WHERE {CONTENTS}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS reminder_family_over")
        op.execute("CREATE INDEX CONCURRENTLY reminder_family_over ON reminder_family (useful_until)")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def downgrade() -> None:
    op.execute("DROP INDEX reminder_family_over")
    op.execute("DROP INDEX message_contents")
