"""Files that staff show us, for an hour, and the feeds that the scheduler knows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import choice, flag, key, moment, number, ref, words
from booking.exchange.shown.kinds import ShownState


class ShownFile(SQLModel, table=True):
    """A file that somebody shows. `feed` is empty where a feed is to be proposed; `told` has no personal data."""

    __tablename__ = "shown_file"
    __table_args__ = (
        UniqueConstraint("public_id", name="shown_file_public_key"),
        Index("shown_file_waiting", "id", postgresql_where=text("state = 'waiting'")),
        Index("shown_file_facility", "facility_id", "shown_at"),
    )

    id: int | None = Field(default=None, sa_column=key())
    public_id: UUID = Field(sa_column=Column(Uuid, nullable=False))
    facility_id: int = Field(sa_column=ref("facility.id", name="shown_file_facility_fk"))
    feed: str = Field(sa_column=words())
    file_name: str = Field(sa_column=words())
    size: int = Field(sa_column=number())
    state: ShownState = Field(sa_column=choice(ShownState))
    shown_by: str = Field(sa_column=words())
    shown_at: datetime = Field(sa_column=moment())
    claimed_until: datetime | None = Field(default=None, sa_column=moment(optional=True))
    tries: int = Field(default=0, sa_column=number())
    told: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


class ShownPart(SQLModel, table=True):
    """A piece of its bytes, sealed; gone once it was read."""

    __tablename__ = "shown_part"

    shown_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("shown_file.id", name="shown_part_file_fk", ondelete="CASCADE"), primary_key=True,
            autoincrement=False,
        )
    )  # fmt: skip
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FeedListed(SQLModel, table=True):
    """A file of the folder of feeds, as the scheduler last saw it: what it says it is, and what is wrong with it.

    `keeps`: it cannot be used as it is now, and what it said before still holds.
    """

    __tablename__ = "feed_listed"
    __table_args__ = (Index("feed_listed_facility", "facility_id"),)

    file_name: str = Field(sa_column=Column(Text, primary_key=True))
    feed: str = Field(sa_column=words())
    facility_id: int | None = Field(
        default=None, sa_column=ref("facility.id", name="feed_listed_facility_fk", optional=True)
    )
    problems: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    keeps: bool = Field(sa_column=flag())
    since: datetime = Field(sa_column=moment())
