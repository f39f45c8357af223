"""What posts are counted by: the bucket, the hour and the day of the channel, each number and each facility.

Claims are counted while the channel's row is locked, so two senders never share the last place under a cap. What was
claimed and then not posted (it was set aside, or called back) is given back: only posts count.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Integer, LargeBinary, Text, bindparam, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.columns import Moment
from booking.messages.channel import row, rules
from booking.messages.channel.kinds import TallyScope
from booking.messages.channel.models import SmsChannel
from booking.messages.channel.rules import CODES, Allowance
from booking.messages.channel.service import Asked
from booking.messages.claiming import Claim
from booking.messages.kinds import SuppressedReason

_POSTS: Final = ("hour_posts", "day_posts")
_PARTS: Final = (
    bindparam("day", type_=Moment),
    bindparam("scopes", type_=ARRAY(Text)),
    bindparam("subjects", type_=ARRAY(LargeBinary)),
    bindparam("posts", type_=ARRAY(Integer)),
)

_COUNT: Final = text(
    "INSERT INTO message_tally (scope, since, subject, posts)"
    " SELECT scope, :day, subject, posts FROM unnest(:scopes, :subjects, :posts) AS t(scope, subject, posts)"
    " ON CONFLICT (scope, since, subject) DO UPDATE SET posts = message_tally.posts + excluded.posts"
    " RETURNING scope, subject, posts"
).bindparams(*_PARTS)

_MINE: Final = (
    " unnest(:scopes, :subjects, :posts) AS t(scope, subject, posts)"
    " WHERE message_tally.scope = t.scope AND message_tally.since = :day AND message_tally.subject = t.subject"
)
_FORGET: Final = text(f"DELETE FROM message_tally USING {_MINE} AND message_tally.posts <= t.posts").bindparams(*_PARTS)
_UNCOUNT: Final = text(f"UPDATE message_tally SET posts = message_tally.posts - t.posts FROM {_MINE}").bindparams(
    *_PARTS
)


async def charge(
    session: AsyncSession, asked: Asked, allowance: Allowance | None, claims: Sequence[Claim]
) -> dict[SuppressedReason, list[Claim]]:
    """Count what was claimed and may be posted; the claims that are over a cap, by reason, are not counted at all."""
    if allowance is None or not claims:
        return {}
    fresh = [] if asked.lane == CODES else [one for one in claims if not one.counted]
    over = await _over_caps(session, asked, allowance, fresh) if fresh else {}
    put_off = [one for each in over.values() for one in each]
    await _uncount(session, asked.day_at, put_off)
    posts = len(fresh) - len(put_off)
    # A probe over a cap tries nothing: the next text may, now.
    probe: dict[str, Any] = {"probe_at": None} if any(one.probe for one in put_off) else {}
    await row.write(
        session,
        asked.provider,
        empty_at=rules.emptied(asked.now, asked.standing.empty_at, allowance, len(claims) - len(put_off)),
        hour_posts=asked.standing.hour_posts + posts,
        day_posts=asked.standing.day_posts + posts,
        **probe,
    )
    return over


async def give_back(
    session: AsyncSession, provider: str, allowance: Allowance | None, claims: Sequence[Claim], *, lane: str
) -> None:
    """Take back what was counted for claims that were not posted, and let the next text probe where one of them was to.

    Their places in the bucket stay taken: giving those back would let more than the agreed number leave in some second.
    """
    counted = [] if allowance is None or lane == CODES else [one for one in claims if not one.counted]
    probe: dict[str, Any] = {"probe_at": None} if any(one.probe for one in claims) else {}
    if not counted and not probe:
        return
    channel, _ = await row.locked(session, provider)
    await _uncount(session, channel.day_at, counted)
    less = {name: func.greatest(col(getattr(SmsChannel, name)) - len(counted), 0) for name in _POSTS}
    await row.write(session, provider, **less, **probe)


async def _over_caps(
    session: AsyncSession, asked: Asked, allowance: Allowance, fresh: Sequence[Claim]
) -> dict[SuppressedReason, list[Claim]]:
    """Count claims by number and by facility; those over a cap, by reason."""
    added = Counter(subject for one in fresh for subject in _subjects(one))
    counted = await session.execute(_COUNT, _counts(asked.day_at, added))
    caps = {TallyScope.NUMBER: allowance.per_number, TallyScope.FACILITY: allowance.per_facility}
    left = {
        (scope, subject): rules.within(caps[TallyScope(scope)], posts, added[scope, subject])
        for scope, subject, posts in counted
    }
    return _over(fresh, left)


async def _uncount(session: AsyncSession, day_at: datetime, claims: Sequence[Claim]) -> None:
    """Take claims out of the counts of their numbers and facilities."""
    less = Counter(subject for one in claims for subject in _subjects(one))
    if less:
        for statement in (_FORGET, _UNCOUNT):
            await session.execute(statement, _counts(day_at, less))


def _counts(day_at: datetime, posts: "Counter[tuple[str, bytes]]") -> dict[str, object]:
    order = sorted(posts)
    return {
        "day": day_at,
        "scopes": [scope for scope, _ in order],
        "subjects": [subject for _, subject in order],
        "posts": [posts[each] for each in order],
    }


def _subjects(claim: Claim) -> list[tuple[str, bytes]]:
    number = [(TallyScope.NUMBER.value, claim.phone_index)] if claim.phone_index is not None else []
    facility = [(TallyScope.FACILITY.value, str(claim.facility_id).encode())] if claim.facility_id is not None else []
    return number + facility


def _over(claims: Sequence[Claim], left: dict[tuple[str, bytes], int]) -> dict[SuppressedReason, list[Claim]]:
    """In the order of the claims: the first ones are within."""
    reasons = {TallyScope.NUMBER: SuppressedReason.NUMBER_CAP, TallyScope.FACILITY: SuppressedReason.FACILITY_CAP}
    found: dict[SuppressedReason, list[Claim]] = {}
    for one in claims:
        full = [scope for scope, subject in _subjects(one) if left[scope, subject] <= 0]
        if full:
            found.setdefault(reasons[TallyScope(full[0])], []).append(one)
        else:
            for each in _subjects(one):
                left[each] -= 1
    return found
