"""Two cities that differ in their past alone: one has none, the other millions of visits. The same people come to both.

The past lies in rows of their own: sessions and slots of days gone by, full, a patient for each five visits, one visit
a place. It is written in bulk: foreign keys and triggers are off meanwhile and indexes are built afterwards, as a
restore does it; each CHECK is asked of each row.
"""

import asyncio
from collections.abc import Callable, Sequence

import asyncpg

from tests.bench.rush.open_loop import Run, drive
from tests.bench.rush.steady import Mix
from tests.bench.seed import CAPACITY, PER_DAY, SERVICES

_A_DAY = SERVICES * PER_DAY * CAPACITY
_EACH = 5
"""Visits of one patient."""
_TABLES = ("patient", "session", "slot", "appointment")

_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made, conname AS constraint_name,
       pg_get_constraintdef(pg_constraint.oid) AS rule, indrelid::regclass::text AS of
FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid AND contype = 'u'
WHERE indrelid = ANY($1::regclass[]) AND NOT indisprimary
"""
_FILL = (
    """INSERT INTO patient (public_id, match_key, name, name_folded, name_sort, birth_year, phone_index,
                            phone_last4_index, created_at)
       SELECT gen_random_uuid(), sha256(('m' || n)::bytea), 'Nguyễn Thị Mẫu', 'nguyen thi mau', 'mau nguyen thi',
              1930 + n % 90, sha256(('p' || n / 3)::bytea), sha256(('l' || n % 10000)::bytea), now() - interval '1 year'
       FROM generate_series(1, $1::bigint * {a_day} / {each}) AS n""",
    """INSERT INTO session (weekly_session_id, facility_id, service_id, room_id, day, starts_at, ends_at)
       SELECT n, 1, n, 1, current_date - d::int,
              ((current_date - d::int) + time '07:00') AT TIME ZONE 'Asia/Ho_Chi_Minh',
              ((current_date - d::int) + time '15:20') AT TIME ZONE 'Asia/Ho_Chi_Minh'
       FROM generate_series($1::bigint, 1, -1) AS d, generate_series(1, {services}) AS n""",
    """INSERT INTO slot (session_id, facility_id, service_id, room_id, starts_at, ends_at, bookable_from,
                         bookable_until, open, capacity, taken, free_places, reserved, reserved_used, release_at)
       SELECT id, 1, service_id, 1, starts_at + n * interval '10 minutes', starts_at + (n + 1) * interval '10 minutes',
              starts_at - interval '20 days', starts_at, true, {capacity}, {capacity}, '{{}}', 0, 0, starts_at
       FROM session, generate_series(0, {per_day} - 1) AS n
       WHERE day < current_date AND $1::bigint > 0 ORDER BY day, session.id, n""",
    """INSERT INTO appointment (public_id, code, state, slot_id, place, uses_reserved, facility_id, service_id,
                                patient_id, starts_at, ends_at, version, token_version, language, channel, created_at,
                                booked_at)
       SELECT gen_random_uuid(), 'Q' || (row_number() OVER ()), 'fulfilled', slot.id, place, false, 1,
              slot.service_id,
              first + (row_number() OVER ()) % ($1::bigint * {a_day} / {each}), slot.starts_at, slot.ends_at, 1, 1,
              'vi', 'mobile', slot.starts_at - interval '9 days', slot.starts_at - interval '9 days'
       FROM slot, generate_series(1, {capacity}) AS place, (SELECT min(id) AS first FROM patient) AS people
       WHERE slot.starts_at < now() AND cardinality(free_places) = 0""",
)


async def fill(url: str, visits: int) -> int:
    """Give a seeded database a past of whole days with at least so many visits; how many there are then."""
    days = -(-visits // _A_DAY)
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(_INDEXES, list(_TABLES))
        for each in found:
            await connection.execute(
                f'ALTER TABLE {each["of"]} DROP CONSTRAINT "{each["constraint_name"]}"'
                if each["rule"]
                else f"DROP INDEX {each['name']}"
            )
        await connection.execute("SET session_replication_role = replica")
        for statement in _FILL:
            made = statement.format(a_day=_A_DAY, each=_EACH, services=SERVICES, capacity=CAPACITY, per_day=PER_DAY)
            await connection.execute(made, days)
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for each in found:
            await connection.execute(
                f'ALTER TABLE {each["of"]} ADD CONSTRAINT "{each["constraint_name"]}" {each["rule"]}'
                if each["rule"]
                else each["made"]
            )
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        there: int = await connection.fetchval("SELECT count(*) FROM appointment")
    finally:
        await connection.close()
    return there


async def beside(mixes: Sequence[Callable[[Run], Mix]], *, rate: float, seconds: float, rounds: int) -> list[Run]:
    """The same rate to each in turn, again and again, so that whatever the machine does hits all alike."""
    runs = [Run() for _ in mixes]
    for _ in range(rounds):
        for mix, run in zip(mixes, runs, strict=True):
            await drive(mix(run).arrivals(rate, seconds), run)
            await asyncio.sleep(1)
    return runs
