"""Whether texts go, as every page of messages says it in a line."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages.channel import queries
from booking.messages.channel.kinds import ChannelState
from booking.messages.channel.queries import ChannelView
from booking.messages.models import Message
from booking.web.at_desk import Place
from booking.web.dependencies import Asked


@dataclass(frozen=True, slots=True)
class Standing:
    """How the channel stands, and how many messages of the facility should have gone and wait."""

    view: ChannelView
    waiting: int

    @property
    def goes(self) -> bool:
        """Whether nothing need be said."""
        return self.view.state in (ChannelState.OPEN, ChannelState.RESTING)


async def standing(session: AsyncSession, asked: Asked, where: Place) -> Standing:
    """How it stands now."""
    view = await queries.standing(
        session, asked.settings.gateway_name, queries.allowance_of(asked.settings), now=asked.now
    )
    late = select(func.count()).where(
        text("message.state = 'due'"),  # as the index has it
        col(Message.lane) == "visit",
        col(Message.due_at) <= asked.now,
        col(Message.facility_id) == where.facility_id,
    )
    return Standing(view, await session.scalar(late) or 0)
