"""The time a server takes for each page, over the real directory and as many slots as are asked for.

One request after another on one connection of loopback, so a figure is what one person waits for the server; it holds
the client's share too, some tenths of a millisecond. Nothing is asserted: a person reads the table.
"""

import http.client
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import httpx

from booking import clock, sealed
from booking.availability.seeding import seed_calendar
from booking.db import Database
from booking.directory.seeding import seed_directory, seed_sample_people
from booking.settings import load
from tests import people
from tests.bench import queue
from tests.conftest import environment
from tests.pages import read, send
from tests.signing import sign_in

_PAST, _AHEAD = 90, 40
"""Days for which slots are made: most of them are over, as in a table that has been in use."""
_WARM, _REQUESTS = 5, 100
_STRANGERS = ("sign in",)
"""Pages asked for by somebody who is not signed in: others are led on."""

_SLOTS = """
UPDATE facility SET state = 'open';
INSERT INTO weekly_session (facility_id, service_id, weekday, starts, ends, slot_minutes, capacity, reserved,
                            release_minutes, valid_from)
SELECT facility_id, id, 0, '07:00', '16:00', 10, 4, 0, 0, current_date FROM service WHERE bookable;
INSERT INTO session (weekly_session_id, facility_id, service_id, day, starts_at, ends_at)
SELECT id, facility_id, service_id, current_date + d,
       ((current_date + d) + time '07:00') AT TIME ZONE 'Asia/Ho_Chi_Minh',
       ((current_date + d) + time '16:00') AT TIME ZONE 'Asia/Ho_Chi_Minh'
FROM weekly_session, generate_series(-{past}, {ahead}) AS d ORDER BY id, d;
INSERT INTO slot (session_id, facility_id, service_id, starts_at, ends_at, bookable_from, bookable_until, open,
                  capacity, taken, free_places, reserved, reserved_used, release_at)
SELECT id, facility_id, service_id, at, at + {step}, now() - interval '120 days', at, true, 4,
       CASE WHEN full_up THEN 4 ELSE 0 END, CASE WHEN full_up THEN '{{}}' ELSE '{{1,2,3,4}}' END::smallint[], 0, 0, at
FROM (SELECT session.*, session.starts_at + n * {step} AS at, (session.id + n) % 3 = 0 AS full_up
      FROM session, generate_series(0, {per_day} - 1) AS n) AS each ORDER BY id, at;
"""


@dataclass(frozen=True)
class Timed:
    """One page; times in milliseconds (CPU: per request), the size in bytes as it travels."""

    name: str
    p50: float
    p95: float
    server_cpu: float
    database_cpu: float
    size: int
    status: int


async def seed_pages(url: str, slots: int) -> int:
    """Fill a migrated database with the real directory and about so many slots; how many there are."""
    sealed.install(load(environment(url)).keyring())
    database = Database(url, pool=1)
    now = clock.utc_now()
    async with database.transaction() as session:
        await seed_directory(session, now)
        await seed_calendar(session, clock.local_day(now))
        await seed_sample_people(session)
    await database.close()
    connection = await asyncpg.connect(url)
    try:
        days = _PAST + _AHEAD + 1
        services = await connection.fetchval("SELECT count(*) FROM service WHERE bookable")
        per_day = math.ceil(slots / services / days)
        step = f"interval '{9 * 3600 // per_day} seconds'"
        await connection.execute(_SLOTS.format(past=_PAST, ahead=_AHEAD, per_day=per_day, step=step))
        await connection.execute("VACUUM (ANALYZE)")
        made: int = await connection.fetchval("SELECT count(*) FROM slot")
        return made
    finally:
        await connection.close()


async def prepare(address: str, url: str) -> tuple[dict[str, Iterator[str]], str]:
    """The pages by name, each as addresses to be asked in turn, and the cookies of somebody who is signed in."""
    database = Database(url, pool=1)
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        await sign_in(client, database)
        await database.close()
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(
            "SELECT facility.code AS facility, service.code AS service, facility.kind::text AS kind FROM service"
            " JOIN facility ON facility.id = facility_id WHERE bookable ORDER BY md5(service.id::text)"
        )
        slot = await connection.fetchrow(
            "SELECT slot.id, facility.code AS facility, service.code AS service, slot.starts_at FROM slot"
            " JOIN service ON service.id = service_id JOIN facility ON facility.id = slot.facility_id"
            " WHERE taken = 0 AND starts_at > now() + interval '5 days' ORDER BY slot.id LIMIT 1"
        )
        await connection.close()
        lines, desk = await queue.fill(url)
        cookies = [*(f"{name}={value}" for name, value in client.cookies.items()), desk]
        pages = await _pages(client, rows, slot)
        return pages | {name: _turns(paths) for name, paths in lines.items()}, "; ".join(cookies)


async def _pages(
    client: httpx.AsyncClient, rows: list[asyncpg.Record], slot: asyncpg.Record
) -> dict[str, Iterator[str]]:
    ways = [f"/f/{row['facility']}/{row['service']}" for row in rows]
    soon = clock.local_day(slot["starts_at"]).isoformat()
    times = f"/f/{slot['facility']}/{slot['service']}/{soon}"
    held = await send(client, read(await client.get(times)).form(soon), slot=str(slot["id"]))
    booked = await client.post(
        "/api/v1/appointments",
        json={
            "facility": slot["facility"],
            "service": slot["service"],
            "slot": slot["id"],
            "patient": people.patient(1),
        },
        headers={"Idempotency-Key": "bench-pages-0001"},
    )
    ticket = f"/t/{booked.json()['code']}/{booked.json()['token']}"
    return {
        "first page": _turns(["/"]),
        "search: a ward": _turns(["/?q=thang+nhi", "/?q=phuong+5", "/?q=long+son"]),
        "search: plain words": _turns(["/?q=sot", "/?q=%C4%91au+b%E1%BB%A5ng", "/?q=tiem+cho+be"]),
        "search: nothing": _turns(["/?q=zzz", "/?q=qqqq"]),
        "services": _turns(["/s"]),
        "a service anywhere": _turns(sorted({f"/s/{row['service']}" for row in rows})),
        "facility": _turns(sorted({f"/f/{row['facility']}" for row in rows})),
        "days": _turns(ways),
        "times": _turns(f"{way}/{soon}" for way in ways),
        "sign in": _turns(["/sign-in"]),
        "details of a hold": _turns([held.url.path]),
        "ticket": _turns([ticket]),
        "ticket: move, days": _turns([f"{ticket}/move"]),
        "ticket: cancel": _turns([f"{ticket}/cancel"]),
        "the day itself": _turns([f"{ticket}/today"]),
        "calendar file": _turns([f"{ticket}/visit.ics"]),
        "waiting list form": _turns([f"/wait/{row['facility']}/{row['service']}" for row in rows]),
        "my visits": _turns(["/me"]),
        "my sessions": _turns(["/me/sessions"]),
        "help": _turns(["/help"]),
    }


def _turns(paths: Iterable[str]) -> Iterator[str]:
    return itertools.cycle(list(paths))


def ask_all(
    address: str, pages: dict[str, Iterator[str]], cookies: str, spent_cpu: Callable[[], tuple[float, float]]
) -> list[Timed]:
    """Each page in turn, some to warm up, then those that count; `spent_cpu` is the server's and the database's."""
    there = urlsplit(address)
    assert there.hostname
    connection = http.client.HTTPConnection(there.hostname, there.port, timeout=60)
    found = []
    for name, paths in pages.items():
        spent: list[float] = []
        before = (0.0, 0.0)
        for turn in range(_WARM + _REQUESTS):
            if turn == _WARM:
                before = spent_cpu()
            headers = {"Accept-Encoding": "gzip", "Accept-Language": "vi"}
            if name not in _STRANGERS:
                headers["Cookie"] = cookies
            started = time.perf_counter()
            connection.request("GET", next(paths), headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if turn >= _WARM:
                spent.append((time.perf_counter() - started) * 1000)
        cuts = statistics.quantiles(spent, n=20)
        server, database = (1000 * (now - then) / _REQUESTS for now, then in zip(spent_cpu(), before, strict=True))
        found.append(Timed(name, cuts[9], cuts[18], server, database, len(body), answer.status))
    connection.close()
    return found


def print_pages(found: list[Timed], slots: int) -> None:
    """The table."""
    print(f"\nPages at {slots:,} slots, one request after another, {_REQUESTS} each")
    print(f"{'':24}{'p50 ms':>8}{'p95 ms':>8}{'server CPU':>12}{'database CPU':>14}{'bytes sent':>12}")
    for page in found:
        note = "" if page.status == 200 else f"   (status {page.status})"
        print(
            f"{page.name:24}{page.p50:8.1f}{page.p95:8.1f}{page.server_cpu:12.1f}{page.database_cpu:14.1f}{page.size:12,}{note}"
        )
