"""People's requests about their data, and an audit that may be shortened where the law no longer asks for it.

Revision: 0030. Both tables are new, and of the audit only functions change: nothing here waits for a table in use.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_KINDS = {
    "request_kind": ("see", "correct", "withdraw", "delete", "object"),
    "request_state": ("open", "done", "refused"),
    "request_door": ("mobile", "desk"),
}

_REFUSES = """
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {unless}
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END $$
"""
_UNLESS = """IF TG_OP = 'DELETE' AND current_setting('henkham.audit_cut', true) = 'on' THEN
        RETURN NULL;
    END IF;"""

# The one way to shorten the audit. It runs with its owner's rights, so that the scheduler's role needs none to delete;
# and by the server's clock, so that nobody who calls it can make twelve months shorter.
_CUT = """
CREATE FUNCTION audit_shorten(upto bigint, newest timestamptz, at timestamptz, signed bytea) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    last audit_seal;
    gone bigint;
BEGIN
    SELECT * INTO STRICT last FROM audit_seal WHERE id = upto;
    IF newest > clock_timestamp() - interval '12 months'
       OR newest IS DISTINCT FROM (SELECT max(e.at) FROM audit_event e WHERE e.xact < last.to_xact) THEN
        RAISE EXCEPTION 'the audit is kept for 12 months' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO audit_cut (to_xact, digest, newest_at, cut_at, mark)
    VALUES (last.to_xact, last.digest, newest, at, signed);
    PERFORM set_config('henkham.audit_cut', 'on', true);
    DELETE FROM audit_event e WHERE e.xact < last.to_xact;
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM audit_seal WHERE id <= upto;
    PERFORM set_config('henkham.audit_cut', '', true);
    RETURN gone;
END $$
"""


def _kind(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*_KINDS[name], name=name, create_type=False)


def upgrade() -> None:
    for name, values in _KINDS.items():
        postgresql.ENUM(*values, name=name).create(op.get_bind())
    op.create_table(
        "data_request",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _kind("request_kind"), nullable=False),
        sa.Column("door", _kind("request_door"), nullable=False),
        sa.Column("patient_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("said", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("reply_by", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", _kind("request_state"), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="data_request_ended_check"),
        sa.CheckConstraint("(state = 'open') = (answer IS NULL)", name="data_request_answer_check"),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name="data_request_facility_fk"),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name="data_request_patient_fk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="data_request_account_fk"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id", name="data_request_public_id_key"),
    )
    op.create_index("data_request_open", "data_request", ["facility_id", "due"], postgresql_where="state = 'open'")
    op.create_index("data_request_patient", "data_request", ["patient_id"], postgresql_where="patient_id IS NOT NULL")
    op.create_table(
        "audit_cut",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("to_xact", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("to_xact", name="audit_cut_key"),
    )
    op.execute(_REFUSES.format(unless=_UNLESS))
    op.execute(
        "CREATE TRIGGER audit_cut_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_cut"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
    op.execute(_CUT)
    op.execute("REVOKE ALL ON FUNCTION audit_shorten(bigint, timestamptz, timestamptz, bytea) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION audit_shorten(bigint, timestamptz, timestamptz, bytea)")
    op.drop_table("audit_cut")
    op.execute(_REFUSES.format(unless=""))
    op.drop_table("data_request")
    for name, values in _KINDS.items():
        postgresql.ENUM(*values, name=name).drop(op.get_bind())
