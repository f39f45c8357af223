"""Several texts at once: whoever changes them locks their rows in the order of their ids, or leaves out what is locked.

Two that took the same rows in two orders would wait for each other until the database ends one of them. A statement
takes rows in whatever order its plan finds them, so the order is asked for (`in_order`) before anything is changed.
Jobs need not wait: what somebody holds is being seen to, and they come again (`left_alone`).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnExpressionArgument, CursorResult, Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages.kinds import MessageState
from booking.messages.models import Message


def in_order(*where: ColumnExpressionArgument[bool]) -> CTE:
    """The ids of texts, locked in their order, for the statement that changes them."""
    return _ids(*where).with_for_update().cte("in_order")


def left_alone(*where: ColumnExpressionArgument[bool], most: int) -> CTE:
    """Likewise of at most so many, without those that somebody else has locked."""
    return _ids(*where).limit(most).with_for_update(skip_locked=True).cte("left_alone")


async def lock(session: AsyncSession, ids: Sequence[int | None]) -> None:
    """Lock texts in the order of their ids, for several statements that change them."""
    await session.execute(_ids(col(Message.id).in_(ids)).with_for_update())


async def change(session: AsyncSession, ids: Sequence[int | None], states: Sequence[MessageState], **to: Any) -> int:
    """Change those of some texts, all of them locked, that are in these states; how many."""
    changed = await session.execute(
        update(Message)
        .where(col(Message.id).in_(ids), col(Message.state).in_(states))
        .values(**to)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    return changed.rowcount


def _ids(*where: ColumnExpressionArgument[bool]) -> Select[int | None]:
    return select(col(Message.id)).where(*where).order_by(col(Message.id))
