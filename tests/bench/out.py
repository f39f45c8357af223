"""What a look at everything to be told to a hospital costs: 20,000 visits to come, told as a table.

    nice -n 15 .venv/bin/python -m tests.bench.out

CPU is told, not the time on the wall: that of this process and of all of PostgreSQL's.
"""

import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg

from booking import clock, embedded, sealed
from booking.db import Database
from booking.settings import load
from scheduler.jobs import write_bookings
from tests.bench import feeds
from tests.bench.feeds import DAYS, PER_DAY, Place
from tests.bench.processes import database, database_cpu
from tests.conftest import environment

VISITS = 20_000
CODE = "OUT"
_FILL = (
    """INSERT INTO patient (public_id, match_key, name, name_folded, name_sort, birth_year, phone, phone_index,
                            phone_last4_index, created_at)
       SELECT gen_random_uuid(), sha256(('m' || n)::bytea), 'Nguyễn Thị Mẫu', 'nguyen thi mau', 'mau nguyen thi',
              1930 + n % 90, $1, sha256(('p' || n)::bytea), sha256(('l' || n % 10000)::bytea), now()
       FROM generate_series(1, $2::int) AS n""",
    """WITH made AS (
         INSERT INTO appointment (public_id, code, state, slot_id, place, facility_id, service_id, patient_id,
                                  starts_at, ends_at, language, channel, uses_reserved, version, token_version,
                                  created_at, booked_at)
         SELECT gen_random_uuid(), 'Q' || number, 'booked', id, 1, facility_id, service_id,
                (SELECT min(id) FROM patient) + number - 1, starts_at, ends_at, 'vi', 'mobile', false, 1, 1, now(),
                now()
         FROM (SELECT slot.*, row_number() OVER (ORDER BY starts_at, id) AS number FROM slot) AS slot
         WHERE number <= $2::int AND $1::bytea IS NOT NULL RETURNING slot_id
       ) UPDATE slot SET taken = 1, free_places = '{}' FROM made WHERE slot.id = made.slot_id""",
)
_TERMS = """code = "{code}"
facility = "{facility}"
personal = {personal}
[out]
format = "csv"
folder = "{code}"
[changes]
every_minutes = 5
[columns]
Code = "code"
Start = "start"
Doctor = "resource"
State = "state"
"""


async def fill(url: str) -> None:
    """A hospital whose coming month is booked."""
    people = -(-VISITS // (DAYS * PER_DAY))
    await feeds.seed(url, [Place(CODE, people, clock.local_day(clock.utc_now()) + timedelta(days=2))])
    connection = await asyncpg.connect(url)
    for statement in _FILL:
        await connection.execute(statement, sealed.keys().seal("+84903000001"), VISITS)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


async def measure(url: str, home: Path, spent: Callable[[], float]) -> None:
    """Looks: all new, nothing new, one of fifty cancelled; with nothing of persons told, and with name and phone."""
    db, now = Database(url, pool=2), clock.utc_now()
    for rest, (code, personal) in enumerate((("plain", "[]"), ("persons", '["name", "phone"]'))):
        (home / f"{code}.out.toml").write_text(_TERMS.format(code=code, facility=CODE, personal=personal))
        memory = write_bookings.Memory()
        for title in ("all new", "nothing new", "2 of 100 cancelled"):
            if title.startswith("2"):
                await _cancel(url, rest)
            now += timedelta(minutes=5)
            await _look(db, home, now, memory, title=f"{code}, {title}", spent=spent)
        (home / f"{code}.out.toml").unlink()
    await db.close()
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


async def _look(
    db: Database, home: Path, now: datetime, memory: write_bookings.Memory, *, title: str, spent: Callable[[], float]
) -> None:
    before, ours = spent(), time.process_time()
    names = await write_bookings.run(db, home, now=now, memory=memory)
    took = f"{time.process_time() - ours:5.2f} s here, {spent() - before:5.2f} s database"
    print(f"{title:30} {took}; visits told: {await asyncio.to_thread(_told, home, names):,}")


def _told(home: Path, names: list[str]) -> int:
    return sum(len(path.read_bytes().splitlines()) - 1 for name in names for path in home.rglob(name))


async def _cancel(url: str, rest: int) -> None:
    connection = await asyncpg.connect(url)
    one = "UPDATE appointment SET state = 'cancelled', cancelled_at = now() WHERE state = 'booked' AND id % 50 = $1"
    await connection.execute(one, rest)
    await connection.close()


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder) / "data") as server:
            url = database(server, "out")
            sealed.install(load(environment(url)).keyring())
            asyncio.run(fill(url))
            home = Path(folder) / "feeds"
            home.mkdir()
            asyncio.run(measure(url, home, lambda: database_cpu(server)))


if __name__ == "__main__":
    main()
