"""A facility's calendar for tests: a service, a practitioner and a room of one code, a weekly session, a notice."""

from booking import clock
from booking.db import Database
from tests import seeds

_SERVICE = """
    INSERT INTO service (facility_id, code, name, name_en, sms_label, duration_minutes, bring, bring_en, payment,
        lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key)
    SELECT id, :code, 'Khám mẫu', 'Sample', 'Kham', 30, '', '', 'free', 30, 30, 120, true, true, 'm'
    FROM facility WHERE code = :facility
"""
_WEEKLY = """
    INSERT INTO weekly_session (facility_id, service_id, practitioner_id, room_id, weekday, starts, ends, slot_minutes,
        capacity, reserved, release_minutes, valid_from)
    SELECT facility.id, service.id, practitioner.id, room.id, 2, '13:30', '15:30', 30, 2, 0, 0, :today
    FROM facility JOIN service ON service.facility_id = facility.id AND service.code = :code
    JOIN practitioner ON practitioner.facility_id = facility.id AND practitioner.code = :code
    JOIN room ON room.facility_id = facility.id AND room.code = :code WHERE facility.code = :facility RETURNING id
"""


async def fill(db: Database, facility: str, code: str) -> dict[str, str]:
    """Make all of it; what stands for it in addresses."""
    names = {"facility": facility, "code": code}
    today = clock.local_day(clock.utc_now())
    await seeds.run(db, _SERVICE, **names)
    for table, columns in (("practitioner", "sample"), ("room", "active")):
        made = f"INSERT INTO {table} (facility_id, code, name, {columns}) SELECT id, :code, 'Mẫu', true"
        await seeds.run(db, f"{made} FROM facility WHERE code = :facility", **names)
    weekly = await seeds.value(db, _WEEKLY, **names, today=today)
    notice = await seeds.value(
        db,
        "INSERT INTO notice (facility_id, text, text_en, shown_from, shown_until)"
        " SELECT id, 'Hết vắc-xin.', '', :today, :today FROM facility WHERE code = :facility RETURNING id",
        facility=facility, today=today,
    )  # fmt: skip
    return {**names, "weekly": str(weekly), "notice": str(notice), "day": today.isoformat()}
