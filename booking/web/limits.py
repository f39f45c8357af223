"""How often one network address may try.

Counted in the database, so that all processes count together; but not one by one. Each process keeps a small tally and
hands it over in steps of a hundredth of the limit: the count is right to a hundredth per process, and a booking does
not pay for a statement of its own.
"""

from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network
from typing import Literal

from booking.hot import Hot
from booking.sealed import keys
from booking.trail import service as trail
from booking.trail.errors import TriedTooOften
from booking.trail.service import Limit
from booking.web.dependencies import Ask, Asked

WINDOW = 600
AN_HOUR = 3600
"""Seconds."""


What = Literal["address", "hold"]


def network(address: str) -> str:
    """What is counted: an IPv4 address, or the /64 of an IPv6 address: one line has all addresses of it."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Network((int(found) >> 64 << 64, 64)))


async def check_address(hot: Hot, asked: Asked, *, what: What = "address", number: int = 1) -> None:
    """Count a try from this address: of everything that changes something, or of holds, which cost no number.

    `number` is how many places one try holds.

    The limits are wide: phones of one carrier share an address. What holds a single person is the limit per number.
    The limit of holds is there because a device names itself: whoever makes up names could hold every place.

    Raises:
        TriedTooOften: with `retry_after` in seconds.
    """
    settings = asked.settings
    most = settings.limit_address_per_10_minutes if what == "address" else settings.limit_holds_per_10_minutes
    limit, tally = Limit(what, most, WINDOW), asked.tally
    subject = network(asked.address)
    counted = f"{what} {subject}"
    due = tally.due(counted, max(1, limit.most // 100), number)
    if due:
        tries = await trail.count(hot, limit, keys().index("address", subject), due, now=asked.now)
        if tries > limit.most:
            tally.refused[counted] = limit.window(asked.now) + timedelta(seconds=limit.seconds)
    until = tally.refused.get(counted)
    if until is not None and asked.now < until:
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(asked.now))
    if until is not None:
        del tally.refused[counted]


async def check_codes(hot: Hot, asked: Asked) -> None:
    """Count one code asked for from this address, at once and exactly: each may cost an SMS.

    Raises:
        TriedTooOften: with `retry_after` in seconds.
    """
    limit = Limit("code_address", asked.settings.limit_codes_address_per_hour, AN_HOUR)
    tries = await trail.count(hot, limit, keys().index("address", network(asked.address)), 1, now=asked.now)
    if tries > limit.most:
        raise TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(asked.now))


async def counted(asked: Ask) -> None:
    """A dependency of routers whose forms count nothing by themselves: each form sent is one try of its address.

    Raises:
        TriedTooOften: with `retry_after` in seconds.
    """
    if asked.request.method == "POST":
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
