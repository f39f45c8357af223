"""When reminders go, and what a text is known by.

Revision: 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_KINDS = ("reminder_day_family", "reminder_hours_family", "turn_near", "running_late", "conflict")


def upgrade() -> None:
    for kind in _KINDS:
        op.execute(f"ALTER TYPE message_kind ADD VALUE IF NOT EXISTS '{kind}'")
    op.add_column("service", sa.Column("remind_day_at", sa.Time(), nullable=True, server_default=sa.text("'18:00'")))
    op.add_column("service", sa.Column("remind_minutes", sa.Integer(), nullable=True, server_default=sa.text("120")))
    op.create_check_constraint(
        "service_remind_day_check", "service", "remind_day_at >= '07:00' AND remind_day_at < '21:00'"
    )
    op.create_check_constraint("service_remind_minutes_check", "service", "remind_minutes BETWEEN 30 AND 720")


def downgrade() -> None:
    op.drop_column("service", "remind_minutes")
    op.drop_column("service", "remind_day_at")
    # Values of an enum are never taken away again: a step back leaves them unused.
