"""Hospital exports: 100,000 rows read, compared and applied; and what 19 feeds do to those who book meanwhile.

make bench ARGS="--feeds"
make bench ARGS="--feeds --rows 20000 --pairs 1"
make bench ARGS="--feeds --form hl7 --pairs 0"      the same visits as messages; or ndjson, bundle
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from booking import clock
from tests.bench.feed_forms import COLUMNS, FORMS, Visit
from tests.conftest import environment

ROWS = 100_000
PER_DAY = 30  # slots of a practitioner and day, of 15 minutes from 7:00 on
DAYS = 30
GOAL_SECONDS = 30
GOAL_MEGABYTES = 300

_FACILITY = """
WITH place AS (
  INSERT INTO facility (code, kind, state, name, name_en, sms_name, confirmed, search_key, sort_key)
  VALUES ($1, 'hospital', 'open', $1, $1, 'BV thu', false, $1, $1) RETURNING id
), offered AS (
  INSERT INTO service (facility_id, code, name, name_en, sms_label, duration_minutes, bring, bring_en, payment,
                       lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key)
  SELECT id, 'kham', 'Khám tổng quát', 'General examination', 'Kham benh', 15, '', '', 'insurance', 0, 365, 0, true,
         false, 'a' FROM place RETURNING id
), people AS (
  INSERT INTO practitioner (facility_id, code, name, sample)
  SELECT place.id, 'bs' || n, 'Bác sĩ Mẫu ' || n, true FROM place, generate_series(1, $2::int) AS n RETURNING id
), weekly AS (
  INSERT INTO weekly_session (facility_id, service_id, practitioner_id, weekday, starts, ends, slot_minutes, capacity,
                              reserved, release_minutes, valid_from)
  SELECT place.id, offered.id, people.id, 0, '07:00', '14:30', 15, 1, 0, 0, current_date
  FROM place, offered, people RETURNING id, facility_id, service_id, practitioner_id
), days AS (
  INSERT INTO session (weekly_session_id, facility_id, service_id, practitioner_id, day, starts_at, ends_at)
  SELECT weekly.id, facility_id, service_id, practitioner_id, $3::date + d,
         (($3::date + d) + time '07:00') AT TIME ZONE 'Asia/Ho_Chi_Minh',
         (($3::date + d) + time '14:30') AT TIME ZONE 'Asia/Ho_Chi_Minh'
  FROM weekly, generate_series(0, $4::int - 1) AS d
  RETURNING id, facility_id, service_id, practitioner_id, starts_at
)
INSERT INTO slot (session_id, facility_id, service_id, practitioner_id, starts_at, ends_at, bookable_from,
                  bookable_until, open, capacity, taken, free_places, reserved, reserved_used, release_at)
SELECT id, facility_id, service_id, practitioner_id, starts_at + n * interval '15 minutes',
       starts_at + (n + 1) * interval '15 minutes', now() - interval '1 day', starts_at + n * interval '15 minutes',
       true, 1, 0, '{1}', 0, 0, starts_at + n * interval '15 minutes'
FROM days, generate_series(0, $5::int - 1) AS n
"""
_HEADER = (
    "ID", "APPT ID", "Start", "End", "Doctor", "Specialty", "Patient", "PUID", "Mobile", "DoB", "State", "Comments",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A hospital of the bench: its code, how many practitioners, its first day; how its exports are written."""

    code: str
    people: int
    first: date
    form: str = "csv"

    @property
    def feed(self) -> str:
        """Its feed, as a text file would say it."""
        resources = "\n".join(
            f'[resources.bs{number}]\nkeys = "LIC/{number:04}"\nslot_minutes = 15'
            for number in range(1, self.people + 1)
        )
        read = FORMS[self.form][0] if self.form in FORMS else "csv"
        columns = COLUMNS.get(
            read,
            'id = "ID"\nstart = "Start"\nend = "End"\nstate = "State"\n[columns.resource]\n'
            'doctor = "Doctor"\n[times]\nformats = ["%d/%m/%Y %H:%M:%S"]\nzone = "Asia/Ho_Chi_Minh"\n[states]\n'
            'closes = ["confirmed", "done"]\nreleases = "user_cancelled"\nfree = "free"\n',
        )
        return (
            f'code = "{self.code}"\nfacility = "{self.code}"\n[source]\nformat = "{read}"\nfolder = "in/{self.code}"\n'
            f"[columns]\n{columns}[limits]\nmegabytes = 200\n[absence]\n"
            f'meaning = "full_snapshot"\n[coverage]\ndays_behind = 2\ndays_ahead = 60\n{resources}\n'
        )

    def write(self, path: Path, rows: int, *, turn: int = 0) -> None:
        """An export of so many rows; in each later turn one row of fifty has another state."""
        with path.open("w", encoding="utf-8", newline="") as file:
            if self.form in FORMS:
                file.writelines(FORMS[self.form][1](self._visit(number, turn) for number in range(rows)))
            else:
                out = csv.writer(file)
                out.writerow(_HEADER)
                out.writerows(self._row(number, turn) for number in range(rows))
        path.with_name(f"{path.name}.done").touch()

    def _visit(self, number: int, turn: int) -> Visit:
        slot, place = divmod(number, self.people)
        day, clock_ = divmod(slot, PER_DAY)
        start = datetime.combine(self.first, datetime.min.time()) + timedelta(days=day, minutes=7 * 60 + 15 * clock_)
        state = ("confirmed", "free", "confirmed", "done", "user_cancelled")[(number + turn * (number % 50 == 0)) % 5]
        return number, start, place + 1, state

    def _row(self, number: int, turn: int) -> tuple[str, ...]:
        _, start, who, state = self._visit(number, turn)
        return (
            str(number), f"APP 2026/{number}", f"{start:%d/%m/%Y %H:%M:%S}",
            f"{start + timedelta(minutes=15):%d/%m/%Y %H:%M:%S}", f"LIC/{who:04}", "Nội tổng quát",
            f"Nguyễn, Thị Mẫu {number}", f"0771{number:08}", "+84 906 546 652", "1976-01-01", state,
            "Sẽ gọi lại hẹn giờ",
        )  # fmt: skip


async def seed(url: str, places: list[Place]) -> None:
    """Facilities with their practitioners and slots."""
    connection = await asyncpg.connect(url)
    try:
        for place in places:
            await connection.execute(_FACILITY, place.code, place.people, place.first, DAYS, PER_DAY)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


@dataclass(slots=True)
class Worker:
    """A scheduler that only reads exports, in a process of its own."""

    process: subprocess.Popen[str]
    database_cpu: Callable[[], float]

    def look(self) -> dict[str, Any]:
        """One look at the folders; what it took."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = self.database_cpu()
        self.process.stdin.write("look\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told | {"database_cpu": self.database_cpu() - before}


@contextmanager
def worker(url: str, feeds: Path, database_cpu: Callable[[], float]) -> Iterator[Worker]:
    """Start one; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.feed_worker", url, str(feeds)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env={**os.environ, **environment(url)},
    )  # fmt: skip
    try:
        yield Worker(process, database_cpu)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def home(folder: Path, places: list[Place]) -> Path:
    """A folder of feeds, one a place, each with its own drop folder."""
    feeds = folder / "feeds"
    for place in places:
        (feeds / "in" / place.code).mkdir(parents=True)
        (feeds / f"{place.code}.toml").write_text(place.feed)
    return feeds


def big(rows: int, form: str = "csv") -> Place:
    """The hospital of the large file: a row for each of its slots."""
    return Place("BENCH", -(-rows // (DAYS * PER_DAY)), clock.local_day(clock.utc_now()) + timedelta(days=2), form)


def measure(place: Place, feeds: Path, rows: int, one: Worker) -> None:
    """A first file, the same again, and the next with one row of fifty changed."""
    drop = feeds / "in" / place.code
    place.write(drop / "1.csv", rows)
    size = (drop / "1.csv").stat().st_size / 1_000_000
    print(f"{rows:,} rows of {place.people} practitioners, {size:.0f} MB")
    first = one.look()
    (drop / "2.csv").write_bytes((drop / "done" / "1.csv").read_bytes())
    (drop / "2.csv.done").touch()
    again = one.look()
    place.write(drop / "3.csv", rows, turn=1)
    later = one.look()
    for title, told in (("all new", first), ("unchanged", again), ("2 of 100 rows changed", later)):
        _print(title, told)


def _print(title: str, told: dict[str, Any]) -> None:
    phases = told["phases"]
    child = told["child_cpu"] if "read" in phases else 0.0
    cpu = told["cpu"] + child + told["database_cpu"]
    whole = (told["peak"] + told["child_peak"]) / 1024 if "read" in phases else told["peak"] / 1024
    where = ", ".join(f"{name} {to}" for name, to in told["files"])
    print(f"\n{title} ({where}): {told['wall']:.1f} s on the wall, {cpu:.1f} s of CPU (goal {GOAL_SECONDS} s);"
          f" parent and child {whole:.0f} MB at most (goal {GOAL_MEGABYTES} MB)")  # fmt: skip
    for name, (wall, ours) in phases.items():
        print(f"    {name:18} {wall:6.2f} s on the wall, {ours:6.2f} s of the scheduler's CPU")
    print(f"    child {child:.2f} s of CPU, {told['child_peak'] / 1024:.0f} MB; parent {told['cpu']:.2f} s,"
          f" {told['peak'] / 1024:.0f} MB; database {told['database_cpu']:.2f} s")  # fmt: skip
