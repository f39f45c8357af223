"""Arrivals from paper that nobody wrote down: no waiting is measured from them.

Revision: 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queue_ticket", sa.Column("came_assumed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("queue_ticket", "came_assumed")
