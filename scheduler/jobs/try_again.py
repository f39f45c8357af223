"""Texts that did not arrive for what passes go once more (`trying` of visits and slips, `telephones` of warnings)."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import telling
from booking.invitations import trying as slips
from booking.messages import again
from booking.messages.service import APPOINTMENT, READ_OUT
from booking.records import telephones
from scheduler import row_by_row

log = logging.getLogger(__name__)

_KINDS: Final[dict[str, Callable[..., Awaitable[int]]]] = {
    APPOINTMENT: trying.try_again,
    telling.SUBJECT: slips.try_again,
    READ_OUT: telephones.warn_again,
}


async def run(db: Database, *, most: int = 100) -> int:
    """How many texts were written anew; some in a transaction, because thousands may be lost at once.

    One that cannot be written for what it holds is left out and named, and keeps no other from going.
    """
    written, left_out, now = 0, list[int](), utc_now()
    for kind, anew in _KINDS.items():
        waiting = partial(_waiting, kind=kind, now=now, most=most)
        number, left = await row_by_row.through(db, waiting, partial(_write, anew=anew, now=now))
        written += number
        left_out += left
    await row_by_row.told(db, "try_again", left_out)
    if written:
        log.info("texts that did not arrive go once more", extra={"facts": {"count": written}})
    return written


async def _waiting(
    session: AsyncSession, without: Collection[int], *, kind: str, now: datetime, most: int
) -> Sequence[int]:
    return await again.waiting(session, kind, now=now, most=most, without=without)


async def _write(
    session: AsyncSession, ids: Sequence[int], *, anew: Callable[..., Awaitable[int]], now: datetime
) -> int:
    return await anew(session, now=now, most=len(ids), only=ids)
