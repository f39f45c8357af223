"""Who agreed for a child, and what else the patient's own pages record.

Revision: 0013.
"""

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
