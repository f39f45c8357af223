"""Who wants to be told by SMS that her turn is near.

Revision: 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "near_wish",
        sa.Column("appointment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name="near_wish_appointment_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("appointment_id"),
    )
    op.create_index("near_wish_said_at", "near_wish", ["said_at"])


def downgrade() -> None:
    op.drop_table("near_wish")
