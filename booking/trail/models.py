"""What was done, what was answered, how often it was tried, what live pages are told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from booking.actor import ActorKind
from booking.columns import Moment, choice, key, moment, number, words


class Xid8(UserDefinedType[int]):
    """A transaction's number, 64 bits, never used twice; a Python int."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name in the database."""
        return "xid8"


ischema_names["xid8"] = Xid8  # so that a table that has one can be read back and compared


class AuditEvent(SQLModel, table=True):
    """Who did what to which object, when, from where, with what result. Written unchained in the same transaction.

    No personal data: objects are named by their public ids. Append-only: the database refuses UPDATE and DELETE.
    `xact` is the transaction that wrote it; `sealing` needs it.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("audit_event_object", "object_kind", "object_id"),
        Index("audit_event_xact", "xact", postgresql_using="brin"),
        Index("audit_event_reads", "at", postgresql_where="action = 'patient.read'"),
    )

    id: int | None = Field(default=None, sa_column=key())
    xact: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, server_default=text("((pg_current_xact_id())::text)::bigint"), nullable=False),
    )
    at: datetime = Field(sa_column=moment())
    actor_kind: ActorKind = Field(sa_column=choice(ActorKind))
    actor_id: str | None = Field(default=None, sa_column=words(optional=True))
    address: str | None = Field(default=None, sa_column=words(optional=True))
    request_id: str | None = Field(default=None, sa_column=words(optional=True))
    action: str = Field(sa_column=words())
    object_kind: str = Field(sa_column=words())
    object_id: str = Field(sa_column=words())
    result: str = Field(default="done", sa_column=words())
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class AuditSeal(SQLModel, table=True):
    """A keyed hash over the events of a span of transactions and the seal before it (`sealing`)."""

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("from_xact", name="audit_seal_key"),)

    id: int | None = Field(default=None, sa_column=key())
    from_xact: int = Field(sa_column=Column(BigInteger, nullable=False))
    to_xact: int = Field(sa_column=Column(BigInteger, nullable=False))
    events: int = Field(sa_column=number())
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed_at: datetime = Field(sa_column=moment())


class AuditCut(SQLModel, table=True):
    """Where the chain begins since its old end was removed: the last digest that went, signed (`shortening`)."""

    __tablename__ = "audit_cut"
    __table_args__ = (UniqueConstraint("to_xact", name="audit_cut_key"),)

    id: int | None = Field(default=None, sa_column=key())
    to_xact: int = Field(sa_column=Column(BigInteger, nullable=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    newest_at: datetime = Field(sa_column=moment())
    cut_at: datetime = Field(sa_column=moment())
    mark: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class IdempotencyRecord(SQLModel, table=True):
    """The answer given for a key. Only success is remembered; a refusal is decided anew.

    `subject` is the public id of what was made. `answer` holds no token: what opens a ticket is rebuilt when the answer
    is given again.
    """

    __tablename__ = "idempotency_record"

    scope: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    subject: UUID = Field(sa_column=Column(Uuid, nullable=False))
    answer: str = Field(sa_column=words())
    replays: int = Field(default=0, sa_column=number())
    created_at: datetime = Field(sa_column=moment())


class RateCounter(SQLModel, table=True):
    """How often a subject (a blind index of an address or number) tried something in a window.

    Unlogged: losing it in a crash costs nothing, and its commits wait for no disk.
    """

    __tablename__ = "rate_counter"
    __table_args__ = (
        CheckConstraint("tries > 0", name="rate_counter_tries_check"),
        {"prefixes": ["UNLOGGED"]},
    )

    limit_name: str = Field(sa_column=Column(Text, primary_key=True))
    subject: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    window_start: datetime = Field(sa_column=Column(Moment, primary_key=True))
    tries: int = Field(sa_column=number())


class JobRun(SQLModel, table=True):
    """A daily effect that was done: inserted in the transaction of the effect, so that it happens once."""

    __tablename__ = "job_run"
    __table_args__ = (UniqueConstraint("name", "scheduled_for", name="job_run_key"),)

    id: int | None = Field(default=None, sa_column=key())
    name: str = Field(sa_column=words())
    scheduled_for: datetime = Field(sa_column=moment())
    done_at: datetime = Field(sa_column=moment())


class LiveEvent(SQLModel, table=True):
    """Something live pages should know: what happened on which topic. No personal data.

    `xid` is the transaction that wrote it. Ids are given out before commits and so show in any order; once every
    transaction below some xid is over, what they wrote is complete, and (xid, id) is its order for good.
    """

    __tablename__ = "live_event"
    __table_args__ = (Index("live_event_order", "xid", "id", unique=True),)

    id: int | None = Field(default=None, sa_column=key())
    xid: int | None = Field(
        default=None, sa_column=Column(Xid8, server_default=text("pg_current_xact_id()"), nullable=False)
    )
    topic: str = Field(sa_column=words())
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime = Field(sa_column=moment())


class Observation(SQLModel, table=True):
    """The newest of something that a job looks at and monitoring asks for: no history, no personal data.

    Unlogged: losing it in a crash costs nothing, and its commits wait for no disk.
    """

    __tablename__ = "observation"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    name: str = Field(sa_column=Column(Text, primary_key=True))
    label: str = Field(sa_column=Column(Text, primary_key=True))
    value: float = Field(sa_column=Column(Double, nullable=False))
    at: datetime = Field(sa_column=moment())


class KeySign(SQLModel, table=True):
    """A keyed sign of a key that this database was written with: the key itself stands nowhere in it.

    `kind` is seal or index; the index key, of which there is one, has no id.
    """

    __tablename__ = "key_sign"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    key_id: str = Field(sa_column=Column(Text, primary_key=True))
    sign: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    since: datetime = Field(sa_column=moment())
