"""What came of telephoning those whom the text about a re-examination slip did not reach.

Revision: 0033. A new table; nothing that is there is touched.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitation_call",
        sa.Column("invitation_id", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("call", postgresql.ENUM(name="call_outcome", create_type=False), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("calls > 0", name="invitation_call_calls_check"),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitation.id"], name="invitation_call_invitation_fk"),
        sa.PrimaryKeyConstraint("invitation_id", "due"),
    )


def downgrade() -> None:
    op.drop_table("invitation_call")
