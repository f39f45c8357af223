"""The register as a desk reads it, and a person her own requests."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.clock import local_day
from booking.requests.kinds import RequestDoor, RequestKind, RequestState
from booking.requests.models import DataRequest
from booking.requests.rules import SOON, days_left

ENDED_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request as the register lists it: nobody is named.

    `left`: days until it must be done; `reply_left`: until she must be told that it was received, None once she was.
    """

    id: UUID
    kind: RequestKind
    door: RequestDoor
    received_at: datetime
    due: date
    left: int
    reply_left: int | None
    state: RequestState
    ended_at: datetime | None
    ended_late: bool
    answer: str | None

    @property
    def overdue(self) -> bool:
        """Whether a day of the law is over."""
        return self.state is RequestState.OPEN and (
            self.left < 0 or (self.reply_left is not None and self.reply_left < 0)
        )

    @property
    def soon(self) -> bool:
        """Whether it must be done within days."""
        return self.state is RequestState.OPEN and not self.overdue and self.left <= SOON

    @property
    def reference(self) -> str:
        """Short enough to say."""
        return str(self.id)[:8].upper()


def line(row: DataRequest, today: date, ended_day: date | None) -> RequestLine:
    """A row as a line."""
    reply_left = days_left(row.reply_by, today) if row.replied_at is None else None
    late = ended_day is not None and ended_day > row.due
    return RequestLine(
        row.public_id, row.kind, row.door, row.received_at, row.due, days_left(row.due, today), reply_left, row.state,
        row.ended_at, late, row.answer,
    )  # fmt: skip


def _lines(rows: list[DataRequest], today: date) -> list[RequestLine]:
    return [line(row, today, local_day(row.ended_at) if row.ended_at else None) for row in rows]


async def listed(
    session: AsyncSession, facility_id: int, *, today: date
) -> tuple[list[RequestLine], list[RequestLine]]:
    """What is open, the most urgent first, and what was answered lately."""
    mine = select(DataRequest).where(col(DataRequest.facility_id) == facility_id)
    is_open = col(DataRequest.state) == RequestState.OPEN
    waiting = mine.where(is_open).order_by(col(DataRequest.due), col(DataRequest.id))
    ended = mine.where(~is_open).order_by(col(DataRequest.ended_at).desc()).limit(ENDED_SHOWN)
    return (
        _lines(list((await session.execute(waiting)).scalars()), today),
        _lines(list((await session.execute(ended)).scalars()), today),
    )


async def of_account(session: AsyncSession, account_id: int, patient_id: int, *, today: date) -> list[RequestLine]:
    """What an account asked about one of its people, the latest first."""
    query = (
        select(DataRequest)
        .where(col(DataRequest.account_id) == account_id, col(DataRequest.patient_id) == patient_id)
        .order_by(col(DataRequest.id).desc())
        .limit(ENDED_SHOWN)
    )
    return _lines(list((await session.execute(query)).scalars()), today)
