"""A ticket knows which account called it last: two clerks at one desk each work with their own calls.

Revision: 0024. A column without a default: no row is written anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queue_ticket", sa.Column("called_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("queue_ticket", "called_by")
