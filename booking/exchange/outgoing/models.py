"""What went out to hospitals' software, and what came back about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, copied_ref, flag, key, moment, ref, words
from booking.columns import number as whole
from booking.exchange.outgoing.kinds import OutAnswer, OutKind
from booking.sealed import Sealed


class OutFeed(SQLModel, table=True):
    """How far we are with telling one hospital. `number` is that of its last file: its row is locked to make the next.

    `looked_at`: when changes were last looked for; `full_at`: when the last whole file was made; `current_at`: when
    everything told was last where the hospital takes it; after `old_minutes` without that its screen may be old.
    `asks`: the hospital's software answers our files.
    """

    __tablename__ = "out_feed"
    __table_args__ = (Index("out_feed_facility", "facility_id"),)

    feed: str = Field(sa_column=Column(Text, primary_key=True))
    facility_id: int = Field(sa_column=ref("facility.id", name="out_feed_facility_fk"))
    number: int = Field(default=0, sa_column=whole())
    started_at: datetime = Field(sa_column=moment())
    looked_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    full_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    current_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    asks: bool = Field(default=False, sa_column=flag())
    old_minutes: int = Field(default=60, sa_column=whole())


class OutFile(SQLModel, table=True):
    """One file. Numbers of a feed follow each other without a gap, and a number has one content for good.

    `visits` are ids of appointments in the order of the file, `events` a sign for each (OutEvent). `content` is sealed
    and kept until the file was handed over; `problem` says why it could not be.
    """

    __tablename__ = "out_file"
    __table_args__ = (
        UniqueConstraint("feed", "number", name="out_file_number_key"),
        CheckConstraint("number > 0", name="out_file_number_check"),
        Index("out_file_waiting", "feed", "number", postgresql_where="handed_at IS NULL"),
    )

    id: int | None = Field(default=None, sa_column=key())
    feed: str = Field(sa_column=words())
    facility_id: int = Field(sa_column=ref("facility.id", name="out_file_facility_fk"))
    number: int = Field(sa_column=whole())
    kind: OutKind = Field(sa_column=choice(OutKind))
    file_name: str = Field(sa_column=words())
    made_at: datetime = Field(sa_column=moment())
    visits: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    events: str = Field(sa_column=words())
    size: int = Field(sa_column=whole())
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    content: str | None = Field(default=None, sa_column=Column(Sealed))
    handed_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    problem: str | None = Field(default=None, sa_column=words(optional=True))


class OutTold(SQLModel, table=True):
    """What a hospital was last told of a visit, without anybody's name: `said` holds a keyed hash of personal values.

    The visit has no foreign key of its own: a row goes by itself some days after the visit, whatever became of it.
    """

    __tablename__ = "out_told"
    __table_args__ = (Index("out_told_visit", "appointment_id"),)

    feed: str = Field(sa_column=Column(Text, primary_key=True))
    appointment_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    facility_id: int = Field(sa_column=copied_ref())
    number: int = Field(sa_column=whole())
    starts_at: datetime = Field(sa_column=moment())
    said: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class OutAnswered(SQLModel, table=True):
    """What the hospital's software answered about the visit at `position` (from 1) of a file; `reason` in its words."""

    __tablename__ = "out_answered"

    out_file_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("out_file.id", name="out_answered_file_fk"), primary_key=True, autoincrement=False
        )
    )
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    answer: OutAnswer = Field(sa_column=choice(OutAnswer))
    reason: str = Field(default="", sa_column=words())
    answered_at: datetime = Field(sa_column=moment())
