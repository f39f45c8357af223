"""Whether a message tells of an invented visit: a file of the outbox."""

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.directory.models import Facility
from booking.messages.models import Message


async def of_practice(session: AsyncSession, message: Message) -> bool:
    """Whether a place to practise wrote it.

    Such rows are suppressed when they are written and so never due. This is asked once more before each post: the last
    door before the street.
    """
    if message.facility_id is None:
        return False
    return bool(await session.scalar(select(Facility.training).where(col(Facility.id) == message.facility_id)))
