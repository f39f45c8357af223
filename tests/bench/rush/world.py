"""What there is to book, what people ask for, and whether what they were promised is there."""

import random  # noqa: TID251  seeded by who starts the run
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg
import orjson

from booking import clock
from tests.bench.rush.client import get, post
from tests.bench.seed import DAYS, SERVICES, SLOTS

RUSH = "rush"
"""The service whose next week is released."""

_RUSH_PLACES = 25
_RUSH_SLOTS = 50
PLACES = _RUSH_PLACES * _RUSH_SLOTS

_RELEASE = f"""
INSERT INTO service (facility_id, code, name, name_en, sms_label, duration_minutes, bring, bring_en, payment,
                     lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key)
VALUES (1, '{RUSH}', 'Khám chuyên khoa', 'Specialist', 'Kham benh', 10, '', '', 'insurance', 0, 365, 0, true, false,
        'b');
INSERT INTO weekly_session (facility_id, service_id, room_id, weekday, starts, ends, slot_minutes, capacity, reserved,
                            release_minutes, valid_from)
SELECT 1, max(id), 1, 0, '07:00', '15:20', 50, {_RUSH_PLACES}, 0, 0, current_date FROM service;
INSERT INTO session (weekly_session_id, facility_id, service_id, room_id, day, starts_at, ends_at)
SELECT (SELECT max(id) FROM weekly_session), 1, (SELECT max(id) FROM service), 1, current_date + d,
       ((current_date + d) + time '07:00') AT TIME ZONE 'Asia/Ho_Chi_Minh',
       ((current_date + d) + time '15:20') AT TIME ZONE 'Asia/Ho_Chi_Minh' FROM generate_series(7, 11) AS d;
INSERT INTO slot (session_id, facility_id, service_id, room_id, starts_at, ends_at, bookable_from, bookable_until, open,
                  capacity, taken, free_places, reserved, reserved_used, release_at)
SELECT session.id, 1, session.service_id, 1, session.starts_at + n * interval '50 minutes',
       session.starts_at + (n + 1) * interval '50 minutes', $1::timestamptz,
       session.starts_at + n * interval '50 minutes', true, {_RUSH_PLACES}, 0,
       (SELECT array_agg(p) FROM generate_series(1, {_RUSH_PLACES}) AS p)::smallint[], 0, 0,
       session.starts_at + n * interval '50 minutes'
FROM session, generate_series(0, 9) AS n
WHERE session.service_id = (SELECT max(id) FROM service) ORDER BY session.id, n;
"""

_FAULTS = """
SELECT (SELECT count(*) FROM slot WHERE taken > capacity)
  + (SELECT count(*) FROM slot s WHERE taken <> (SELECT count(*) FROM appointment a WHERE a.slot_id = s.id
       AND a.state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow')))
  + (SELECT count(*) FROM (SELECT slot_id, place FROM appointment
       WHERE state IN ('held', 'booked', 'arrived', 'fulfilled', 'noshow') GROUP BY 1, 2 HAVING count(*) > 1) twice)
"""
"""Slots with more people than places, a wrong count, or a place that two have."""


@dataclass(slots=True)
class People:
    """Makes up requests: everybody another person with another telephone, address, browser and key."""

    dice: random.Random
    first_day: date
    mark: str
    number: int = 0

    def somebody(self) -> int:
        """The next person."""
        self.number += 1
        return self.number

    def read(self, who: int) -> bytes:
        """A list of times of some service on some day."""
        day = self.first_day + timedelta(days=self.dice.randrange(DAYS))
        service = self.dice.randrange(SERVICES) + 1
        return get(f"/api/v1/slots?facility=BENCH&service=s{service}&from={day}&to={day}", of=_address(who))

    def read_rush(self, who: int, since: date, until: date) -> bytes:
        """The times that were released."""
        return get(f"/api/v1/slots?facility=BENCH&service={RUSH}&from={since}&to={until}", of=_address(who))

    def hold(self, who: int) -> bytes:
        """Keep a place of some slot."""
        slot = self.dice.randrange(SLOTS) + 1
        body = orjson.dumps({"facility": "BENCH", "service": _service_of(slot), "slot": slot})
        return post("/api/v1/holds", body, of=_address(who), key=f"{self.mark}-h-{who:09d}")

    def book(self, who: int, slot: int | None = None, service: str = "", attempt: int = 0) -> bytes:
        """Book for oneself, in a given slot or some."""
        chosen = self.dice.randrange(SLOTS) + 1 if slot is None else slot
        patient = {"name": "Nguyễn Thị Mẫu", "birth_year": 1980, "phone": f"09{who % 100_000_000:08d}"}
        body = orjson.dumps({
            "facility": "BENCH", "service": service or _service_of(chosen), "slot": chosen, "patient": patient,
        })  # fmt: skip
        return post("/api/v1/appointments", body, of=_address(who), key=f"{self.mark}-b-{who:09d}-{attempt}")

    def cancel(self, who: int, code: str, token: str) -> bytes:
        """Drop a visit."""
        return post(f"/api/v1/appointments/{code}/cancel", b"{}", of=_address(who), token=token)


def _service_of(slot: int) -> str:
    return f"s{(slot - 1) // (SLOTS // SERVICES) + 1}"


def _address(who: int) -> str:
    return f"10.{who >> 16 & 255}.{who >> 8 & 255}.{who & 255}"


async def release(url: str, at: datetime) -> tuple[date, date]:
    """Slots of a week that can be booked from a moment on; the first and the last day."""
    connection = await asyncpg.connect(url)
    try:
        statements = [each for each in _RELEASE.split(";\n") if each.strip()]
        for each in statements:
            await connection.execute(each, *([at] if "$1" in each else []))
        await connection.execute("ANALYZE slot")
    finally:
        await connection.close()
    today = clock.local_day(clock.utc_now())
    return today + timedelta(days=6), today + timedelta(days=13)


async def faults(url: str) -> int:
    """How many slots or places break the promise."""
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval(_FAULTS)
    finally:
        await connection.close()
    return found


async def booked(url: str, service: str) -> int:
    """How many visits of a service stand in the database."""
    connection = await asyncpg.connect(url)
    try:
        query = (
            "SELECT count(*) FROM appointment WHERE state = 'booked'"
            " AND service_id = (SELECT id FROM service WHERE code = $1)"
        )
        found: int = await connection.fetchval(query, service)
    finally:
        await connection.close()
    return found
