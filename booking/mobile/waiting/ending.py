"""Waits that can no longer be served are left, each by its own verb in a transaction of its own, as its locks want it.

Whoever takes somebody off the list, withdraws agreement or gives a number up does this first: a wait nobody serves
would say that it waits, and keep the person from waiting in another account.
"""

from collections.abc import Iterable
from uuid import UUID

from booking.actor import Actor
from booking.appointments.waitlist import service
from booking.web.dependencies import Asked


async def leave_all(asked: Asked, waits: Iterable[tuple[int, UUID]], *, by: Actor) -> None:
    """Leave waits, each the account and the public id; what is left already stays so."""
    for account_id, entry in waits:
        async with asked.db.transaction() as session:
            await service.leave(session, account_id, entry, by=by, now=asked.now)
