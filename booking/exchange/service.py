"""Applying hospital exports. A file is one transaction: all of what its verdict allows, or nothing.

Locks are taken in one order: publishing (shared by whoever works at one facility), the facility, then slots by id. So
an import never sees half a publishing run, what is done at one facility follows each other and keeps no other waiting,
and the same content at once is done once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from booking.actor import Actor
from booking.availability import service as availability
from booking.availability.closing import Settled
from booking.availability.commands import PublishSlots
from booking.availability.publishing import Published
from booking.clock import day_bounds, local_day
from booking.directory import queries as directory
from booking.directory import upkeep
from booking.exchange import conflicts, feed_rows, history, late, lateness, our_visits, queries
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.following import Changes, keyed
from booking.exchange.guarding import Verdict
from booking.exchange.hearing import heard
from booking.exchange.history import Run
from booking.exchange.kinds import AbsenceMeaning, FileState, VerdictKind
from booking.exchange.queries import Picture, Plan, source_of
from booking.exchange.rules import StagedRow, Trace, closings
from booking.trail.service import record

_PUBLISHING = 0x4578706F7274  # "Export"
_FACILITY = 0x45787072  # "Expr"; the second key is the facility's id
_ASIDE = 0x45787071  # the second key is a hash of the feed: two that refuse one file write one record
_SETTING_ASIDE = select(func.pg_advisory_xact_lock(_ASIDE, func.hashtext(bindparam("feed", type_=Text))))
_IMPORTING = select(func.pg_advisory_xact_lock_shared(_PUBLISHING))
_PUBLISH = select(func.pg_advisory_xact_lock(_PUBLISHING))
_ALONE_AT = select(func.pg_advisory_xact_lock(_FACILITY, bindparam("facility_id", type_=Integer)))

BUSY = "busy"
"""The reason a feed gives for closing a slot."""

_file = SQLModel.metadata.tables["feed_file"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What changed: rows written and dropped, slots closed and opened, conflicts opened and ended.

    `own`: rows that are bookings of ours, which take no place. `stay`: earlier rows that the file may still have, in a
    shape that cannot be used.
    """

    rows: int = 0
    dropped: int = 0
    closed: int = 0
    opened: int = 0
    conflicts: int = 0
    ended: int = 0
    own: int = 0
    stay: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a file.

    Attributes:
        state: applied (wholly or its closings only) or held.
        verdict: why.
        counts: what changed.
        without_times: resources of the feed that have no slot of ours to close.
        again: the content was applied before, and nothing was done now.
        file_id: of its record.
    """

    state: FileState
    verdict: Verdict
    counts: Counts = Counts()
    without_times: tuple[str, ...] = ()
    again: bool = False
    file_id: int = 0


async def apply_file(
    session: AsyncSession,
    command: ApplyExport,
    *,
    by: Actor,
    now: datetime,
    released: Mapping[str, Any] | None = None,
    received: datetime | None = None,
    since: int | None = None,
) -> Applied:
    """Apply a file as far as its guards allow. The last content again, by a feed that says the same, does nothing.

    An earlier content that comes again, another having been applied since, may only close: which of them is newer
    nobody can tell, and a time that was given away again must not be open. One that was written before the file applied
    last is held. What a manager released applies wholly; `released` says who and why, for the audit, and `received`
    when the file came.

    Of a list of changes what waits is not obsolete with the next file: whenever it is released, or handed in again, all
    of it applies that no newer file spoke of (`late`). `since`: the record under which what is released was judged.

    A patient's booking is never deleted, moved or cancelled: where a closed slot holds one, a conflict is opened.

    Raises:
        FacilityUnknown: the feed names a facility there is none of.
    """
    content = command.content
    facility_id = await alone_at(session, content.facility)
    if released is None and (done := await queries.done_before(session, content)):
        await heard(session, content, facility_id, now=now)
        if await our_visits.outlived(session, content.feed, now=now):
            await settle_anew(session, content.feed, by=by, now=now)
        return Applied(done.state, Verdict(VerdictKind(done.report["verdict"]["kind"])), again=True)
    since = since or await late.since(session, command)
    if since is not None:
        command = await late.without_newer(session, command, since)
    plan = await queries.plan(session, command, now=now, released=released is not None, late=since is not None)
    last = await queries.last_applied(session, content.feed)
    before = last.report if last else None
    if released is None and since is None and (refused := lateness.refused(plan.verdict, content.report, before)):
        plan = replace(plan, verdict=refused, changes=Changes())
    held = plan.verdict.kind is VerdictKind.HOLD
    state = FileState.HELD if held else FileState.APPLIED
    report = _report(command, plan) | ({late.FIRST: since} if since else {})
    if not held:
        report |= lateness.newest(content.report, before)
    file_id = await record_file(session, content, facility_id, state, report, now=now)
    await heard(session, content, facility_id, now=None if held else received or now)
    counts, settled = Counts(), Settled()
    of_changes = command.terms.meaning is AbsenceMeaning.CHANGE_FEED
    if not held:
        await feed_rows.write(session, content.feed, plan.changes, since or file_id)
        if of_changes:
            spoken = keyed(command.rows, command.terms.meaning)
            await late.touch(session, content.feed, spoken.keys(), since or file_id)
        await feed_rows.forget(session, content.feed, before=day_bounds(local_day(now))[0])
        counts, settled = await _settle(session, content.feed, facility_id, plan.picture, by=by, now=now)
        changes = plan.changes
        counts = replace(counts, rows=len(changes.put), dropped=len(changes.drop), stay=len(changes.stay))
    if of_changes:
        await late.ended(session, content, today=day_bounds(local_day(now))[0])
    else:
        await history.all_obsolete(session, content.feed)
    await history.write(session, file_id, content.feed, _run(command, plan, settled))
    name = "export.hold" if held else "export.apply"
    record(
        session, name, "feed_file", file_id, by=by, now=now,
        feed=content.feed, verdict=plan.verdict.kind.value, **asdict(counts), **(released or {}),
    )  # fmt: skip
    return Applied(state, plan.verdict, counts, tuple(plan.picture.without_times), file_id=file_id)


def _run(command: ApplyExport, plan: Plan, settled: Settled) -> Run:
    """What the file did, and what it would do besides, were it applied wholly."""
    if plan.verdict.kind is VerdictKind.APPLY:
        return Run(settled.closed, settled.opened, before=before_of(plan.kept, plan.changes))
    held = plan.verdict.kind is VerdictKind.HOLD
    closed_now = plan.picture.before if held else plan.picture.closed
    return Run(
        settled.closed,
        settled.opened,
        would_close=plan.whole - closed_now,
        would_open=closed_now - plan.whole,
        waiting=replace(command, traces=known_of(command.traces, plan.kept)),
        before=None if held else before_of(plan.kept, plan.changes),
    )


def known_of(traces: Iterable[Trace], kept: Mapping[str, StagedRow]) -> tuple[Trace, ...]:
    """The traces that may be rows kept: what may be the id of a torn row may as well be anybody's name."""
    return tuple(trace for trace in traces if trace.row_key is None or trace.lets_go or trace.row_key in kept)


def before_of(kept: Mapping[str, StagedRow], changes: Changes) -> dict[str, StagedRow | None]:
    """The rows that change, as they were."""
    return {key: kept.get(key) for key in (*changes.put, *changes.drop)}


async def set_aside(session: AsyncSession, content: Content, *, by: Actor, now: datetime) -> None:
    """Record a file that cannot be read. Nothing of it applies, and what was closed before stays closed."""
    await session.execute(_SETTING_ASIDE, {"feed": content.feed})
    facility_id = await queries.facility_of(session, content.facility)
    report = {**content.report, "definition": content.definition}
    file_id = await record_file(session, content, facility_id, FileState.QUARANTINED, report, now=now)
    if facility_id is not None:
        await heard(session, content, facility_id, now=None)
    record(session, "export.quarantine", "feed_file", file_id, by=by, now=now, feed=content.feed)


async def publish(session: AsyncSession, command: PublishSlots, *, by: Actor, now: datetime) -> Published:
    """Publish slots, and in the same transaction close those that hospitals have given away already.

    Of one facility beside whatever is done at others; of all of them alone, which only a change of all days needs.

    Raises:
        FacilityUnknown: the command names a facility there is none of.
    """
    if command.facility is None:
        await alone(session)
    else:
        await session.execute(_IMPORTING)
        place = await upkeep.facility_id_of(session, command.facility)
        await session.execute(_ALONE_AT, {"facility_id": place})
    done = await availability.publish(session, command, by=by, now=now)
    for feed in await queries.feeds_applied(session, command.facility):
        await settle_anew(session, feed, by=by, now=now)
    return done


async def alone(session: AsyncSession) -> None:
    """Keep publishing and imports out until the transaction ends: first of all for whoever changes the timetable."""
    await session.execute(_PUBLISH)


async def settle_feed(session: AsyncSession, feed: str, *, by: Actor, now: datetime) -> Counts:
    """Close, open and list conflicts anew by the rows kept of a feed: the calendar or the bookings have changed."""
    last = await queries.last_applied(session, feed)
    if last is None:
        return Counts()
    await alone_at(session, last.report["facility"])
    counts, _ = await settle_anew(session, feed, by=by, now=now)
    return counts


async def alone_at(session: AsyncSession, facility: str) -> int:
    """Wait for publishing and for other imports of the facility; its id.

    Raises:
        FacilityUnknown: there is none of this code.
    """
    await session.execute(_IMPORTING)
    await directory.facility(session, facility)
    facility_id = await queries.facility_of(session, facility)
    assert facility_id is not None, "found a line above"
    await session.execute(_ALONE_AT, {"facility_id": facility_id})
    return facility_id


async def settle_anew(session: AsyncSession, feed: str, *, by: Actor, now: datetime) -> tuple[Counts, Settled]:
    """Likewise, by whoever is alone at the facility already; what changed, and in which slots."""
    last = await queries.last_applied(session, feed)
    if last is None or last.facility_id is None or "terms" not in last.report:  # slips close nothing
        return Counts(), Settled()
    terms = Terms.from_plain(last.report["terms"])
    picture = await queries.picture(session, feed, last.report["facility"], terms, now=now)
    return await _settle(session, feed, last.facility_id, picture, by=by, now=now)


async def _settle(
    session: AsyncSession, feed: str, facility_id: int, picture: Picture, *, by: Actor, now: datetime
) -> tuple[Counts, Settled]:
    """Make the calendar what the picture says. Only slots that change are locked: bookings in all others go on."""
    fresh = picture.closed - picture.before
    settled = await availability.settle_closures(
        session, source_of(feed), within=fresh | (picture.before - picture.closed),
        wanted=dict.fromkeys(fresh, BUSY), by=by, now=now,
    )  # fmt: skip

    def row_keys(wanted: Collection[int]) -> Mapping[int, list[str]]:
        slots = [slot for slot in picture.slots if slot.id in wanted]
        found = closings(picture.rows.values(), slots, picture.terms.slot_minutes)
        return {slot_id: [row.row_key or "" for row in rows] for slot_id, rows in found.items()}

    # Asked after the slots were locked: whoever booked one before us has committed, and nobody can any more.
    opened, ended = await conflicts.settle(
        session, feed, facility_id, closed=picture.closed, ours=picture.ours, row_keys=row_keys, now=now
    )
    counts = Counts(
        closed=len(settled.closed), opened=len(settled.opened), conflicts=opened, ended=ended, own=picture.own
    )
    return counts, settled


def _report(command: ApplyExport, plan: Plan) -> dict[str, object]:
    reasons = [{"reason": reason.value, "facts": dict(facts)} for reason, facts in plan.verdict.reasons]
    return {
        **command.content.report,
        "facility": command.content.facility,
        "definition": command.content.definition,
        "terms": plan.picture.terms.plain(),
        "signs": plan.signs.plain(),
        "without_times": plan.picture.without_times,
        "ours": plan.picture.own,
        "stay": len(plan.changes.stay),
        "verdict": {"kind": plan.verdict.kind.value, "reasons": reasons},
    }


async def record_file(
    session: AsyncSession,
    content: Content,
    facility_id: int | None,
    state: FileState,
    report: Mapping[str, object],
    *,
    now: datetime,
) -> int:
    """Write what became of a file; its id. Each judgement has a row of its own: what was applied before stays told.

    The newest row is only renewed where its content is refused once more, and alike.
    """
    refused = state is not FileState.APPLIED
    known = await history.newest(session, content.feed) if refused else None
    if known is not None and (known.state is not state or known.sha256 != content.sha256):
        known = None
    values = {
        "feed": content.feed, "facility_id": facility_id, "file_name": content.file_name, "sha256": content.sha256,
        "size": content.size, "received_at": now, "state": state, "report": report,
    }  # fmt: skip
    put = insert(_file) if known is None else update(_file).where(_file.c.id == known.id)
    return int((await session.execute(put.values(values).returning(_file.c.id))).scalar_one())
