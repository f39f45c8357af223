"""Texts that did not arrive for what passes, and whose time to go once more has come: which those are."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.columns import none_of
from booking.messages.models import Message


async def waiting(
    session: AsyncSession, subject_kind: str, *, now: datetime, most: int, without: Collection[int] = ()
) -> Sequence[int]:
    """Rows of such texts about one kind of subject, the oldest first; not these. None of them is read."""
    query = select(col(Message.id)).where(
        col(Message.again_at) <= now, col(Message.subject_kind) == subject_kind, none_of(col(Message.id), without)
    )
    found = await session.scalars(query.order_by(col(Message.again_at), col(Message.id)).limit(most))
    return [one for one in found if one is not None]


def among(only: Collection[int] | None) -> list[ColumnElement[bool]]:
    """The condition that texts are among these; none where any may be."""
    return [] if only is None else [col(Message.id).in_(only)]
