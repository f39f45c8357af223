"""What receipts tell of the channel and of each wording; since when staff say that a number works.

Revision: 0036. Columns of two small tables; no row is written anew.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    fault = postgresql.ENUM(name="fault", create_type=False)
    told = sa.Column("told", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb"))
    op.add_column("sms_channel", told)
    op.add_column("sms_channel", sa.Column("held_told", fault, nullable=True))
    op.add_column("sms_channel", sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("number_standing", sa.Column("works_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("number_standing", "works_at")
    for name in ("probed_at", "held_told", "told"):
        op.drop_column("sms_channel", name)
