"""What the day sheet and the entry of a day on paper record.

Revision: 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default is kept in the catalogue: no row is written, and a server of the version before goes on.
    op.add_column("queue_ticket", sa.Column("on_paper", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("queue_ticket", sa.Column("paper_number", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("queue_ticket", "paper_number")
    op.drop_column("queue_ticket", "on_paper")
