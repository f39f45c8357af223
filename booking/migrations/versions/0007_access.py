"""Staff accounts, their scope and sessions.

Revision: 0007.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DISABLED_REASON = postgresql.ENUM("by_admin", "idle", name="disabled_reason", create_type=False)
ROLE = postgresql.ENUM("clerk", "doctor", "manager", "city_admin", "auditor", name="role", create_type=False)
STAFF_STATE = postgresql.ENUM("active", "disabled", name="staff_state", create_type=False)
TYPES = (DISABLED_REASON, ROLE, STAFF_STATE)


def upgrade() -> None:
    for kind in TYPES:
        kind.create(op.get_bind())
    op.create_table(
        "staff",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", ROLE, nullable=False),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("state", STAFF_STATE, nullable=False),
        sa.Column("practitioner_id", sa.BigInteger(), nullable=True),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("authenticator", sa.LargeBinary(), nullable=True),
        sa.Column("authenticator_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", DISABLED_REASON, nullable=True),
        sa.CheckConstraint("(state = 'disabled') = (disabled_at IS NOT NULL)", name="staff_disabled_check"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="staff_practitioner_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="staff_public_id_key"),
        sa.UniqueConstraint("username", name="staff_username_key"),
    )
    op.create_table(
        "staff_scope",
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="staff_scope_facility_fk"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="staff_scope_staff_fk"),
        sa.PrimaryKeyConstraint("staff_id", "facility_id"),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="staff_session_staff_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="staff_session_public_id_key"),
        sa.UniqueConstraint("token_hash", name="staff_session_token_key"),
    )
    op.create_index(
        "staff_session_staff", "staff_session", ["staff_id"], unique=False, postgresql_where="ended_at IS NULL"
    )
    op.create_table(
        "sign_in_delay",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )


def downgrade() -> None:
    op.drop_table("sign_in_delay")
    op.drop_index("staff_session_staff", table_name="staff_session", postgresql_where="ended_at IS NULL")
    op.drop_table("staff_session")
    op.drop_table("staff_scope")
    op.drop_table("staff")
    for kind in TYPES:
        kind.drop(op.get_bind())
