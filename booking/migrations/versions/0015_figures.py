"""What the manager's figures are read from: first calls, what did not arrive, reads of records, answers to suspicions.

Revision: 0015.

The indexes are built beside the traffic (CONCURRENTLY): every booking writes to both tables. One that a failed attempt
left behind is dropped first.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

VERDICT = postgresql.ENUM("family", "carer", "same_person", "mistake", "touting", name="verdict", create_type=False)
INDEXES = (
    ("message_lost", "message", ["facility_id", "due_at"], "state IN ('failed', 'undelivered')"),
    ("audit_event_reads", "audit_event", ["at"], "action = 'patient.read'"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.create_index(
                name, table, columns, unique=False, postgresql_where=sa.text(where), postgresql_concurrently=True
            )
    op.add_column("queue_ticket", sa.Column("first_called_at", sa.DateTime(timezone=True), nullable=True))
    VERDICT.create(op.get_bind())
    op.create_table(
        "suspicion_answer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flag_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", VERDICT, nullable=False),
        sa.Column("staff", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["flag_id"], ["patient_flag.id"], name="suspicion_answer_flag_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flag_id", name="suspicion_answer_flag_key"),
    )
    op.create_index("suspicion_answer_facility", "suspicion_answer", ["facility_id", "at"], unique=False)


def downgrade() -> None:
    op.drop_table("suspicion_answer")
    VERDICT.drop(op.get_bind())
    op.drop_column("queue_ticket", "first_called_at")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
