"""What did not arrive may go once more; a patient may be asked to choose where the hospital gave her time away.

Revision: 0029. All of it can be done again, and no booking waits: columns come without rewriting the table, the index
is built beside the traffic.
"""

from alembic import op

from booking.migrations.upgrading import BUILD_TIMEOUT, LOCK_TIMEOUT

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE message ADD COLUMN IF NOT EXISTS again_at timestamptz")
        op.execute("ALTER TABLE message ADD COLUMN IF NOT EXISTS once_more boolean NOT NULL DEFAULT false")
        op.execute(f"SET lock_timeout = '{BUILD_TIMEOUT}'")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS message_again")  # half-built, by a try that was ended
        op.execute("CREATE INDEX CONCURRENTLY message_again ON message (again_at) WHERE again_at IS NOT NULL")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        op.execute("ALTER TYPE closing_scope ADD VALUE IF NOT EXISTS 'visit'")
        op.execute("ALTER TYPE conflict_answer ADD VALUE IF NOT EXISTS 'asked'")


def downgrade() -> None:
    # Values of the enums stay: rows may have them, and nothing earlier minds.
    op.execute("DROP INDEX message_again")
    op.execute("ALTER TABLE message DROP COLUMN once_more, DROP COLUMN again_at")
