"""The first schema: directory, sessions and slots, people, appointments, messages, exports, trail.

Revision: 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ACTOR_KIND = postgresql.ENUM("anyone", "link", "staff", "system", "carrier", name="actor_kind", create_type=False)
APPOINTMENT_STATE = postgresql.ENUM(
    "held",
    "lapsed",
    "booked",
    "arrived",
    "fulfilled",
    "noshow",
    "cancelled",
    name="appointment_state",
    create_type=False,
)
CANCELLED_BY = postgresql.ENUM("patient", "facility", name="cancelled_by", create_type=False)
CHANNEL = postgresql.ENUM("api", "mobile", "desk", name="channel", create_type=False)
CONFLICT_STATE = postgresql.ENUM("open", "settled", "gone", name="conflict_state", create_type=False)
DAY_KIND = postgresql.ENUM(
    "holiday",
    "substituted_day_off",
    "make_up_working_day",
    "local_closure",
    "open_all_the_same",
    name="day_kind",
    create_type=False,
)
FACILITY_KIND = postgresql.ENUM("hospital", "medical_centre", "health_station", name="facility_kind", create_type=False)
FACILITY_STATE = postgresql.ENUM(
    "not_yet_open", "pilot", "open", "paused", "merged_into", name="facility_state", create_type=False
)
FILE_STATE = postgresql.ENUM("applied", "held", "quarantined", name="file_state", create_type=False)
MESSAGE_KIND = postgresql.ENUM(
    "otp", "booked", "reminder_day", "reminder_hours", "moved", "cancelled", name="message_kind", create_type=False
)
MESSAGE_STATE = postgresql.ENUM(
    "due",
    "claimed",
    "sending",
    "unknown",
    "sent",
    "failed",
    "undelivered",
    "delivered",
    "superseded",
    "suppressed",
    "expired",
    name="message_state",
    create_type=False,
)
PAYMENT = postgresql.ENUM("insurance", "fee", "free", name="payment", create_type=False)
RELATION = postgresql.ENUM("self", "child", "parent", "other", name="relation", create_type=False)
TYPES = (
    ACTOR_KIND,
    APPOINTMENT_STATE,
    CANCELLED_BY,
    CHANNEL,
    CONFLICT_STATE,
    DAY_KIND,
    FACILITY_KIND,
    FACILITY_STATE,
    FILE_STATE,
    MESSAGE_KIND,
    MESSAGE_STATE,
    PAYMENT,
    RELATION,
)


def upgrade() -> None:
    for kind in TYPES:
        kind.create(op.get_bind())
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", ACTOR_KIND, nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_event_object", "audit_event", ["object_kind", "object_id"], unique=False)
    op.create_table(
        "facility",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", FACILITY_KIND, nullable=False),
        sa.Column("state", FACILITY_STATE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("sms_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("ward_2023", sa.Text(), nullable=True),
        sa.Column("gso_ward_code_2023", sa.Text(), nullable=True),
        sa.Column("ward_2025", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("ma_cskcb", sa.Text(), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("search_key", sa.Text(), nullable=False),
        sa.Column("sort_key", sa.Text(collation="C"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("(state = 'merged_into') = (merged_into_id IS NOT NULL)", name="facility_merged_check"),
        sa.ForeignKeyConstraint(["merged_into_id"], ["facility.id"], name="facility_merged_fk"),
        sa.ForeignKeyConstraint(["parent_id"], ["facility.id"], name="facility_parent_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", name="facility_code_key"),
    )
    op.create_table(
        "idempotency_record",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key"),
    )
    op.create_table(
        "job_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "scheduled_for", name="job_run_key"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", MESSAGE_KIND, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("copy", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", MESSAGE_STATE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("useful_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_back", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_sid", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(state IN ('claimed', 'sending')) = (lease_until IS NOT NULL)", name="message_lease_check"),
        sa.CheckConstraint("phone IS NOT NULL OR state = 'suppressed'", name="message_phone_check"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="message_public_id_key"),
        sa.UniqueConstraint("subject_kind", "subject_id", "kind", "version", "copy", name="message_once_key"),
    )
    op.create_index("message_due", "message", ["lane", "due_at"], unique=False, postgresql_where="state = 'due'")
    op.create_index(
        "message_leased", "message", ["lease_until"], unique=False, postgresql_where="state IN ('claimed', 'sending')"
    )
    op.create_index(
        "message_provider_sid", "message", ["provider_sid"], unique=False, postgresql_where="provider_sid IS NOT NULL"
    )
    op.create_index("message_unknown", "message", ["due_at"], unique=False, postgresql_where="state = 'unknown'")
    op.create_table(
        "patient",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("match_key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("name_sort", sa.Text(collation="C"), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_last4_index", sa.LargeBinary(), nullable=False),
        sa.Column("citizen_id", sa.LargeBinary(), nullable=True),
        sa.Column("citizen_id_index", sa.LargeBinary(), nullable=True),
        sa.Column("bhyt_number", sa.LargeBinary(), nullable=True),
        sa.Column("bhyt_index", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "birth_date IS NULL OR birth_year = EXTRACT(YEAR FROM birth_date)", name="patient_birth_check"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("match_key", name="patient_match_key"),
        sa.UniqueConstraint("public_id", name="patient_public_id_key"),
    )
    op.create_index("patient_bhyt", "patient", ["bhyt_index"], unique=False, postgresql_where="bhyt_index IS NOT NULL")
    op.create_index(
        "patient_citizen_id",
        "patient",
        ["citizen_id_index"],
        unique=False,
        postgresql_where="citizen_id_index IS NOT NULL",
    )
    op.create_index("patient_phone", "patient", ["phone_index"], unique=False)
    op.create_table(
        "rate_counter",
        sa.Column("limit_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint("tries > 0", name="rate_counter_tries_check"),
        sa.PrimaryKeyConstraint("limit_name", "subject", "window_start"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "calendar_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", DAY_KIND, nullable=False),
        sa.Column("works_as", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'make_up_working_day') = (works_as IS NOT NULL) AND works_as BETWEEN 0 AND 6",
            name="calendar_day_works_as_check",
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="calendar_day_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("facility_id", "day", name="calendar_day_key", postgresql_nulls_not_distinct=True),
    )
    op.create_table(
        "department",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="department_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("facility_id", "code", name="department_code_key"),
    )
    op.create_table(
        "feed_file",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", FILE_STATE, nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="feed_file_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("feed_file_content", "feed_file", ["feed", "sha256"], unique=False)
    op.create_index("feed_file_order", "feed_file", ["feed", "id"], unique=False)
    op.create_table(
        "message_receipt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("provider_sid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="message_receipt_message_fk"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_receipt_message", "message_receipt", ["message_id"], unique=False)
    op.create_table(
        "practitioner",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sample", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="practitioner_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("facility_id", "code", name="practitioner_code_key"),
    )
    op.create_table(
        "room",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="room_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("facility_id", "code", name="room_code_key"),
    )
    op.create_table(
        "feed_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closes", sa.Boolean(), nullable=False),
        sa.Column("state_text", sa.Text(), nullable=False),
        sa.Column("feed_file_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["feed_file_id"], ["feed_file.id"], name="feed_row_file_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("feed", "row_key", name="feed_row_key"),
    )
    op.create_index("feed_row_span", "feed_row", ["feed", "starts_at"], unique=False)
    op.create_table(
        "service",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("department_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("sms_label", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("bring", sa.Text(), nullable=False),
        sa.Column("bring_en", sa.Text(), nullable=False),
        sa.Column("payment", PAYMENT, nullable=False),
        sa.Column("fee_vnd", sa.Integer(), nullable=True),
        sa.Column("lead_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("cancel_minutes", sa.Integer(), nullable=False),
        sa.Column("bookable", sa.Boolean(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("sort_key", sa.Text(collation="C"), nullable=False),
        sa.CheckConstraint("duration_minutes BETWEEN 1 AND 480", name="service_duration_check"),
        sa.CheckConstraint("horizon_days BETWEEN 1 AND 365", name="service_horizon_check"),
        sa.CheckConstraint("lead_minutes >= 0 AND cancel_minutes >= 0", name="service_limits_check"),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"], name="service_department_fk"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="service_facility_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("facility_id", "code", name="service_code_key"),
    )
    op.create_table(
        "weekly_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("practitioner_id", sa.BigInteger(), nullable=True),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("release_minutes", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("capacity BETWEEN 1 AND 500", name="weekly_session_capacity_check"),
        sa.CheckConstraint("release_minutes >= 0", name="weekly_session_release_check"),
        sa.CheckConstraint("reserved BETWEEN 0 AND capacity", name="weekly_session_reserved_check"),
        sa.CheckConstraint("slot_minutes BETWEEN 1 AND 480", name="weekly_session_slot_check"),
        sa.CheckConstraint("starts < ends", name="weekly_session_hours_check"),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="weekly_session_validity_check"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekly_session_weekday_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="weekly_session_facility_fk"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="weekly_session_practitioner_fk"),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name="weekly_session_room_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="weekly_session_service_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "service_id",
            "practitioner_id",
            "room_id",
            "weekday",
            "starts",
            "valid_from",
            name="weekly_session_key",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("weekly_session_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("practitioner_id", sa.BigInteger(), nullable=True),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="session_hours_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="session_facility_fk"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="session_practitioner_fk"),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name="session_room_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="session_service_fk"),
        sa.ForeignKeyConstraint(["weekly_session_id"], ["weekly_session.id"], name="session_weekly_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("weekly_session_id", "day", name="session_key"),
    )
    op.create_index("session_facility_day", "session", ["facility_id", "day"], unique=False)
    op.create_table(
        "slot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("practitioner_id", sa.BigInteger(), nullable=True),
        sa.Column("room_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "day",
            sa.Date(),
            sa.Computed("((starts_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)", persisted=True),
            nullable=False,
        ),
        sa.Column("bookable_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bookable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("free_places", sa.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("last_place", sa.SmallInteger(), nullable=True),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("reserved_used", sa.Integer(), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reserved_used BETWEEN 0 AND reserved AND reserved <= capacity", name="slot_reserved_check"),
        sa.CheckConstraint("starts_at < ends_at", name="slot_hours_check"),
        sa.CheckConstraint("taken + cardinality(free_places) = capacity", name="slot_places_check"),
        sa.CheckConstraint("taken BETWEEN 0 AND capacity", name="slot_taken_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="slot_facility_fk"),
        sa.ForeignKeyConstraint(["practitioner_id"], ["practitioner.id"], name="slot_practitioner_fk"),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name="slot_room_fk"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="slot_service_fk"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name="slot_session_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("session_id", "starts_at", name="slot_key"),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("slot_practitioner_starts", "slot", ["practitioner_id", "starts_at", "ends_at"], unique=False)
    op.create_index("slot_service_starts", "slot", ["service_id", "starts_at"], unique=False)
    op.create_table(
        "appointment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("state", APPOINTMENT_STATE, nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("uses_reserved", sa.Boolean(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=True),
        sa.Column("relation", RELATION, nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "day",
            sa.Date(),
            sa.Computed("((starts_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)", persisted=True),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", CHANNEL, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=True),
        sa.Column("hold_number", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", CANCELLED_BY, nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="appointment_cancelled_check"),
        sa.CheckConstraint("state <> 'held' OR expires_at IS NOT NULL", name="appointment_expiry_check"),
        sa.CheckConstraint("state IN ('held', 'lapsed') OR patient_id IS NOT NULL", name="appointment_patient_check"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="appointment_patient_fk"),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name="appointment_slot_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", name="appointment_code_key"),
        sa.UniqueConstraint("public_id", name="appointment_public_id_key"),
    )
    op.create_index(
        "appointment_day_key",
        "appointment",
        ["patient_id", "service_id", "day"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'booked', 'arrived')"),
    )
    op.create_index(
        "appointment_expiry", "appointment", ["expires_at"], unique=False, postgresql_where="state = 'held'"
    )
    op.create_index(
        "appointment_hold_key", "appointment", ["device", "hold_number"], unique=True, postgresql_where="state = 'held'"
    )
    op.create_index(
        "appointment_place_key",
        "appointment",
        ["slot_id", "place"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')"),
    )
    op.create_index(
        "appointment_upcoming", "appointment", ["starts_at"], unique=False, postgresql_where="state = 'booked'"
    )
    op.create_table(
        "slot_closure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name="slot_closure_slot_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slot_id", "source", name="slot_closure_key"),
    )
    op.create_index("slot_closure_source", "slot_closure", ["source"], unique=False)
    op.create_table(
        "conflict",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=False),
        sa.Column("row_keys", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", CONFLICT_STATE, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointment.id"], name="conflict_appointment_fk"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="conflict_facility_fk"),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name="conflict_slot_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("feed", "appointment_id", "slot_id", name="conflict_key"),
    )
    op.create_index("conflict_open", "conflict", ["facility_id"], unique=False, postgresql_where="state = 'open'")


def downgrade() -> None:
    op.drop_index("conflict_open", table_name="conflict", postgresql_where="state = 'open'")
    op.drop_table("conflict")
    op.drop_index("slot_closure_source", table_name="slot_closure")
    op.drop_table("slot_closure")
    op.drop_index("appointment_upcoming", table_name="appointment", postgresql_where="state = 'booked'")
    op.drop_index(
        "appointment_place_key",
        table_name="appointment",
        postgresql_where=sa.text("state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')"),
    )
    op.drop_index("appointment_hold_key", table_name="appointment", postgresql_where="state = 'held'")
    op.drop_index("appointment_expiry", table_name="appointment", postgresql_where="state = 'held'")
    op.drop_index(
        "appointment_day_key",
        table_name="appointment",
        postgresql_where=sa.text("state IN ('held', 'booked', 'arrived')"),
    )
    op.drop_table("appointment")
    op.drop_index("slot_service_starts", table_name="slot")
    op.drop_index("slot_practitioner_starts", table_name="slot")
    op.drop_table("slot")
    op.drop_index("session_facility_day", table_name="session")
    op.drop_table("session")
    op.drop_table("weekly_session")
    op.drop_table("service")
    op.drop_index("feed_row_span", table_name="feed_row")
    op.drop_table("feed_row")
    op.drop_table("room")
    op.drop_table("practitioner")
    op.drop_index("message_receipt_message", table_name="message_receipt")
    op.drop_table("message_receipt")
    op.drop_index("feed_file_order", table_name="feed_file")
    op.drop_index("feed_file_content", table_name="feed_file")
    op.drop_table("feed_file")
    op.drop_table("department")
    op.drop_table("calendar_day")
    op.drop_table("rate_counter")
    op.drop_index("patient_phone", table_name="patient")
    op.drop_index("patient_citizen_id", table_name="patient", postgresql_where="citizen_id_index IS NOT NULL")
    op.drop_index("patient_bhyt", table_name="patient", postgresql_where="bhyt_index IS NOT NULL")
    op.drop_table("patient")
    op.drop_index("message_unknown", table_name="message", postgresql_where="state = 'unknown'")
    op.drop_index("message_provider_sid", table_name="message", postgresql_where="provider_sid IS NOT NULL")
    op.drop_index("message_leased", table_name="message", postgresql_where="state IN ('claimed', 'sending')")
    op.drop_index("message_due", table_name="message", postgresql_where="state = 'due'")
    op.drop_table("message")
    op.drop_table("job_run")
    op.drop_table("idempotency_record")
    op.drop_table("facility")
    op.drop_index("audit_event_object", table_name="audit_event")
    op.drop_table("audit_event")
    for kind in TYPES:
        kind.drop(op.get_bind())
