"""What the desk reads of feeds that are fetched: how their servers were last found."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange.fetch_models import FeedFetch


@dataclass(frozen=True, slots=True)
class Fetch:
    """How the server of a feed was last found.

    Attributes:
        place: its address, without user and secret.
        tried_at: when it was last asked; None before the first time.
        reached_at: when it last answered as it should.
        fetched_at: when a file was last fetched, and which.
        problem: what was wrong the last time; None where nothing was.
        facts: about the problem, or how much was left alone.
        next_at: when it is asked next.
    """

    place: str
    tried_at: datetime | None
    reached_at: datetime | None
    fetched_at: datetime | None
    file: str | None
    problem: str | None
    facts: dict[str, Any]
    next_at: datetime


async def fetches(session: AsyncSession, facility_id: int) -> dict[str, Fetch]:
    """The feeds of a facility that are fetched, by their codes."""
    query = select(FeedFetch).where(col(FeedFetch.facility_id) == facility_id)
    return {
        row.feed: Fetch(
            row.place, row.tried_at, row.reached_at, row.fetched_at, row.file_name,
            row.problem.value if row.problem else None, row.facts, row.next_at,
        )
        for row in await session.scalars(query)
    }  # fmt: skip
