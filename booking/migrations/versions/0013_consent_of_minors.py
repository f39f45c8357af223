"""Who agreed: the person herself, the guardian, or guardian and child; and codes a browser gave up by signing out.

Rows from before do not say who agreed.

Revision: 0013.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


CONSENTER = postgresql.ENUM("person", "guardian", "guardian_and_child", name="consenter", create_type=False)


def upgrade() -> None:
    CONSENTER.create(op.get_bind(), checkfirst=False)
    op.add_column("consent", sa.Column("consenter", CONSENTER, nullable=True))
    op.add_column("verification_code", sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("verification_code", "given_up_at")
    op.drop_column("consent", "consenter")
    CONSENTER.drop(op.get_bind(), checkfirst=False)
