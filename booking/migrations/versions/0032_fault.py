"""Whose fault it was that a text was refused or did not arrive, as its gateway classed the code then.

Revision: 0032. An empty column: no row is written anew. Of texts from before, the provider's number alone is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

FAULT = postgresql.ENUM("phone", "configuration", "passing", "content", "doubtful", name="fault", create_type=False)


def upgrade() -> None:
    FAULT.create(op.get_bind())
    op.add_column("message", sa.Column("fault", FAULT, nullable=True))


def downgrade() -> None:
    op.drop_column("message", "fault")
    FAULT.drop(op.get_bind())
