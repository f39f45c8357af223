"""The outbox: every SMS that was ever due, and what carriers said of it."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, copied_ref, key, moment, number, optional_choice, ref, words
from booking.messages.kinds import NEWS, MessageKind, MessageState
from booking.sealed import Sealed
from booking.sms.gateway import Fault

CONTENTS: Final = (
    "state NOT IN ('due', 'claimed', 'sending', 'unknown') AND (facts <> '{}'::jsonb OR phone_index IS NOT NULL)"
)
"""A text that goes nowhere any more and still has its number or contents: these go one day (`retention`)."""


NEWS_DUE: Final = "state = 'due' AND kind IN ({})".format(", ".join(f"'{kind.value}'" for kind in sorted(NEWS)))
"""News that waits to go."""


class Message(SQLModel, table=True):
    """One SMS, or the reason why there is none.

    The text is rendered when it is posted, from `facts`; a link in it is rebuilt then, never stored. `copy` tells
    apart equal texts to several numbers or an explicit second send. `lease_until` is set while claimed or sending.
    `secret` is a verification code, sealed; it is erased once posted, expired, replaced or used.
    `segments` is what the post cost, set with it; None where it never came to one.
    `called_back` is set when the visit changed while a post was out: there is to be no other.
    `fault` is whose fault it was that it was refused or did not arrive, as its gateway classed the code then.
    `again_at` is when another is to be written because this one did not arrive, for a reason that passes or is ours;
    `once_more` says that it was, or that this is it: there is no third, unless each is lost to our configuration.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("public_id", name="message_public_id_key"),
        UniqueConstraint("subject_kind", "subject_id", "kind", "version", "copy", name="message_once_key"),
        CheckConstraint("phone IS NOT NULL OR state = 'suppressed'", name="message_phone_check"),
        CheckConstraint("(state IN ('claimed', 'sending')) = (lease_until IS NOT NULL)", name="message_lease_check"),
        Index("message_due", "lane", "due_at", postgresql_where="state = 'due'"),
        # News alone: it is sought first in a line of many thousands (`claiming`).
        Index("message_news", "lane", "due_at", postgresql_where=text(NEWS_DUE)),
        Index("message_leased", "lease_until", postgresql_where="state IN ('claimed', 'sending')"),
        Index("message_unknown", "due_at", postgresql_where="state = 'unknown'"),
        Index("message_secret", "useful_until", postgresql_where="secret IS NOT NULL"),
        Index("message_unnamed", "phone_index", postgresql_where="posted_at IS NOT NULL AND provider_sid IS NULL"),
        Index("message_again", "again_at", postgresql_where="again_at IS NOT NULL"),
        # What did not arrive is looked for by facility and day; nothing that is booked or sent touches it.
        Index("message_lost", "facility_id", "due_at", postgresql_where="state IN ('failed', 'undelivered')"),
        # What was sent on some days: blocks of rows by when they were written, which costs a booking nothing.
        Index("message_created", "created_at", postgresql_using="brin"),
        # And what went, or was given up, long after it was written (`days.LATE`): few, so it costs nothing either.
        Index(
            "message_late",
            "posted_at",
            "due_at",
            postgresql_where="coalesce(posted_at, due_at) - created_at > interval '4 days'",
        ),
        # Whose contents are the oldest; a text comes in when it was sent or given up, so no booking touches it.
        Index("message_contents", "useful_until", postgresql_where=text(CONTENTS)),
        Index("message_provider_sid", "provider_sid", postgresql_where="provider_sid IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    subject_kind: str = Field(sa_column=words())
    subject_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    kind: MessageKind = Field(sa_column=choice(MessageKind))
    version: int = Field(sa_column=number())
    copy_number: int = Field(default=0, sa_column=Column("copy", SmallInteger, nullable=False))
    lane: str = Field(default="visit", sa_column=words())
    facility_id: int | None = Field(default=None, sa_column=copied_ref(optional=True))
    language: str = Field(sa_column=words())
    phone: str | None = Field(default=None, sa_column=Column(Sealed))
    phone_index: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    secret: str | None = Field(default=None, sa_column=Column(Sealed))
    state: MessageState = Field(sa_column=choice(MessageState))
    reason: str | None = Field(default=None, sa_column=words(optional=True))
    due_at: datetime = Field(sa_column=moment())
    useful_until: datetime = Field(sa_column=moment())
    lease_until: datetime | None = Field(default=None, sa_column=moment(optional=True))
    called_back: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    attempts: int = Field(default=0, sa_column=number())
    sends: int = Field(default=0, sa_column=number())
    provider: str | None = Field(default=None, sa_column=words(optional=True))
    provider_sid: str | None = Field(default=None, sa_column=words(optional=True))
    error_code: int | None = Field(default=None, sa_column=number(optional=True))
    fault: Fault | None = Field(default=None, sa_column=optional_choice(Fault))
    again_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    once_more: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    segments: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    created_at: datetime = Field(sa_column=moment())
    posted_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    changed_at: datetime = Field(sa_column=moment())


class MessageReceipt(SQLModel, table=True):
    """One status callback, as it came: late, twice, out of order. Append-only."""

    __tablename__ = "message_receipt"
    __table_args__ = (Index("message_receipt_message", "message_id"),)

    id: int | None = Field(default=None, sa_column=key())
    message_id: int = Field(sa_column=ref("message.id", name="message_receipt_message_fk"))
    provider_sid: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    error_code: int | None = Field(default=None, sa_column=number(optional=True))
    received_at: datetime = Field(sa_column=moment())


class ReminderFamily(SQLModel, table=True):
    """A reminder that may share one text with others: those with the same key (`sharing.family_of`).

    `carried_by` is the message that speaks for it since that one was about to be posted; it counts only while that
    message is being posted or was. No foreign key: the two rows are of one family, and go together.
    """

    __tablename__ = "reminder_family"
    __table_args__ = (Index("reminder_family_key", "family"), Index("reminder_family_over", "useful_until"))

    message_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("message.id", name="reminder_family_message_fk"), primary_key=True)
    )
    family: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    useful_until: datetime = Field(sa_column=moment())
    carried_by: int | None = Field(default=None, sa_column=copied_ref(optional=True))


class NumberStanding(SQLModel, table=True):
    """A number of which something is to be known before a text goes there; nobody is named.

    `stopped_at`: its holder takes no reminders. `silent_since`: nothing reaches it, for which the provider gave
    `silent_code`. `works_at`: staff said that it works; what is told of texts from before says nothing then.
    """

    __tablename__ = "number_standing"

    phone_index: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    stopped_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    silent_since: datetime | None = Field(default=None, sa_column=moment(optional=True))
    silent_code: int | None = Field(default=None, sa_column=number(optional=True))
    works_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
