"""The channel remembers which numbers in a row got one doubtful answer.

Revision: 0023. Two columns without a default on a table of one row for each provider: no lock to speak of.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sms_channel", sa.Column("amiss", sa.Text(), nullable=True))
    op.add_column("sms_channel", sa.Column("amiss_of", postgresql.ARRAY(sa.LargeBinary()), nullable=True))


def downgrade() -> None:
    op.drop_column("sms_channel", "amiss_of")
    op.drop_column("sms_channel", "amiss")
