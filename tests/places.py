"""A small sample world for tests of pages: two stations, a service, a few days of times. No real person in it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import at_local, local_day
from booking.directory.kinds import FacilityKind, FacilityState, Payment
from booking.directory.models import Facility, Service
from booking.text import fold, plain_sort_key

STATION, OTHER, SERVICE = "TYT-TN", "TYT-12", "kham-tong-quat"
HOURS = (time(7, 30), time(8, 0), time(13, 30))


@dataclass(frozen=True)
class World:
    """The ids of the slots by day, in the order of HOURS; `far` is a day with free places, days ahead."""

    slots: dict[date, list[int]]
    far: date
    near: date


def _facility(code: str, name: str, old: str, new: str, state: FacilityState = FacilityState.OPEN) -> Facility:
    return Facility(
        code=code, kind=FacilityKind.HEALTH_STATION, state=state, name=name, name_en=f"{old} Health Station",
        sms_name="TYT Mau", ward_2023=old, ward_2025=new, confirmed=False, address="1 đường Mẫu",
        phone="02543000000", search_key=fold(f"{name} {old} {new}"), sort_key=plain_sort_key(name),
    )  # fmt: skip


async def make(session: AsyncSession, now: datetime, *, capacity: int = 2) -> World:
    """Insert the world in the caller's transaction."""
    station = _facility(STATION, "Trạm Y tế Phường Thắng Nhì", "Phường Thắng Nhì", "Phường Vũng Tàu")
    other = _facility(OTHER, "Trạm Y tế Phường 12", "Phường 12", "Phường Phước Thắng", FacilityState.PAUSED)
    session.add_all([station, other])
    await session.flush()
    assert station.id is not None
    session.add(
        Service(
            facility_id=station.id, code=SERVICE, name="Khám tổng quát", name_en="General examination",
            sms_label="Kham", duration_minutes=30, bring="Thẻ BHYT (nếu có).", bring_en="Insurance card (if any).",
            payment=Payment.INSURANCE, lead_minutes=30, horizon_days=30, cancel_minutes=120, bookable=True,
            confirmed=False, sort_key="kham",
        )
    )  # fmt: skip
    await session.flush()
    today = local_day(now)
    weekly = (
        "INSERT INTO weekly_session (facility_id, service_id, weekday, starts, ends, slot_minutes, capacity, reserved,"
        " release_minutes, valid_from) SELECT f.id, s.id, 0, '07:30', '16:00', 30, :capacity, 0, 0, :day"
        " FROM facility f JOIN service s ON s.facility_id = f.id RETURNING id"
    )
    weekly_id = (await session.execute(text(weekly), {"capacity": capacity, "day": today})).scalar_one()
    slots = {}
    for days in (2, 3, 10):
        day = today + timedelta(days=days)
        slots[day] = await _day(session, weekly_id, day, now, capacity)
    return World(slots, far=today + timedelta(days=10), near=today + timedelta(days=2))


async def _day(session: AsyncSession, weekly: int, day: date, now: datetime, capacity: int) -> list[int]:
    made = (
        "INSERT INTO session (weekly_session_id, facility_id, service_id, day, starts_at, ends_at)"
        " SELECT id, facility_id, service_id, :day, :starts, :ends FROM weekly_session WHERE id = :weekly RETURNING id"
    )
    span = {"starts": at_local(day, HOURS[0]), "ends": at_local(day, time(16))}
    session_id = (await session.execute(text(made), {"weekly": weekly, "day": day} | span)).scalar_one()
    slot = (
        "INSERT INTO slot (session_id, facility_id, service_id, starts_at, ends_at, bookable_from, bookable_until,"
        " open, capacity, taken, free_places, reserved, reserved_used, release_at)"
        " SELECT id, facility_id, service_id, :starts, :ends, :since, :starts, true, :capacity, 0, :places, 0, 0,"
        " :starts FROM session WHERE id = :session RETURNING id"
    )
    ids = []
    for hour in HOURS:
        starts = at_local(day, hour)
        values = {
            "session": session_id, "starts": starts, "ends": starts + timedelta(minutes=30), "capacity": capacity,
            "since": now - timedelta(days=1), "places": list(range(1, capacity + 1)),
        }  # fmt: skip
        ids.append((await session.execute(text(slot), values)).scalar_one())
    return ids
