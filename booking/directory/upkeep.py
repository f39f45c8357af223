"""Use cases of whoever keeps a facility in order: services, practitioners, rooms, notices, whether it takes bookings.

Each takes what was seen along (see `marks`): of two who change the same thing the second is told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.clock import local_day
from booking.directory import marks
from booking.directory.errors import CodeTaken, EntryUnknown, FacilityUnknown, NoticeRefused, ServiceUnknown
from booking.directory.keeping import (
    KeepNotice,
    KeepPractitioner,
    KeepRoom,
    KeepService,
    Locate,
    RemoveNotice,
    SetState,
)
from booking.directory.kinds import FacilityState
from booking.directory.models import Facility, Notice, Practitioner, Room, Service
from booking.text import plain_sort_key
from booking.trail.service import record

Row = TypeVar("Row", Service, Practitioner, Room, Notice, Facility)


async def keep_service(session: AsyncSession, command: KeepService, *, by: Actor, now: datetime) -> None:
    """Make or change a service. Its times follow when slots are published.

    Raises:
        CodeTaken, ChangedMeanwhile, ServiceUnknown: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    values = command.model_dump(exclude={"facility", "seen"}) | {"sort_key": plain_sort_key(command.name)}
    row = await _coded(session, Service, facility_id, command.code)
    if row is None and command.seen:
        raise ServiceUnknown(facility=command.facility, service=command.code)
    await _keep(session, Service, row, command.seen, values | {"facility_id": facility_id}, {"confirmed": True})
    record(
        session, "service.keep", "service", f"{command.facility}/{command.code}", by=by, now=now, values=_said(command)
    )


async def keep_practitioner(session: AsyncSession, command: KeepPractitioner, *, by: Actor, now: datetime) -> None:
    """Make or change a practitioner.

    Raises:
        CodeTaken, ChangedMeanwhile, EntryUnknown: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    row = await _coded(session, Practitioner, facility_id, command.code)
    values = {"facility_id": facility_id, "code": command.code, "name": command.name, "active": command.active}
    await _keep(session, Practitioner, row, command.seen, values, {"sample": False})
    name = f"{command.facility}/{command.code}"
    record(session, "practitioner.keep", "practitioner", name, by=by, now=now, active=command.active)


async def keep_room(session: AsyncSession, command: KeepRoom, *, by: Actor, now: datetime) -> None:
    """Make or change a room.

    Raises:
        CodeTaken, ChangedMeanwhile, EntryUnknown: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    row = await _coded(session, Room, facility_id, command.code)
    values = command.model_dump(exclude={"facility", "seen"}) | {"facility_id": facility_id}
    await _keep(session, Room, row, command.seen, values, {})
    record(session, "room.keep", "room", f"{command.facility}/{command.code}", by=by, now=now, values=_said(command))


async def keep_notice(session: AsyncSession, command: KeepNotice, *, by: Actor, now: datetime) -> None:
    """Tell patients something from one day to another, both included.

    Raises:
        NoticeRefused: it would end before it begins, or is over already.
        ChangedMeanwhile, EntryUnknown, ServiceUnknown: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    if command.shown_until < command.shown_from:
        raise NoticeRefused(field="shown_until", reason="reversed")
    if command.shown_until < local_day(now):
        raise NoticeRefused(field="shown_until", reason="over")
    row = None
    if command.notice is not None:
        row = await _locked(session, Notice, col(Notice.id) == command.notice, col(Notice.facility_id) == facility_id)
        if row is None:
            raise EntryUnknown
    values = command.model_dump(include={"text", "text_en", "shown_from", "shown_until"})
    values |= {"facility_id": facility_id, "service_id": await _service_id(session, command, facility_id)}
    kept = await _keep(session, Notice, row, command.seen, values, {})
    record(session, "notice.keep", "notice", kept.id, by=by, now=now, values=_said(command))


async def remove_notice(session: AsyncSession, command: RemoveNotice, *, by: Actor, now: datetime) -> None:
    """Tell it no longer; the audit keeps what it said.

    Raises:
        ChangedMeanwhile, EntryUnknown: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    row = await _locked(session, Notice, col(Notice.id) == command.notice, col(Notice.facility_id) == facility_id)
    if row is None:
        raise EntryUnknown
    marks.check(row, command.seen)
    await session.delete(row)
    await session.flush()
    record(session, "notice.remove", "notice", command.notice, by=by, now=now, text=row.text, facility=command.facility)


async def set_state(session: AsyncSession, command: SetState, *, by: Actor, now: datetime) -> None:
    """Let a facility take bookings, or no more for now. What is booked stays. Merging is no state one sets here.

    Raises:
        ChangedMeanwhile: its state is another already.
        EntryUnknown: it is merged into another facility, or a place to practise, which never takes bookings.
    """
    facility_id = await facility_id_of(session, command.facility)
    row = await _locked(session, Facility, col(Facility.id) == facility_id)
    if row is None:
        raise FacilityUnknown(facility=command.facility)
    if row.training or FacilityState.MERGED_INTO in (row.state, command.state):
        raise EntryUnknown
    marks.check(row, command.seen)
    before, row.state = row.state, command.state
    await session.flush()
    record(
        session, "facility.state", "facility", command.facility, by=by, now=now,
        before=before.value, state=command.state.value,
    )  # fmt: skip


async def locate(session: AsyncSession, command: Locate | str, *, by: Actor, now: datetime) -> bool:
    """Say where a facility stands; a code alone: that nobody knows any more. Whether anything changed.

    Search by nearness, the map link of a slip and its calendar file know it at once.

    Raises:
        FacilityUnknown: there is no such facility.
    """
    code = command if isinstance(command, str) else command.facility
    row = await _locked(session, Facility, col(Facility.code) == code)
    if row is None:
        raise FacilityUnknown(facility=code)
    there = (None, None) if isinstance(command, str) else (command.latitude, command.longitude)
    before = (row.latitude, row.longitude)
    if before == there:
        return False
    row.latitude, row.longitude = there
    await session.flush()
    record(session, "facility.locate", "facility", code, by=by, now=now, before=list(before), position=list(there))
    return True


async def facility_id_of(session: AsyncSession, code: str) -> int:
    """The id of a facility; FacilityUnknown where there is none of this code."""
    found = await session.scalar(select(col(Facility.id)).where(col(Facility.code) == code))
    if found is None:
        raise FacilityUnknown(facility=code)
    return found


async def _service_id(session: AsyncSession, command: KeepNotice, facility_id: int) -> int | None:
    if not command.service:
        return None
    query = select(col(Service.id)).where(col(Service.facility_id) == facility_id, col(Service.code) == command.service)
    found = await session.scalar(query)
    if found is None:
        raise ServiceUnknown(facility=command.facility, service=command.service)
    return found


async def _coded(session: AsyncSession, table: type[Row], facility_id: int, code: str) -> Row | None:
    columns: Any = table
    return await _locked(session, table, col(columns.facility_id) == facility_id, col(columns.code) == code)


async def _locked(session: AsyncSession, table: type[Row], *which: ColumnElement[bool]) -> Row | None:
    # FOR NO KEY UPDATE: whoever only refers to the row (each new slot does) need not wait.
    query = select(table).where(*which).with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def _keep(
    session: AsyncSession,
    table: type[Row],
    row: Row | None,
    seen: str,
    values: Mapping[str, Any],
    at_first: Mapping[str, Any],
) -> Row:
    if row is not None and not seen:
        raise CodeTaken(field="code")
    if row is None and seen:
        raise EntryUnknown
    marks.check(row, seen)
    if row is None:
        row = table(**values, **at_first)
        session.add(row)
    else:
        for name, value in values.items():
            setattr(row, name, value)
    await session.flush()
    return row


def _said(command: KeepService | KeepRoom | KeepNotice) -> dict[str, Any]:
    return command.model_dump(mode="json", exclude={"facility", "seen"})
