"""When reminders go, and what a text is known by.

Revision: 0017.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KINDS = ("reminder_day_family", "reminder_hours_family", "turn_near", "running_late", "conflict")


def upgrade() -> None:
    for kind in _KINDS:
        op.execute(f"ALTER TYPE message_kind ADD VALUE IF NOT EXISTS '{kind}'")


def downgrade() -> None:
    # Values are never taken away again: a step back leaves them unused.
    pass
