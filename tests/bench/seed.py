"""200,000 slots: 40 services, 100 days, 50 slots a day, each of 20 places.

The rows are inserted in order, so that a slot's service can be computed from its id.
"""

import asyncpg

SERVICES = 40
DAYS = 100
PER_DAY = 50
CAPACITY = 20
SLOTS = SERVICES * DAYS * PER_DAY

_SEED = f"""
INSERT INTO facility (code, kind, state, name, name_en, sms_name, confirmed, search_key, sort_key)
VALUES ('BENCH', 'health_station', 'open', 'Trạm thử', 'Bench', 'TYT thu', false, 'tram thu', 'a');
INSERT INTO service (facility_id, code, name, name_en, sms_label, duration_minutes, bring, bring_en, payment,
                     lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key)
SELECT 1, 's' || n, 'Khám tổng quát', 'General examination', 'Kham benh', 10, '', '', 'insurance', 0, 365, 0, true,
       false, 'a' FROM generate_series(1, {SERVICES}) AS n;
INSERT INTO room (facility_id, code, name) VALUES (1, 'R1', 'Phòng số 1');
INSERT INTO weekly_session (facility_id, service_id, room_id, weekday, starts, ends, slot_minutes, capacity, reserved,
                            release_minutes, valid_from)
SELECT 1, n, 1, 0, '07:00', '15:20', 10, {CAPACITY}, 0, 0, current_date FROM generate_series(1, {SERVICES}) AS n;
INSERT INTO session (weekly_session_id, facility_id, service_id, room_id, day, starts_at, ends_at)
SELECT n, 1, n, 1, current_date + d, ((current_date + d) + time '07:00') AT TIME ZONE 'Asia/Ho_Chi_Minh',
       ((current_date + d) + time '15:20') AT TIME ZONE 'Asia/Ho_Chi_Minh'
FROM generate_series(1, {SERVICES}) AS n, generate_series(2, {DAYS + 1}) AS d
ORDER BY n, d;
INSERT INTO slot (session_id, facility_id, service_id, room_id, starts_at, ends_at, bookable_from, bookable_until, open,
                  capacity, taken, free_places, reserved, reserved_used, release_at)
SELECT session.id, 1, session.service_id, 1, session.starts_at + n * interval '10 minutes',
       session.starts_at + (n + 1) * interval '10 minutes', now() - interval '1 day',
       session.starts_at + n * interval '10 minutes', true, {CAPACITY}, 0,
       (SELECT array_agg(p) FROM generate_series(1, {CAPACITY}) AS p)::smallint[], 0, 0,
       session.starts_at + n * interval '10 minutes'
FROM session, generate_series(0, {PER_DAY - 1}) AS n ORDER BY session.id, n;
"""


async def seed(url: str, bare_schema: str) -> None:
    """Fill an empty, migrated database for both contestants."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_SEED)
        await connection.execute(bare_schema)
        await connection.execute("VACUUM (ANALYZE)")
        assert await connection.fetchval("SELECT count(*) FROM slot") == SLOTS
    finally:
        await connection.close()
