"""How often one network address may try. Counted in the database, so that all processes count together."""

from booking.hot import Hot
from booking.trail import service as trail
from booking.trail.errors import TriedTooOften
from booking.trail.service import Limit
from booking.web.dependencies import Asked


async def check_address(hot: Hot, asked: Asked) -> None:
    """Count one try from this address.

    The limit is wide: phones of one carrier share an address. What holds a single person is the limit per number.

    Raises:
        TriedTooOften: with `retry_after` in seconds.
    """
    limit = Limit("address", asked.settings.limit_address_per_10_minutes, 600)
    if await trail.count(hot, limit, asked.address_index, now=asked.now) > limit.most:
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(asked.now))
