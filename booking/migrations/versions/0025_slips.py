"""Slips read from a hospital's insurance file, and the text that tells of them.

Revision: 0025. Columns without a default, or with one that is kept in the catalogue, on tables of few rows: each takes
its lock for a moment. `as_of` is when the file that spoke last says it was made, `code` what the text and its link
name an invitation by; `of_slips` marks a feed that says nothing of the calendar, so its age is no news for patients.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invitation", sa.Column("as_of", sa.DateTime(timezone=True), nullable=True))
    op.add_column("invitation", sa.Column("code", sa.Text(), nullable=True))
    op.create_unique_constraint("invitation_code_key", "invitation", ["code"])
    op.add_column("feed_heard", sa.Column("of_slips", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("feed_heard", "of_slips")
    op.drop_constraint("invitation_code_key", "invitation", type_="unique")
    op.drop_column("invitation", "code")
    op.drop_column("invitation", "as_of")
