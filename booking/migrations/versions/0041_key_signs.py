"""Which keys a database is written with, by a sign of each.

Revision: 0041. Nothing is touched but the new table; the first process that starts fills it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_sign",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sign", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_id", name="key_sign_pkey"),
    )


def downgrade() -> None:
    op.drop_table("key_sign")
