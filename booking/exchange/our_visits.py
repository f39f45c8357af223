"""Reads of our own bookings for a hospital's rows: by their codes, or those that a row may be without one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Text, any_, bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.kinds import HOLDS_PLACE, AppointmentState
from booking.appointments.models import Appointment
from booking.availability.models import Slot, SlotClosure
from booking.directory.models import Facility, Practitioner, Room
from booking.exchange.marks import SORTS
from booking.exchange.models import FeedFile, FeedRow
from booking.exchange.outgoing import visits
from booking.exchange.outgoing.models import OutTold
from booking.exchange.recognising import EARLY, STALE_FOR, Candidate, OurVisit, by_marks
from booking.exchange.rules import StagedRow
from booking.trail.models import AuditEvent

_LIVE: Final = (AppointmentState.BOOKED, AppointmentState.ARRIVED)


async def ours(
    session: AsyncSession, facility: str, rows: Iterable[StagedRow], *, now: datetime
) -> dict[str, OurVisit]:
    """The bookings of the facility that rows name by our code."""
    codes = {row.our_code for row in rows if row.our_code}
    if not codes:
        return {}
    query = (
        select(Appointment, col(Practitioner.code), col(Room.code))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(
            col(Facility.code) == facility,
            col(Appointment.code) == any_(bindparam("codes", type_=ARRAY(Text))),
            col(Appointment.state).not_in([AppointmentState.HELD, AppointmentState.LAPSED]),
        )
    )
    found = (await session.execute(query, {"codes": sorted(codes)})).all()
    been = await _been(session, {str(visit.public_id): visit.id or 0 for visit, *_ in found}, now=now)
    return {
        visit.code: OurVisit(
            visit.id or 0, visit.code, visit.slot_id, visit.state in _LIVE and visit.ends_at > now,
            visit.state in HOLDS_PLACE, visit.starts_at, visit.ends_at,
            frozenset(each for each in resources if each), frozenset(been.get(visit.id or 0, ())) - {visit.starts_at},
            visit.cancelled_at is not None and visit.cancelled_at > now - STALE_FOR,
        )
        for visit, *resources in found
    }  # fmt: skip


async def _been(session: AsyncSession, ids: Mapping[str, int], *, now: datetime) -> dict[int, set[datetime]]:
    """Where visits began, as far as the hospital may not have heard of a move: left lately, or told last.

    Every move stands in the audit, whoever made it; what a patient left is kept elsewhere for some minutes only.
    """
    if not ids:
        return {}
    left = (
        select(col(AuditEvent.object_id), col(Slot.starts_at))
        .join(Slot, col(Slot.id) == col(AuditEvent.facts)["from_slot"].astext.cast(BigInteger))
        .where(
            col(AuditEvent.object_kind) == "appointment",
            col(AuditEvent.object_id) == any_(bindparam("visits", type_=ARRAY(Text))),
            col(AuditEvent.action) == "appointment.move",
            col(AuditEvent.at) > now - STALE_FOR,
        )
    )
    told = select(col(OutTold.appointment_id), col(OutTold.starts_at)).where(
        col(OutTold.appointment_id) == any_(bindparam("visits", type_=ARRAY(BigInteger)))
    )
    found: dict[int, set[datetime]] = {}
    for public_id, starts_at in await session.execute(left, {"visits": list(ids)}):
        found.setdefault(ids[public_id], set()).add(starts_at)
    for row_id, starts_at in await session.execute(told, {"visits": list(ids.values())}):
        found.setdefault(row_id, set()).add(starts_at)
    return found


async def outlived(session: AsyncSession, feed: str, *, now: datetime) -> bool:
    """Whether rows kept of a feed still name a visit that was cancelled so long ago that they take its time.

    Not once they do: the slot is closed then.
    """
    query = (
        select(col(FeedRow.id))
        .join(FeedFile, col(FeedFile.id) == col(FeedRow.feed_file_id))
        .join(Appointment, col(Appointment.code) == col(FeedRow.our_code))
        .join(Slot, col(Slot.id) == col(Appointment.slot_id))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(
            col(FeedRow.feed) == feed,
            col(FeedRow.closes),
            col(FeedRow.starts_at) >= col(Appointment.starts_at) - EARLY,
            col(FeedRow.starts_at) < col(Appointment.ends_at),
            func.coalesce(col(FeedRow.ends_at), col(FeedRow.starts_at) + (col(Slot.ends_at) - col(Slot.starts_at)))
            > col(Appointment.starts_at),
            or_(col(FeedRow.resource) == col(Practitioner.code), col(FeedRow.resource) == col(Room.code)),
            col(Appointment.facility_id) == col(FeedFile.facility_id),
            col(Appointment.cancelled_at) <= now - STALE_FOR,
            col(Appointment.ends_at) > now,
            ~exists().where(
                col(SlotClosure.slot_id) == col(Appointment.slot_id), col(SlotClosure.source) == f"feed:{feed}"
            ),
        )
    )
    return await session.scalar(query.limit(1)) is not None


async def known_by_marks(
    session: AsyncSession, facility: str, rows: Sequence[StagedRow], key: bytes
) -> list[StagedRow]:
    """The rows with our codes where marks tell that they are ours. Whatever is found, no row has marks afterwards."""
    marked = [row.starts_at for row in rows if row.marks]
    if not marked:
        return list(rows)
    facility_id = await session.scalar(
        select(col(Facility.id)).where(col(Facility.code) == facility, ~col(Facility.training))
    )
    window = (min(marked), max(marked) + timedelta(seconds=1))
    found = await visits.holding(session, facility_id, window, SORTS) if facility_id is not None else []
    candidates = [
        Candidate(
            visit.code, frozenset(each.code for each in (visit.practitioner, visit.room) if each), visit.starts_at,
            visit.person,
        )
        for visit in found
    ]  # fmt: skip
    return by_marks(rows, candidates, key)
