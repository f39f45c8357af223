"""Who read which record: by staff, person, facility and time; what stands out; and the auditor is written down too."""

import csv
import io
from datetime import datetime, time, timedelta
from uuid import UUID

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.actor import Actor, ActorKind
from booking.clock import at_local, local_day
from booking.db import Database
from booking.figures import reads
from booking.figures.kinds import Oddity, SpanKind
from booking.figures.reads import Outstanding, Wanted
from booking.figures.rules import Span
from booking.patients.service import read_by_staff
from booking.trail.service import record
from tests import asking, pages, seeds, staff
from tests.seeds import FACILITY, World

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
TODAY = local_day(clock.utc_now())
NOON = at_local(TODAY, time(12))
_PERSON = """
INSERT INTO patient (public_id, match_key, name, name_folded, name_sort, birth_year, created_at, no_sms)
VALUES (gen_random_uuid(), sha256(gen_random_uuid()::text::bytea), 'Khách Mẫu', 'khach mau', 'a', 1980, now(), false)
RETURNING public_id
"""


@pytest.fixture
async def world(db: Database, client: httpx.AsyncClient) -> World:
    made = await seeds.seed(db, capacities=[20])
    await asking.booked(client, made, made.slots[0], 1)
    return made


async def _clerk(db: Database, name: str) -> Actor:
    made = await staff.add(db, name, Role.CLERK, [FACILITY])
    return Actor(ActorKind.STAFF, id=str(made.public_id), address="10.0.0.7")


async def _read(db: Database, by: Actor, at: datetime, *people: UUID, reason: str = "search") -> None:
    async with db.transaction() as session:
        for person in people:
            read_by_staff(session, person, by=by, now=at, facility=FACILITY, reason=reason)


async def _strangers(db: Database, number: int) -> list[UUID]:
    return [await seeds.value(db, _PERSON) for _ in range(number)]


async def _known(db: Database) -> UUID:
    found: UUID = await seeds.value(
        db, "SELECT p.public_id FROM patient p JOIN appointment a ON a.patient_id = p.id LIMIT 1"
    )
    return found


def _wanted(**more: object) -> Wanted:
    return Wanted(Span(SpanKind.OWN, TODAY, TODAY), **more)  # type: ignore[arg-type]


async def _odd(db: Database) -> list[Outstanding]:
    async with db.transaction() as session:
        return await reads.standing_out(session, _wanted())


@pytest.mark.usefixtures("world")
async def test_reads_are_found_by_who_whom_where_and_when(db: Database) -> None:
    one, other = await _clerk(db, "mot.mau"), await _clerk(db, "hai.mau")
    known, (stranger,) = await _known(db), await _strangers(db, 1)
    await _read(db, one, NOON, known, stranger)
    await _read(db, other, NOON + timedelta(hours=1), known, reason="visit")
    await _read(db, other, NOON - timedelta(days=1), known)  # yesterday's
    async with db.transaction() as session:
        found = await reads.listed(session, _wanted())
        assert [(row.who and row.who.username, row.patient, row.why, row.at_work) for row in found] == [
            ("hai.mau", known, "visit", True),
            ("mot.mau", stranger, "search", False),
            ("mot.mau", known, "search", True),
        ]
        assert len(await reads.listed(session, _wanted(staff=UUID(one.id)))) == 2
        assert len(await reads.listed(session, _wanted(patient=known))) == 2
        assert await reads.listed(session, _wanted(facility="X")) == []
        assert len(await reads.listed(session, _wanted(), most=2)) == 2
        code = await seeds.value(db, "SELECT code FROM appointment")
        assert await reads.person_of(session, f" {code.lower()} ") == known
        assert await reads.person_of(session, str(known)) == known
        assert await reads.person_of(session, "nobody") is None


@pytest.mark.usefixtures("world")
async def test_lists_she_stood_on_are_named_to_whoever_asks_for_her(db: Database) -> None:
    one = await _clerk(db, "mot.mau")
    known, (stranger,) = await _known(db), await _strangers(db, 1)
    (visit,) = await seeds.rows(db, "SELECT a.day, s.code FROM appointment a JOIN service s ON s.id = a.service_id")
    noon = at_local(visit["day"], time(12))
    async with db.transaction() as session:
        for day, reason in ((visit["day"], "sheet"), (visit["day"] + timedelta(days=1), "sheet")):
            record(session, "sheet.read", "facility", FACILITY, by=one, now=NOON, day=str(day), reason=reason)
        record(session, "sheet.read", "facility", "MAU-99", by=one, now=NOON, day=str(visit["day"]), reason="kept")
        for service, at in ((visit["code"], noon), ("another", noon), (visit["code"], noon + timedelta(days=1))):
            record(session, "queue.read", "facility", FACILITY, by=one, now=at, service=service)
    span = Span(SpanKind.OWN, TODAY, visit["day"] + timedelta(days=1))
    async with db.transaction() as session:
        found = await reads.listed(session, Wanted(span, patient=known))
        assert [(row.why, row.at, row.facility, row.who and row.who.username) for row in found] == [
            ("queue_list", noon, FACILITY, "mot.mau"),
            ("sheet", NOON, FACILITY, "mot.mau"),
        ]
        assert await reads.listed(session, Wanted(span, patient=stranger)) == []
        assert await reads.listed(session, Wanted(span)) == []  # who looked at a list looked at nobody in particular
        assert await reads.listed(session, Wanted(span, patient=known, facility="MAU-99")) == []


@pytest.mark.usefixtures("world")
async def test_many_people_without_a_visit_stand_out_and_four_do_not(db: Database) -> None:
    one = await _clerk(db, "mot.mau")
    people = await _strangers(db, 5)
    await _read(db, one, NOON, *people[:4], *people[:4], await _known(db))  # twice the same is one record
    assert await _odd(db) == []
    await _read(db, one, NOON, people[4])
    (found,) = await _odd(db)
    assert (found.why, found.reading.people, found.reading.strangers) == ((Oddity.NO_VISIT,), 6, 5)
    # One of them books: she has to do with the facility now, and what is left is four.
    await seeds.run(
        db, "UPDATE appointment SET patient_id = (SELECT id FROM patient WHERE public_id = :p)", p=people[0]
    )
    (left,) = await _odd(db)
    assert left.reading.strangers == 5  # four of them, and the one who had the visit before


@pytest.mark.usefixtures("world")
async def test_a_merged_record_is_the_kept_persons(db: Database) -> None:
    one = await _clerk(db, "mot.mau")
    people = await _strangers(db, 5)
    await _read(db, one, NOON, *people)
    assert len(await _odd(db)) == 1
    await seeds.run(
        db, "UPDATE patient SET merged_into_id = (SELECT patient_id FROM appointment LIMIT 1) WHERE public_id = :p",
        p=people[0],
    )  # fmt: skip
    assert await _odd(db) == []


@pytest.mark.usefixtures("world")
async def test_the_night_is_the_facilitys(db: Database) -> None:
    one = await _clerk(db, "mot.mau")
    known = await _known(db)
    await _read(db, one, at_local(TODAY, time(5)), known)  # 22:00 of the day before, in UTC
    assert await _odd(db) == []
    await _read(db, one, at_local(TODAY, time(4, 59)), known)
    (found,) = await _odd(db)
    assert (found.why, found.day, found.reading.at_night) == ((Oddity.NIGHT,), TODAY, 1)


@pytest.mark.usefixtures("world")
async def test_an_auditor_sees_no_name_and_is_seen(client: httpx.AsyncClient, db: Database) -> None:
    one = await _clerk(db, "mot.mau")
    known = await _known(db)
    await _read(db, one, clock.utc_now(), known, *await _strangers(db, 5))
    auditor = await staff.add(db, "auditor.mau", Role.AUDITOR)
    client.cookies.set("desk", await staff.sign_in(db, "auditor.mau") or "")
    page = pages.read(await client.get("/desk/reads"))
    assert "xem nhiều người không có lịch hẹn ở đó" in page.text
    assert "6 lượt xem" in page.text
    assert str(known)[:8] in page.text
    assert "Khách Mẫu" not in page.text
    code = await seeds.value(db, "SELECT code FROM appointment")
    found = pages.read(await client.get(f"/desk/reads?person={code}"))
    assert "1 lượt xem" in found.text
    assert "Không tìm thấy ai" in pages.read(await client.get("/desk/reads?person=ZZZZ")).text
    answer = await client.get(f"/desk/reads/all.csv?person={known}")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row[4] for row in rows[1:]] == [str(known)]
    assert (await client.get("/desk/reads/all.xlsx")).content.startswith(b"PK")
    told = await seeds.rows(
        db, "SELECT actor_id, facts ->> 'taken' AS taken, facts ->> 'patient' AS patient FROM audit_event"
        " WHERE action = 'audit.look' ORDER BY id",
    )  # fmt: skip
    assert [(row["taken"], row["patient"]) for row in told] == [
        ("false", None), ("false", str(known)), ("false", None), ("true", str(known)), ("true", None),
    ]  # fmt: skip
    assert {row["actor_id"] for row in told} == {str(auditor.public_id)}
