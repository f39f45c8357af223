"""How many codes may go out by SMS: to one number, and to all. Beside `codes`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from booking.patients.session_models import VerificationCode
from booking.patients.signing_rules import retry_after
from booking.trail.errors import TriedTooOften
from booking.trail.service import Limit, count_within

log = logging.getLogger(__name__)

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How many codes may go to one number in any hour and in any day, and to all numbers in an hour by the clock."""

    per_hour: int
    per_day: int
    in_all: int


def reached(recent: Sequence[VerificationCode], limits: CodeLimits, *, now: datetime) -> TriedTooOften | None:
    """The limit of the number that leaves no room for one more SMS."""
    sent = [one.created_at for one in recent if one.sent]
    for most, within in ((limits.per_hour, _HOUR), (limits.per_day, _DAY)):
        wait = retry_after(sent, most=most, within=within, now=now)
        if wait is not None:
            return TriedTooOften(limit="code", most=most, retry_after=wait)
    return None


async def all_sent(session: AsyncSession, most: int, *, now: datetime) -> TriedTooOften | None:
    """Count one more code sent; what signing in may cost has an end, whoever asks. What is not sent costs nothing."""
    limit = Limit("code_total", most, int(_HOUR.total_seconds()))
    try:
        async with session.begin_nested():
            if await count_within(session, limit, b"", 1, now=now) > most:
                log.error("no more codes are sent this hour", extra={"facts": {"count": most}})
                raise TriedTooOften(limit=limit.name, most=most, retry_after=limit.retry_after(now))
    except TriedTooOften as refused:
        return refused
    return None
