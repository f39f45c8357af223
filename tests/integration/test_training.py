"""The place to practise: what is in it, begun anew at any hour, entered by everybody, marked everywhere."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from booking import clock, ids
from booking.access.kinds import Role
from booking.appointments import for_others
from booking.appointments.closing import service as closing
from booking.appointments.closing.commands import CloseTimes, Span
from booking.appointments.closing.errors import ClosingRefused
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.db import Database
from booking.desk.booking import visits
from booking.patients.models import Patient
from booking.queue import displays, finding
from booking.training import sample, service
from scheduler.jobs import apply_closures, renew_training
from tests import practising, seeds
from tests.closings import STAFF
from tests.integration.test_desk_matrix import MATRIX
from tests.places import STATION
from tests.postgres import Cluster
from tests.practising import BY, PRACTICE, count, place, signed_in, slot

pytestmark = pytest.mark.anyio

TABLES = ("appointment", "queue_ticket", "slot", "patient", "message", "weekly_session", "service", "room")


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with practising.database(cluster) as url:
        yield url


async def test_everybody_in_it_is_invented_and_says_so(db: Database) -> None:
    people = await seeds.rows(db, "SELECT name, training FROM patient")
    assert len(people) == len(sample.BOOKED)
    assert all(one["training"] and one["name"].endswith("Mẫu") for one in people)
    states = await seeds.rows(db, "SELECT state, count(*) AS number FROM queue_ticket GROUP BY state")
    assert {one["state"] for one in states} == {"waiting", "called", "done"}
    async with db.transaction() as session:
        phones = [one.phone for one in await session.scalars(select(Patient))]
    assert all(phone is not None and phone.startswith("+84950000") for phone in phones)


@pytest.mark.parametrize("hour", ["00:01", "05:30", "12:00", "21:40", "23:59"])
async def test_it_can_be_begun_at_any_hour_and_on_a_holiday(db: Database, hour: str) -> None:
    day = datetime(2027, 9, 2, tzinfo=UTC).date()  # a Thursday, National Day
    await seeds.run(
        db,
        "INSERT INTO calendar_day (facility_id, day, kind, name, name_en)"
        " VALUES (NULL, :day, 'holiday', 'Quốc khánh', 'National Day')",
        day=day,
    )
    now = clock.at_local(day, datetime.strptime(hour, "%H:%M").time())  # noqa: DTZ007  a clock time alone
    async with db.transaction() as session:
        await service.begin_anew(session, by=BY, now=now)
    assert await count(db, "appointment") == len(sample.BOOKED)
    assert await count(db, "queue_ticket") == len(sample.WALK_INS) + sum(one.came is not None for one in sample.BOOKED)


async def test_beginning_anew_leaves_nothing_and_makes_the_same(db: Database, client: httpx.AsyncClient) -> None:
    before = {table: await count(db, table) for table in TABLES}
    await signed_in(client, db, Role.MANAGER)
    form = {"service": sample.EXAMINATION, "room": "p1", "once": str(ids.public_id()), "back": "queue"}
    assert (await client.post(f"{PRACTICE}/queue/call", data=form)).status_code == 303
    await client.post(f"{PRACTICE}/displays", data={"name": "TV"})
    room = {"code": "p9", "name": "Phòng 9", "active": "yes"}
    await client.post(f"{PRACTICE}/calendar/rooms/new", data=room)
    answer = await client.post("/desk/training/anew")
    assert answer.headers["location"] == "/desk/training?done=anew"
    assert {table: await count(db, table) for table in TABLES} == before
    assert await count(db, "queue_act WHERE what = 'call'") == sum(bool(one.step) for one in sample.BOOKED)
    audited = await seeds.rows(db, "SELECT actor_kind FROM audit_event WHERE action = 'training.anew' ORDER BY id")
    assert [one["actor_kind"] for one in audited] == ["system", "staff"]


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_may_enter_with_the_rights_of_her_own_role(
    client: httpx.AsyncClient, db: Database, role: Role
) -> None:
    await signed_in(client, db, role)
    home = await client.get("/desk")
    assert "/desk/training" in home.text
    assert sample.CODE not in home.text
    wrong: list[tuple[object, ...]] = []
    for (method, path), may in MATRIX.items():
        if method != "GET" or path.count("{") != 1 or "{facility}" not in path:
            continue
        asked = await client.request("HEAD" if path.endswith("live") else "GET", path.format(facility=sample.CODE))
        if (asked.status_code == 403) != (role.value not in may):
            wrong.append((path, asked.status_code))
        if asked.status_code == 200 and method == "GET" and "text/html" in asked.headers.get("content-type", ""):
            title = re.search(r"<title>(.*?)</title>", asked.text)
            if 'class="practice"' not in asked.text or title is None or "TẬP DƯỢT" not in title[1]:
                wrong.append((path, "no mark"))
    assert wrong == []


async def test_real_pages_have_no_mark(client: httpx.AsyncClient, db: Database) -> None:
    await signed_in(client, db)
    for path in ("/desk", f"/desk/{STATION}/queue", f"/desk/{STATION}/book", "/"):
        assert 'class="practice"' not in (await client.get(path)).text


async def test_slip_paper_and_television_are_marked_and_the_slip_opens_nothing_at_home(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []

    def drawn(link: str) -> str:
        links.append(link)
        return ""

    monkeypatch.setattr(visits, "qr_svg", drawn)
    await signed_in(client, db)
    code = await seeds.value(db, "SELECT code FROM appointment WHERE state = 'booked' LIMIT 1")
    slip = await client.get(f"{PRACTICE}/appointments/{code}/slip?paper=a5")
    assert slip.text.count('class="practice"') == 2
    (link,) = links
    assert finding.read(link).code == code
    assert (await client.get(httpx.URL(link).path)).status_code == 404
    ticket = await seeds.value(db, "SELECT public_id FROM queue_ticket LIMIT 1")
    paper = await client.get(f"{PRACTICE}/queue/ticket/{ticket}/paper")
    assert 'class="practice"' in paper.text
    await client.post(f"{PRACTICE}/displays", data={"name": "TV"})
    async with db.transaction() as session:
        (television,) = await displays.displays_of(session, await place(db))
    screen = await client.get(f"/display/{sample.CODE}/{television.token}")
    assert 'class="practice"' in screen.text
    assert "<title>TẬP DƯỢT" in screen.text


async def test_the_night_begins_it_anew_once_and_never_makes_one(db: Database) -> None:
    day = clock.local_day(clock.utc_now()) + timedelta(days=1)
    before, night = (clock.at_local(day, datetime.strptime(at, "%H:%M").time()) for at in ("02:00", "03:05"))  # noqa: DTZ007
    assert not await renew_training.run(db, now=before)
    assert await renew_training.run(db, now=night)
    assert not await renew_training.run(db, now=night + timedelta(minutes=10))
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE day = :day", day=day) == len(sample.BOOKED)


async def test_without_a_place_the_night_makes_none(client: httpx.AsyncClient, db: Database, app: FastAPI) -> None:
    del app
    day = clock.local_day(clock.utc_now()) + timedelta(days=1)
    await seeds.run(db, "UPDATE facility SET training = false WHERE training")
    assert not await renew_training.run(db, now=clock.at_local(day, datetime.strptime("04:00", "%H:%M").time()))  # noqa: DTZ007
    await seeds.run(db, "UPDATE facility SET training = true WHERE code = :code", code=sample.CODE)
    await signed_in(client, db)
    assert "/desk/training/anew" in (await client.get("/desk/training")).text


async def test_closing_is_practised_too_and_a_closing_of_the_city_leaves_the_place_alone(db: Database) -> None:
    now = clock.utc_now()
    spot = await place(db)
    # Tomorrow's morning, so that the hour at which this runs does not matter; one of the samples is booked into it.
    slot_id = await slot(db)
    async with db.transaction() as session:
        (free,) = await for_others.locked_slots(session, [slot_id], spot)
        patient = (await session.scalars(select(Patient).where(col(Patient.training)).limit(1))).one()
        visit = await for_others.seat(session, patient, free, language="vi", by=BY, now=now)
        code, starts, ends = visit.code, free.starts_at, free.ends_at
    usual: dict[str, Any] = {"answer": ClosingAnswer.MOVE, "reason": "Bão"}
    span = Span(scope=ClosingScope.CITY, starts_at=starts, ends_at=ends)
    async with db.transaction() as session:
        with pytest.raises(ClosingRefused) as refused:  # for all facilities of the city there is nothing to close
            await closing.close(session, None, CloseTimes(key=ids.public_id(), span=span, **usual), by=STAFF, now=now)
    assert refused.value.facts["reason"] == "nothing"
    span = Span(scope=ClosingScope.FACILITY, starts_at=starts, ends_at=ends)
    async with db.transaction() as session:
        await closing.close(session, spot, CloseTimes(key=ids.public_id(), span=span, **usual), by=STAFF, now=now)
    await apply_closures.run(db)
    (row,) = await seeds.rows(db, "SELECT slot_id, version FROM appointment WHERE code = :code", code=code)
    assert row["slot_id"] != slot_id
    assert row["version"] == 2
    assert {one["reason"] for one in await seeds.rows(db, "SELECT DISTINCT reason FROM message")} == {"training"}
