"""A place to practise: a facility that patients never see, and people who are invented.

Revision: 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("facility", "patient"):
        op.add_column(table, sa.Column("training", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Twenty rows, read once.
    op.create_check_constraint("facility_training_check", "facility", "NOT training OR state = 'not_yet_open'")


def downgrade() -> None:
    op.drop_constraint("facility_training_check", "facility")
    for table in ("patient", "facility"):
        op.drop_column(table, "training")
