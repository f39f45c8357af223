"""Waiting-list entries and offers.

Revision: 0005.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RELATION = postgresql.ENUM(name="relation", create_type=False)
ENTRY_STATE = postgresql.ENUM("waiting", "offered", "served", "left", "over", name="entry_state", create_type=False)
OFFER_STATE = postgresql.ENUM("live", "accepted", "refused", "lapsed", name="offer_state", create_type=False)
WAITS = "state IN ('waiting', 'offered')"
LIVE = "state IN ('live')"


def upgrade() -> None:
    ENTRY_STATE.create(op.get_bind())
    OFFER_STATE.create(op.get_bind())
    op.create_table(
        "waitlist_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", RELATION, nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("day_from", sa.Date(), nullable=False),
        sa.Column("day_to", sa.Date(), nullable=False),
        sa.Column("state", ENTRY_STATE, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("day_from <= day_to", name="waitlist_entry_days_check"),
        sa.CheckConstraint(f"({WAITS}) = (ended_at IS NULL)", name="waitlist_entry_ended_check"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="waitlist_entry_account_fk"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="waitlist_entry_patient_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="waitlist_entry_public_id_key"),
    )
    op.create_index(
        "waitlist_entry_person_key",
        "waitlist_entry",
        ["patient_id", "service_code"],
        unique=True,
        postgresql_where=sa.text(WAITS),
    )
    op.create_index("waitlist_entry_live", "waitlist_entry", ["day_to"], postgresql_where=sa.text(WAITS))
    op.create_index("waitlist_entry_account", "waitlist_entry", ["account_id"])
    op.create_table(
        "waitlist_target",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["waitlist_entry.id"], name="waitlist_target_entry_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="waitlist_target_service_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entry_id", "service_id", name="waitlist_target_key"),
    )
    op.create_index("waitlist_target_service", "waitlist_target", ["service_id", "entry_id"])
    op.create_table(
        "offer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("state", OFFER_STATE, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'live') = (ended_at IS NULL)", name="offer_ended_check"),
        sa.ForeignKeyConstraint(["entry_id"], ["waitlist_entry.id"], name="offer_entry_fk"),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="offer_appointment_fk"),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name="offer_slot_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="offer_public_id_key"),
        sa.UniqueConstraint("appointment_id", name="offer_appointment_key"),
    )
    op.create_index("offer_entry_key", "offer", ["entry_id"], unique=True, postgresql_where=sa.text(LIVE))
    op.create_index("offer_expiry", "offer", ["expires_at"], postgresql_where=sa.text(LIVE))
    op.create_index("offer_entry_slot", "offer", ["entry_id", "slot_id"])
    op.create_index("offer_made", "offer", ["created_at"])


def downgrade() -> None:
    op.drop_table("offer")
    op.drop_table("waitlist_target")
    op.drop_table("waitlist_entry")
    OFFER_STATE.drop(op.get_bind())
    ENTRY_STATE.drop(op.get_bind())
