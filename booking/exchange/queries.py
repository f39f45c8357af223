"""Reads of the exchange: files, rows, what a feed closes, and where that meets patients."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from sys import intern

from sqlalchemy import ARRAY, BigInteger, Select, Text, any_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.availability import queries as availability
from booking.availability.models import Slot, SlotClosure
from booking.clock import day_bounds, local_day
from booking.directory.models import Facility
from booking.exchange import feed_rows, our_visits
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.following import Changes, doubted, follow
from booking.exchange.guarding import Scope, Shift, Signs, Verdict, compared, guard, shift_of, spoken_about, weighed
from booking.exchange.kinds import AbsenceMeaning, FileState, VerdictKind
from booking.exchange.models import FeedFile
from booking.exchange.recognising import OurClash, OurVisit, recognise
from booking.exchange.rules import GridSlot, StagedRow, closed_slots
from booking.exchange.standing import Place

_FAR = timedelta(days=800)
"""No coverage and no timetable reaches further."""

LIVE = (AppointmentState.BOOKED, AppointmentState.ARRIVED)
"""Promised to a patient. A hold is nobody's yet: it lapses in minutes, or becomes a booking and is found then."""


def source_of(feed: str) -> str:
    """Under which name a feed closes slots."""
    return f"feed:{feed}"


async def file_of(session: AsyncSession, feed: str, sha256: bytes) -> FeedFile | None:
    """The newest record of a content; of one that was ever applied, the newest application."""
    query = select(FeedFile).where(col(FeedFile.feed) == feed, col(FeedFile.sha256) == sha256)
    applied_first = (col(FeedFile.state) == FileState.APPLIED).desc()
    found: FeedFile | None = await session.scalar(query.order_by(applied_first, col(FeedFile.id).desc()).limit(1))
    return found


async def done_before(session: AsyncSession, content: Content) -> FeedFile | None:
    """The record that says that nothing is left to do: of all applied files of the feed the last had this content.

    And it was applied by a feed that said the same. What was applied earlier is no answer: others came since.
    """
    last = await last_applied(session, content.feed)
    if last is None or last.sha256 != content.sha256 or last.report.get("definition") != content.definition:
        return None
    return last


async def _came_before(session: AsyncSession, content: Content) -> datetime | None:
    """When a content that comes again was applied, if another one was since."""
    known = await file_of(session, content.feed, content.sha256)
    last = await last_applied(session, content.feed)
    if known is None or last is None or known.state is not FileState.APPLIED or known.sha256 == last.sha256:
        return None
    return known.received_at


async def last_applied(session: AsyncSession, feed: str) -> FeedFile | None:
    """The feed's last file of which anything was applied: its terms hold."""
    return await session.scalar(_applied(feed).limit(1))


async def applied_before(session: AsyncSession, feed: str, file_id: int) -> FeedFile | None:
    """The last file before this one of which anything was applied."""
    return await session.scalar(_applied(feed).where(col(FeedFile.id) < file_id).limit(1))


async def whole_before(session: AsyncSession, feed: str) -> tuple[Signs, Terms] | None:
    """What the guards compare with: the last file that was applied wholly.

    Not one of which only closings applied: a row limit left on would be noticed once, and believed the second time.
    """
    whole = _applied(feed).where(col(FeedFile.report)["verdict"]["kind"].astext == VerdictKind.APPLY.value)
    known = await session.scalar(whole.limit(1))
    return None if known is None else (Signs.from_plain(known.report["signs"]), Terms.from_plain(known.report["terms"]))


def _applied(feed: str) -> Select[FeedFile]:
    return (
        select(FeedFile)
        .where(col(FeedFile.feed) == feed, col(FeedFile.state) == FileState.APPLIED)
        .order_by(col(FeedFile.id).desc())
    )


async def feeds_applied(session: AsyncSession, facility: str | None = None) -> list[str]:
    """Codes of all feeds of which anything was applied; of one facility those whose last file speaks of it."""
    last = select(func.max(col(FeedFile.id))).where(col(FeedFile.state) == FileState.APPLIED)
    query = select(col(FeedFile.feed)).where(col(FeedFile.id).in_(last.group_by(col(FeedFile.feed))))
    if facility is not None:
        here = col(Facility.id) == col(FeedFile.facility_id)
        query = query.join(Facility, here).where(col(Facility.code) == facility)
    return sorted(await session.scalars(query))


async def newest_slot(session: AsyncSession) -> int:
    """The id of the slot published last; 0 before the first."""
    return await session.scalar(select(col(Slot.id)).order_by(col(Slot.id).desc()).limit(1)) or 0


def _today(now: datetime) -> datetime:
    return day_bounds(local_day(now))[0]


async def times_of(
    session: AsyncSession, facility: str, resources: Collection[str], *, now: datetime
) -> list[GridSlot]:
    """The slots of these resources from today on, open or not; one with a practitioner and a room stands for each.

    Raises:
        FacilityUnknown: no facility has this code.
    """
    since = _today(now)
    found = await availability.grid(session, facility, start=since, end=since + _FAR, codes=resources)
    same: dict[datetime, datetime] = {}
    return [
        GridSlot(
            row.slot_id,
            intern(code),
            same.setdefault(row.starts_at, row.starts_at),
            same.setdefault(row.ends_at, row.ends_at),
        )
        for row in found
        for code in row.codes
        if code in resources
    ]


async def closed_by(session: AsyncSession, feed: str, *, now: datetime) -> set[int]:
    """The slots from today on that a feed closes."""
    query = (
        select(col(SlotClosure.slot_id))
        .join(Slot, col(Slot.id) == col(SlotClosure.slot_id))
        .where(col(SlotClosure.source) == source_of(feed), col(Slot.ends_at) > _today(now))
    )
    return set(await session.scalars(query))


@dataclass(frozen=True, slots=True)
class Picture:
    """What a feed closes.

    Attributes:
        rows: the rows kept, by their keys, as they count.
        slots: our times of the feed's resources from today on.
        terms: how the rows are to be understood.
        closed: the slots that the rows close.
        before: the slots that the feed closes in the calendar.
        own: how many rows are bookings of ours, which take no place.
        ours: what the rows say against bookings of ours that they name.
    """

    rows: Mapping[str, StagedRow]
    slots: Sequence[GridSlot]
    terms: Terms
    closed: frozenset[int]
    before: frozenset[int]
    own: int = 0
    ours: Mapping[int, OurClash] = field(default_factory=dict)

    @property
    def without_times(self) -> list[str]:
        """Resources the feed maps that have no slot to close: no sessions, or a code that is not ours."""
        return sorted(set(self.terms.slot_minutes) - {slot.resource for slot in self.slots})


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would do.

    Attributes:
        verdict: how much of it applies.
        signs: what the guards looked at, with our calendar's hours.
        changes: of the rows kept.
        picture: afterwards.
        kept: the rows before.
        whole: the slots that would be closed if the file were applied wholly.
    """

    verdict: Verdict
    signs: Signs
    changes: Changes
    picture: Picture
    kept: Mapping[str, StagedRow] = field(default_factory=dict)
    whole: frozenset[int] = frozenset()
    first: bool = False


async def plan(
    session: AsyncSession, command: ApplyExport, *, now: datetime, released: bool = False, late: bool = False
) -> Plan:
    """What a file would do, by the rows kept and the calendar as they are now. Reads only.

    A file that is `released` applies wholly, whatever its guards say; what they say stays written. Of one that is
    `late` what newer files told of was left out: that it came before raises no doubt.

    Raises:
        FacilityUnknown: the feed names a facility there is none of.
    """
    content, terms = command.content, command.terms
    last = await last_applied(session, content.feed)
    both = terms if last is None or "terms" not in last.report else terms.beside(Terms.from_plain(last.report["terms"]))
    kept = await feed_rows.kept(session, content.feed, both.meaning, now=now)
    slots = await times_of(session, content.facility, _resources(both, kept), now=now)
    signs = await asyncio.to_thread(compared, command.signs, command.rows, slots)
    before = await whole_before(session, content.feed)
    earlier = None if late else await _came_before(session, content)
    scope = Scope(local_day(now), terms.window, frozenset(terms.slot_minutes), terms.meaning)
    verdict = doubted(guard(before and before[0], signs, scope=scope, limits=command.limits), earlier)
    closed_now = await closed_by(session, content.feed, now=now)
    known = await our_visits.ours(session, content.facility, (*kept.values(), *command.rows), now=now)

    def followed(kind: VerdictKind) -> tuple[Changes, Picture]:
        under = terms if kind is VerdictKind.APPLY else both
        idle = before[0].idle if before else {}
        return _followed(kept, slots, command, kind, under, closed_now=closed_now, ours=known, idle=idle, now=now)

    # Beside the loop: a large file takes seconds, and codes are to leave meanwhile.
    changes, wholly = await asyncio.to_thread(followed, VerdictKind.APPLY)
    verdict = weighed(verdict, _shift(wholly, before), command.limits)
    if released:
        verdict = Verdict(VerdictKind.APPLY, verdict.reasons)
    if verdict.kind is VerdictKind.APPLY:
        signs = replace(signs, idle=changes.idle)
        return Plan(verdict, signs, changes, wholly, kept, wholly.closed, before is None)
    changes, picture = await asyncio.to_thread(followed, verdict.kind)
    return Plan(verdict, signs, changes, picture, kept, wholly.closed, before is None)


def _shift(wholly: Picture, before: tuple[Signs, Terms] | None) -> Shift:
    """What the file would turn over; of a feed's first file nobody knows what is too much to close."""
    if before is None or wholly.terms.meaning is AbsenceMeaning.CHANGE_FEED:
        return shift_of(wholly.before, wholly.closed, ())
    known = spoken_about(wholly.slots, before[0], before[1].window, before[1].slot_minutes)
    return shift_of(wholly.before, wholly.closed, known)


def _followed(
    kept: Mapping[str, StagedRow], slots: Sequence[GridSlot], command: ApplyExport, verdict: VerdictKind, under: Terms,
    *, closed_now: set[int], ours: Mapping[str, OurVisit], idle: Mapping[Place, int], now: datetime,
) -> tuple[Changes, Picture]:  # fmt: skip
    changes = follow(kept, command.rows, command.terms, verdict, since=_today(now), traces=command.traces, idle=idle)
    resources = _resources(under, kept)
    found = _picture(
        changes.after(kept), [slot for slot in slots if slot.resource in resources], under, closed_now, ours
    )
    if verdict is VerdictKind.CLOSINGS_ONLY:
        found = replace(found, closed=found.closed | found.before)  # whatever the reason: openings wait
    return changes, found


async def picture(session: AsyncSession, feed: str, facility: str, terms: Terms, *, now: datetime) -> Picture:
    """What a feed closes by the rows kept, and what it closes in the calendar."""
    kept = await feed_rows.kept(session, feed, terms.meaning, now=now)
    slots = await times_of(session, facility, _resources(terms, kept), now=now)
    ours = await our_visits.ours(session, facility, kept.values(), now=now)
    return await asyncio.to_thread(_picture, kept, slots, terms, await closed_by(session, feed, now=now), ours)


def _resources(terms: Terms, kept: Mapping[str, StagedRow]) -> set[str]:
    """Those the feed maps, and those it mapped once of which rows are kept."""
    return {*terms.slot_minutes, *(row.resource for row in kept.values())}


def _picture(
    kept: Mapping[str, StagedRow], slots: Sequence[GridSlot], terms: Terms, before: set[int],
    ours: Mapping[str, OurVisit],
) -> Picture:  # fmt: skip
    known = recognise(kept, ours, terms.meaning)
    rows = known.rows
    closed = closed_slots(
        list(rows.values()), slots, meaning=terms.meaning, window=terms.window, fallback_minutes=terms.slot_minutes
    )
    return Picture(rows, slots, terms, frozenset(closed), frozenset(before), known.own, known.clashes)


async def patients_in(session: AsyncSession, slot_ids: Collection[int], *, now: datetime) -> list[tuple[int, int]]:
    """Appointments promised to patients in these slots, each as (appointment, slot), visits that are over left out."""
    if not slot_ids:
        return []
    query = select(col(Appointment.id), col(Appointment.slot_id)).where(
        col(Appointment.slot_id) == any_(bindparam("slots", type_=ARRAY(BigInteger))),
        col(Appointment.state).in_(LIVE),
        col(Appointment.ends_at) > now,
    )
    found = await session.execute(query, {"slots": sorted(slot_ids)})
    return [(row_id, slot_id) for row_id, slot_id in found if row_id is not None]


_UNSETTLED = text("""
SELECT substr(slot_closure.source, 6) AS feed
FROM slot_closure JOIN appointment ON appointment.slot_id = slot_closure.slot_id
WHERE slot_closure.source LIKE 'feed:%' AND appointment.state IN ('booked', 'arrived') AND appointment.ends_at > :now
  AND NOT EXISTS (
    SELECT FROM conflict
    WHERE conflict.feed = substr(slot_closure.source, 6) AND conflict.appointment_id = appointment.id
      AND conflict.slot_id = appointment.slot_id AND conflict.state IN ('open', 'settled')
  )
UNION
SELECT conflict.feed
FROM conflict JOIN appointment ON appointment.id = conflict.appointment_id
WHERE conflict.state = 'open' AND (
  appointment.slot_id <> conflict.slot_id OR appointment.state NOT IN ('booked', 'arrived')
  OR appointment.ends_at <= :now
  OR conflict.kind = 'taken' AND NOT EXISTS (
    SELECT FROM slot_closure
    WHERE slot_closure.slot_id = conflict.slot_id AND slot_closure.source = 'feed:' || conflict.feed
  )
)
""")


async def feeds_with_new_clashes(session: AsyncSession, *, now: datetime) -> list[str]:
    """Feeds whose conflicts are not as they should be: a patient came into a closed slot, or left one."""
    return sorted(await session.scalars(_UNSETTLED, {"now": now}))


async def facility_of(session: AsyncSession, code: str) -> int | None:
    """The id of a facility; None for a place to practise, of which no hospital speaks."""
    query = select(col(Facility.id)).where(col(Facility.code) == bindparam("code", type_=Text), ~col(Facility.training))
    return await session.scalar(query, {"code": code})
