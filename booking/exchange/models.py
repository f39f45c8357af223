"""What hospitals' exports said, row by row, and where two truths about one time meet."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, flag, key, moment, number, ref, words
from booking.exchange.kinds import ConflictState, FileState


class FeedFile(SQLModel, table=True):
    """What became of a file of a feed. `report` holds counts and reasons, no personal data.

    Each file that is applied has a row of its own, also when its content (by hash) was applied before: the order of ids
    is the order of applying. A content that was refused again only renews its row.
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
    """The latest state of one external row: a row that moves or comes back under its key is followed."""

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
    feed_file_id: int = Field(sa_column=ref("feed_file.id", name="feed_row_file_fk"))


class Conflict(SQLModel, table=True):
    """A booked patient in a time the hospital's software calls taken. Staff decide; an import never does."""

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
    state: ConflictState = Field(sa_column=choice(ConflictState))
    opened_at: datetime = Field(sa_column=moment())
    ended_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
