"""Plain words that lead to a service or to the emergency number; what to do before a visit.

Revision: 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WORD_KIND = postgresql.ENUM("emergency", "service", "paper", "same", "nothing", name="word_kind", create_type=False)


def upgrade() -> None:
    WORD_KIND.create(op.get_bind())
    op.create_table(
        "search_word",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", WORD_KIND, nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(kind IN ('emergency', 'nothing')) = (target = '')", name="search_word_target_check"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "phrase", "target", name="search_word_key"),
    )
    op.add_column("service", sa.Column("prepare", sa.Text(), nullable=True))
    op.add_column("service", sa.Column("prepare_en", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("service", "prepare_en")
    op.drop_column("service", "prepare")
    op.drop_table("search_word")
    WORD_KIND.drop(op.get_bind())
