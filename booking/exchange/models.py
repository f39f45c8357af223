"""What hospitals' exports said, row by row, and where two truths about one time meet."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from booking.columns import Choice, choice, flag, key, moment, number, optional_choice, ref, words
from booking.exchange.kinds import ClashKind, ConflictAnswer, ConflictState, FileState, OrderKind, OrderState


class FeedFile(SQLModel, table=True):
    """What became of a file of a feed. `report` holds counts and reasons, no personal data.

    Each file that is applied has a row of its own, also when its content (by hash) was applied before: the order of ids
    is the order of applying. The newest row is only renewed where its content is refused once more, and alike.
    """

    __tablename__ = "feed_file"
    __table_args__ = (
        Index("feed_file_content", "feed", "sha256"),
        Index("feed_file_order", "feed", "id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    feed: str = Field(sa_column=words())
    facility_id: int | None = Field(
        default=None, sa_column=ref("facility.id", name="feed_file_facility_fk", optional=True)
    )
    file_name: str = Field(sa_column=words())
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int = Field(sa_column=number())
    received_at: datetime = Field(sa_column=moment())
    state: FileState = Field(sa_column=choice(FileState))
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class FeedRow(SQLModel, table=True):
    """The latest state of one external row: a row that moves or comes back under its key is followed.

    `our_code` is the code of our own booking, where the row is known to be one that came back.
    """

    __tablename__ = "feed_row"
    __table_args__ = (
        UniqueConstraint("feed", "row_key", name="feed_row_key"),
        Index("feed_row_span", "feed", "starts_at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    feed: str = Field(sa_column=words())
    row_key: str = Field(sa_column=words())
    resource: str = Field(sa_column=words())
    starts_at: datetime = Field(sa_column=moment())
    ends_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    closes: bool = Field(sa_column=flag())
    state_text: str = Field(sa_column=words())
    our_code: str | None = Field(default=None, sa_column=words(optional=True))
    feed_file_id: int = Field(sa_column=ref("feed_file.id", name="feed_row_file_fk"))


class Conflict(SQLModel, table=True):
    """A booked patient in a time the hospital's software calls taken. Staff decide; an import never does.

    `kind`: or the hospital's software knows the very booking, and says something else of it. `answered_by` is the
    public id of the member of staff; `told_at`: when the hospital was told of a visit that is kept.
    """

    __tablename__ = "conflict"
    __table_args__ = (
        UniqueConstraint("feed", "appointment_id", "slot_id", name="conflict_key"),
        Index("conflict_open", "facility_id", postgresql_where="state = 'open'"),
    )

    id: int | None = Field(default=None, sa_column=key())
    feed: str = Field(sa_column=words())
    facility_id: int = Field(sa_column=ref("facility.id", name="conflict_facility_fk"))
    appointment_id: int = Field(sa_column=ref("appointment.id", name="conflict_appointment_fk"))
    slot_id: int = Field(sa_column=ref("slot.id", name="conflict_slot_fk"))
    row_keys: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    kind: ClashKind = Field(
        default=ClashKind.TAKEN, sa_column=Column(Choice(ClashKind), nullable=False, server_default="taken")
    )
    state: ConflictState = Field(sa_column=choice(ConflictState))
    opened_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    answer: ConflictAnswer | None = Field(default=None, sa_column=optional_choice(ConflictAnswer))
    answered_by: str | None = Field(default=None, sa_column=words(optional=True))
    told_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


def _slots() -> Column[list[int]]:
    return Column(ARRAY(BigInteger), nullable=False)


class FeedRun(SQLModel, table=True):
    """What one file did to the calendar: ids of slots it closed and opened, and those it would have, were it not held.

    `waiting` is the file as it was read, without personal data, for as long as it may be released; `before` the rows
    that it changed as they were, for as long as there is a way back. Both are packed by `history`.
    """

    __tablename__ = "feed_run"
    __table_args__ = (Index("feed_run_order", "feed", "feed_file_id"),)

    feed_file_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("feed_file.id", name="feed_run_file_fk"), primary_key=True, autoincrement=False
        )
    )
    feed: str = Field(sa_column=words())
    closed: list[int] = Field(sa_column=_slots())
    opened: list[int] = Field(sa_column=_slots())
    would_close: list[int] = Field(sa_column=_slots())
    would_open: list[int] = Field(sa_column=_slots())
    waiting: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    before: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class FeedOrder(SQLModel, table=True):
    """What a manager ordered about a file, with a name and a reason: the scheduler carries it out."""

    __tablename__ = "feed_order"
    __table_args__ = (
        Index("feed_order_waiting", "feed_file_id", unique=True, postgresql_where=text("state = 'waiting'")),
        Index("feed_order_file", "feed_file_id"),
    )

    id: int | None = Field(default=None, sa_column=key())
    feed_file_id: int = Field(sa_column=ref("feed_file.id", name="feed_order_file_fk"))
    kind: OrderKind = Field(sa_column=choice(OrderKind))
    reason: str = Field(sa_column=words())
    ordered_by: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    ordered_at: datetime = Field(sa_column=moment())
    state: OrderState = Field(default=OrderState.WAITING, sa_column=choice(OrderState))
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))


class FeedHeard(SQLModel, table=True):
    """When a feed last said what holds: by a file that was applied, or by the same content once more.

    After `old_minutes` its data is old, and patients are told; `noticed_at`: when staff were last told of conflicts.
    `of_slips`: it says nothing of the calendar, so its age is for staff only.
    """

    __tablename__ = "feed_heard"
    __table_args__ = (Index("feed_heard_facility", "facility_id"),)

    feed: str = Field(sa_column=Column(Text, primary_key=True))
    facility_id: int = Field(sa_column=ref("facility.id", name="feed_heard_facility_fk"))
    heard_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    old_minutes: int = Field(default=120, sa_column=number())
    noticed_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    of_slips: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
