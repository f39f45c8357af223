"""How often one network address may try.

Counted in the database, so that all processes count together; but not one by one. Each process keeps a small tally and
hands it over in steps of a hundredth of the limit: the count is right to a hundredth per process, and a booking does
not pay for a statement of its own.
"""

from datetime import timedelta

from booking.hot import Hot
from booking.trail import service as trail
from booking.trail.errors import TriedTooOften
from booking.trail.service import Limit
from booking.web.dependencies import Asked

WINDOW = 600
"""Seconds."""


async def check_address(hot: Hot, asked: Asked) -> None:
    """Count one try from this address.

    The limit is wide: phones of one carrier share an address. What holds a single person is the limit per number.

    Raises:
        TriedTooOften: with `retry_after` in seconds.
    """
    limit = Limit("address", asked.settings.limit_address_per_10_minutes, WINDOW)
    tally = asked.tally
    due = tally.due(asked.address, max(1, limit.most // 100))
    if due:
        tries = await trail.count(hot, limit, asked.address.encode(), due, now=asked.now)
        if tries > limit.most:
            tally.refused[asked.address] = limit.window(asked.now) + timedelta(seconds=limit.seconds)
    until = tally.refused.get(asked.address)
    if until is not None and asked.now < until:
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(asked.now))
    if until is not None:
        del tally.refused[asked.address]
