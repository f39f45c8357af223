"""Accounts, profiles, codes, sessions, consent; what a signed-in patient's booking needs.

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RELATION = postgresql.ENUM(name="relation", create_type=False)
CODE_PURPOSE = postgresql.ENUM("sign_in", "agree", name="code_purpose", create_type=False)
CONSENT_PURPOSE = postgresql.ENUM("booking", "sms", "invitation", name="consent_purpose", create_type=False)
FLAG_KIND = postgresql.ENUM("changed_hands", "renamed", "wrong_number", name="flag_kind", create_type=False)
PRIORITY_CLASS = postgresql.ENUM(
    "under_6",
    "pregnant",
    "especially_severe_disability",
    "severe_disability",
    "over_75",
    "meritorious",
    name="priority_class",
    create_type=False,
)
SEX = postgresql.ENUM("male", "female", "undetermined", name="sex", create_type=False)
TYPES = (CODE_PURPOSE, CONSENT_PURPOSE, FLAG_KIND, PRIORITY_CLASS, SEX)


def upgrade() -> None:
    for kind in TYPES:
        kind.create(op.get_bind())
    # Values are never taken away again: a step back leaves them unused.
    for name, value, before in (
        ("actor_kind", "account", "staff"),
        ("message_kind", "offer", None),
        ("message_kind", "invitation", None),
    ):
        place = f" BEFORE '{before}'" if before else ""
        op.execute(f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS '{value}'{place}")
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("birth_misses", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="account_public_id_key"),
    )
    op.create_index("account_phone_key", "account", ["phone_index"], unique=True, postgresql_where="ended_at IS NULL")
    op.create_table(
        "verification_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", CODE_PURPOSE, nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("asker", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_out", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.CheckConstraint("tries >= 0", name="verification_code_tries_check"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="verification_code_public_id_key"),
    )
    op.create_index("verification_code_asker", "verification_code", ["asker", "purpose", "id"], unique=False)
    op.create_index("verification_code_phone", "verification_code", ["phone_index", "id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("purpose", CONSENT_PURPOSE, nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("wording", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="consent_account_fk"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="consent_patient_fk"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_patient", "consent", ["patient_id", "purpose", "id"], unique=False)
    op.create_table(
        "patient_flag",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", FLAG_KIND, nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="patient_flag_patient_fk"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "patient_flag_open", "patient_flag", ["kind", "id"], unique=False, postgresql_where="settled_at IS NULL"
    )
    op.create_table(
        "patient_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="patient_session_account_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash", name="patient_session_token_key"),
    )
    op.create_index(
        "patient_session_account", "patient_session", ["account_id"], unique=False, postgresql_where="ended_at IS NULL"
    )
    op.create_table(
        "profile",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", RELATION, nullable=False),
        sa.Column("as_child", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="profile_account_fk"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="profile_patient_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="profile_public_id_key"),
    )
    op.create_index(
        "profile_key", "profile", ["account_id", "patient_id"], unique=True, postgresql_where="ended_at IS NULL"
    )
    op.create_index("profile_patient", "profile", ["patient_id"], unique=False)
    op.add_column("appointment", sa.Column("account_id", sa.BigInteger(), nullable=True))
    op.add_column("appointment", sa.Column("party_id", sa.Uuid(), nullable=True))
    op.add_column("appointment", sa.Column("offered", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("appointment", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "appointment_account",
        "appointment",
        ["account_id", "starts_at"],
        unique=False,
        postgresql_where="account_id IS NOT NULL",
    )
    op.create_index(
        "appointment_given_up",
        "appointment",
        ["slot_id", "cancelled_at"],
        unique=False,
        postgresql_where="state = 'cancelled'",
    )
    op.create_table(
        "place_left",
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="place_left_appointment_fk"),
        sa.PrimaryKeyConstraint("appointment_id", "slot_id"),
    )
    op.create_index("place_left_slot", "place_left", ["slot_id", "left_at"], unique=False)
    op.create_index(
        "appointment_party", "appointment", ["party_id"], unique=False, postgresql_where="party_id IS NOT NULL"
    )
    op.create_index(
        "appointment_device",
        "appointment",
        ["device", "starts_at"],
        unique=False,
        postgresql_where="device IS NOT NULL AND state IN ('booked', 'arrived')",
    )
    op.create_foreign_key("appointment_account_fk", "appointment", "account", ["account_id"], ["id"])
    op.add_column("message", sa.Column("secret", sa.LargeBinary(), nullable=True))
    op.create_index("message_secret", "message", ["useful_until"], unique=False, postgresql_where="secret IS NOT NULL")
    op.add_column("patient", sa.Column("sex", SEX, nullable=True))
    op.add_column("patient", sa.Column("ward", sa.Text(), nullable=True))
    op.add_column("patient", sa.Column("guardian_name", sa.Text(), nullable=True))
    op.add_column("patient", sa.Column("priority_claimed", PRIORITY_CLASS, nullable=True))
    op.add_column("patient", sa.Column("no_sms", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("patient", sa.Column("wrong_number_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("patient", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("patient", "erased_at")
    op.drop_column("patient", "wrong_number_at")
    op.drop_column("patient", "no_sms")
    op.drop_column("patient", "priority_claimed")
    op.drop_column("patient", "guardian_name")
    op.drop_column("patient", "ward")
    op.drop_column("patient", "sex")
    op.drop_index("message_secret", table_name="message", postgresql_where="secret IS NOT NULL")
    op.drop_column("message", "secret")
    op.drop_constraint("appointment_account_fk", "appointment", type_="foreignkey")
    op.drop_index("appointment_device", table_name="appointment")
    op.drop_index("appointment_party", table_name="appointment")
    op.drop_index("place_left_slot", table_name="place_left")
    op.drop_table("place_left")
    op.drop_index("appointment_given_up", table_name="appointment", postgresql_where="state = 'cancelled'")
    op.drop_index("appointment_account", table_name="appointment", postgresql_where="account_id IS NOT NULL")
    op.drop_column("appointment", "confirmed_at")
    op.drop_column("appointment", "offered")
    op.drop_column("appointment", "party_id")
    op.drop_column("appointment", "account_id")
    op.drop_index("profile_patient", table_name="profile")
    op.drop_index("profile_key", table_name="profile", postgresql_where="ended_at IS NULL")
    op.drop_table("profile")
    op.drop_index("patient_session_account", table_name="patient_session", postgresql_where="ended_at IS NULL")
    op.drop_table("patient_session")
    op.drop_index("patient_flag_open", table_name="patient_flag", postgresql_where="settled_at IS NULL")
    op.drop_table("patient_flag")
    op.drop_index("consent_patient", table_name="consent")
    op.drop_table("consent")
    op.drop_index("verification_code_phone", table_name="verification_code")
    op.drop_index("verification_code_asker", table_name="verification_code")
    op.drop_table("verification_code")
    op.drop_index("account_phone_key", table_name="account", postgresql_where="ended_at IS NULL")
    op.drop_table("account")
    for kind in TYPES:
        kind.drop(op.get_bind())
