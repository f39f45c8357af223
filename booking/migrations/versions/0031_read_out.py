"""A text of its own for the word that a desk read a code out.

Revision: 0031. A value more in an enum: no row is written anew.
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TYPE message_kind ADD VALUE IF NOT EXISTS 'code_read_out'")


def downgrade() -> None:
    """PostgreSQL takes no value out of an enum again; one that is not used does no harm."""
