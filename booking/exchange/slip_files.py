"""The record of files that hold re-examination slips: beside those of the calendar, and nothing of it.

What a slip becomes is told in `invitations`; here stands which file came, what was said of it, and that each content is
taken once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.directory.errors import FacilityUnknown
from booking.exchange import lateness, queries
from booking.exchange.commands import Content
from booking.exchange.guarding import Verdict
from booking.exchange.hearing import heard
from booking.exchange.kinds import FileState
from booking.exchange.models import FeedFile
from booking.exchange.service import record_file
from booking.trail.service import record

_FEED = 0x536C6970  # "Slip"; the second key is a hash of the feed
_ALONE = select(func.pg_advisory_xact_lock(_FEED, func.hashtext(bindparam("feed", type_=Text))))


@dataclass(frozen=True, slots=True)
class Begun:
    """A file of slips about to be applied, by whoever is alone with its feed until the transaction ends.

    Attributes:
        done: exactly this content was applied before, by a feed that said the same.
        last: what the report of the file applied last says of when it was written.
    """

    facility_id: int
    done: bool
    last: Mapping[str, Any] | None = None


async def begin(session: AsyncSession, content: Content, *, now: datetime) -> Begun:
    """Wait for other files of the feed, and look what is known of it.

    Slips are news and no state: what was taken once is older than whatever came since, so nothing of it counts again.

    Raises:
        FacilityUnknown: the feed names a facility there is none of.
    """
    await session.execute(_ALONE, {"feed": content.feed})
    facility_id = await queries.facility_of(session, content.facility)
    if facility_id is None:
        raise FacilityUnknown(facility=content.facility)
    query = select(col(FeedFile.id)).where(
        col(FeedFile.feed) == content.feed,
        col(FeedFile.sha256) == content.sha256,
        col(FeedFile.state) == FileState.APPLIED,
        col(FeedFile.report)["definition"].astext == content.definition,
    )
    done = await session.scalar(query.limit(1)) is not None
    if done:
        await heard(session, content, facility_id, now=now)
    last = await queries.last_applied(session, content.feed)
    return Begun(facility_id, done, last.report if last else None)


def judged(content: Content, begun: Begun, verdict: Verdict) -> Verdict:
    """The verdict on a file; one that was written before the file applied last is held.

    Where its envelope does not say when it was made, an older word about a slip would stand over a newer one.
    """
    return lateness.refused(verdict, content.report, begun.last) or verdict


async def finish(
    session: AsyncSession, content: Content, begun: Begun, counts: Mapping[str, Any] | None, *, by: Actor,
    now: datetime,
) -> None:  # fmt: skip
    """Write down what became of a file; `counts` is None where it is held and nothing of it was applied."""
    state = FileState.HELD if counts is None else FileState.APPLIED
    report = {**content.report, "facility": content.facility, "definition": content.definition}
    if counts is not None:
        report |= {"slips": dict(counts), **lateness.newest(content.report, begun.last)}
    file_id = await record_file(session, content, begun.facility_id, state, report, now=now)
    await heard(session, content, begun.facility_id, now=None if counts is None else now)
    name = "export.hold" if counts is None else "export.apply"
    record(session, name, "feed_file", file_id, by=by, now=now, feed=content.feed, **(counts or {}))
