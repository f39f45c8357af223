"""Invitations read from an insurance file.

Revision: 0025. Nothing yet.
"""

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
