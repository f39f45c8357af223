"""Notices, limits of a room's day, single-day exceptions of the timetable.

Revision: 0009.
"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
