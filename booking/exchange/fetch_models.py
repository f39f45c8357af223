"""How the server of a feed was last found, for feeds whose files are fetched."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from booking.columns import moment, number, optional_choice, ref, words
from booking.exchange.kinds import ServerProblem


class FeedFetch(SQLModel, table=True):
    """One row a feed. `claimed_until` is the lease of whoever fetches now, and the proof that it is still theirs.

    `place` is the address for people, without user and secret; `memory` what was seen and taken there, `definition` a
    hash of what the memory is about; `facts` belong to the problem, or count what was left alone.
    """

    __tablename__ = "feed_fetch"
    __table_args__ = (Index("feed_fetch_facility", "facility_id"),)

    feed: str = Field(sa_column=Column(Text, primary_key=True))
    facility_id: int = Field(sa_column=ref("facility.id", name="feed_fetch_facility_fk"))
    place: str = Field(sa_column=words())
    definition: str = Field(sa_column=words())
    next_at: datetime = Field(sa_column=moment())
    claimed_until: datetime | None = Field(default=None, sa_column=moment(optional=True))
    tried_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    reached_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    fetched_at: datetime | None = Field(default=None, sa_column=moment(optional=True))
    file_name: str | None = Field(default=None, sa_column=words(optional=True))
    failures: int = Field(default=0, sa_column=number())
    problem: ServerProblem | None = Field(default=None, sa_column=optional_choice(ServerProblem))
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    memory: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
