"""Whether texts go, for staff and for /readyz."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.messages.channel import rules, runs
from booking.messages.channel.kinds import ChannelState
from booking.messages.channel.models import SmsChannel, SmsReconciliation
from booking.messages.channel.row import UNKNOWN
from booking.messages.channel.rules import BREAKER, Allowance, Standing
from booking.settings import Settings
from booking.sms.gateway import Fault


@dataclass(frozen=True, slots=True)
class ChannelView:
    """How the channel stands, for staff. Moments are UTC.

    Attributes:
        state: why texts about visits go or wait.
        since: since when it is held: our configuration is refused, or nobody answers (`silent`); None in other states.
        until: when it goes on by itself; None where somebody must repair something, or nothing waits.
        code: the provider's code our configuration is refused with.
        silent: it is held because several numbers in a row got no answer at all: whose fault that is nobody knows.
        lost: it is held because texts to several numbers in a row were taken and lost: likewise.
        filtered: texts that wait because carriers lose them: kind and language.
        day_posts: texts about visits posted today, of `day_most`.
        hour_posts: likewise in this hour, of `hour_most`, which is three times the usual.
        freed_until: until when somebody let texts go on in spite of budget and breaker.
    """

    state: ChannelState
    since: datetime | None = None
    until: datetime | None = None
    code: int | None = None
    day_posts: int = 0
    day_most: int | None = None
    hour_posts: int = 0
    hour_most: int | None = None
    freed_until: datetime | None = None
    silent: bool = False
    lost: bool = False
    filtered: Sequence[tuple[str, str]] = ()

    @property
    def codes_go(self) -> bool:
        """Whether verification codes go although it is held."""
        return self.silent or self.lost


def allowance_of(settings: Settings) -> Allowance:
    """What an installation lets out."""
    return Allowance(
        per_second=settings.sms_per_second,
        per_day=settings.sms_per_day,
        per_number=settings.sms_number_per_day,
        per_facility=settings.sms_facility_per_day,
        usual_hour=settings.sms_usual_hour,
    )


async def standing(session: AsyncSession, provider: str, allowance: Allowance | None, *, now: datetime) -> ChannelView:
    """How a provider's channel stands; open where nothing was ever sent through it."""
    row = await session.get(SmsChannel, provider)
    if row is None:
        return ChannelView(ChannelState.OPEN)
    hour_at = now.replace(minute=0, second=0, microsecond=0)
    day_at, tomorrow = clock.day_bounds(clock.local_day(now))
    hour_posts = row.hour_posts if row.hour_at >= hour_at else 0
    day_posts = row.day_posts if row.day_at >= day_at else 0
    stands = Standing(
        row.empty_at, row.rest_until, row.held_at, row.probe_at, hour_posts, row.hour_usual, day_posts, row.freed_until
    )
    state = rules.state_of(now, stands, allowance, lane="visit")
    ends = {
        ChannelState.RESTING: row.rest_until,
        ChannelState.BREAKER: hour_at + timedelta(hours=1),
        ChannelState.BUDGET: tomorrow,
    }
    return ChannelView(
        state,
        since=row.held_at,
        until=ends.get(state),
        code=row.held_code,
        silent=row.held_at is not None and row.held_code is None and row.amiss == UNKNOWN,
        lost=row.held_at is not None and row.held_told is Fault.DOUBTFUL,
        filtered=runs.waiting(row.told),
        day_posts=day_posts,
        day_most=allowance.per_day if allowance else None,
        hour_posts=hour_posts,
        hour_most=BREAKER * max(row.hour_usual, allowance.usual_hour) if allowance else None,
        freed_until=row.freed_until if row.freed_until is not None and row.freed_until > now else None,
    )


async def reconciled(session: AsyncSession, *, most: int = 30) -> list[SmsReconciliation]:
    """The last days that were compared with the provider's list, newest first."""
    query = select(SmsReconciliation).order_by(col(SmsReconciliation.id).desc()).limit(most)
    return list((await session.execute(query)).scalars())
