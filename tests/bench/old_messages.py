"""Millions of old messages, as a year or two leave them: of all kinds and ends, written in the order of time.

Written by INSERT ... SELECT in the database itself, on two connections, without the indexes: those are built afterwards
by sorting, each in seconds, where ten million random keys would otherwise be put in one by one.
"""

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from booking.sealed import keys
from tests.carrier.client import PHONE

_A_TIME = 250_000
_TOGETHER = 2

_OLD = """
INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language, phone,
    phone_index, facts, state, reason, due_at, useful_until, attempts, sends, provider, provider_sid, error_code, fault,
    segments, created_at, posted_at, changed_at)
SELECT gen_random_uuid(), CASE WHEN code THEN 'code' ELSE 'appointment' END, gen_random_uuid(),
    CASE WHEN code THEN 'otp'
         ELSE (ARRAY['booked', 'reminder_day', 'reminder_hours', 'reminder_day', 'moved', 'cancelled'])[1 + n % 6]
    END::message_kind,
    1, 0, CASE WHEN code THEN 'code' ELSE 'visit' END, CASE WHEN code THEN NULL ELSE 1 + n % 19 END, 'vi', $3,
    decode(md5((n % 300000)::text), 'hex'),
    CASE WHEN code THEN '{"minutes": "10"}'::jsonb
         ELSE jsonb_build_object('code', upper(left(md5(n::text), 8)), 'facility', 'TYT Mau', 'token_version', 1,
             'starts_at', to_char(at + interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'))
    END,
    CASE WHEN gone THEN 'delivered' WHEN NOT posted THEN 'suppressed' WHEN refused THEN 'failed'
         WHEN lost THEN 'undelivered' ELSE 'sent'
    END::message_state,
    CASE WHEN NOT posted THEN 'opted_out' WHEN refused THEN 'phone' WHEN lost THEN 'undelivered' END,
    at, at + interval '1 day', posted::int, posted::int, CASE WHEN posted THEN 'twilio' END,
    CASE WHEN posted AND NOT refused THEN 'SM' || md5(n::text) END,
    CASE WHEN refused THEN 21211 WHEN lost THEN 30003 END,
    CASE WHEN refused THEN 'phone' WHEN lost THEN 'passing' END::fault,
    CASE WHEN posted THEN 1 END, at - interval '1 hour', CASE WHEN posted THEN at END, at
FROM (
    SELECT n, now() - ($4 - n + 1) * interval '3 seconds' AS at, n % 8 = 0 AS code, n % 100 < 90 AS gone,
        n % 100 < 98 AS posted, n % 100 = 90 AS refused, n % 100 IN (91, 92) AS lost
    FROM generate_series($1::int, $2::int) n
) AS old
"""
"""Numbers from $1 to $2 of $4, the newest three seconds ago; nine of ten arrived. $3 is a sealed telephone."""

_UNIQUE = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'message'::regclass AND contype = 'u'
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'message'
    AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = 'message'::regclass)
"""


async def fill(url: str, messages: int, *, told: bool = False) -> None:
    """So many messages of the past; `told` prints how far it is."""
    begun, sealed = time.monotonic(), keys().seal(PHONE)

    def tell(what: str) -> None:
        if told:
            print(f"    {time.monotonic() - begun:5.0f} s  {what}", flush=True)

    connections = [await asyncpg.connect(url) for _ in range(_TOGETHER)]
    first = connections[0]
    try:
        for one in connections:
            await one.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        again = await _without_indexes(first)
        for start in range(1, messages + 1, _A_TIME * _TOGETHER):
            starts = [start + _A_TIME * number for number in range(_TOGETHER)]
            await asyncio.gather(
                *(
                    one.execute(_OLD, begins, min(begins + _A_TIME - 1, messages), sealed, messages)
                    for one, begins in zip(connections, starts, strict=True)
                    if begins <= messages
                )
            )
            tell(f"{min(starts[-1] + _A_TIME - 1, messages):,} rows")
        for name, statement in again:
            await first.execute(statement)
            tell(name)
        await first.execute("VACUUM (ANALYZE) message")
        tell("analysed")
    finally:
        for one in connections:
            await one.close()


async def _without_indexes(connection: asyncpg.Connection) -> Sequence[tuple[str, str]]:
    """Drop all but the primary key; what makes each anew, by its name."""
    async with connection.transaction():
        unique, indexes = await connection.fetch(_UNIQUE), await connection.fetch(_INDEXES)
        for name, _ in unique:
            await connection.execute(f"ALTER TABLE message DROP CONSTRAINT {name}")
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
    made = [(name, f"ALTER TABLE message ADD CONSTRAINT {name} {how}") for name, how in unique]
    return made + [(name, how) for name, how in indexes]
