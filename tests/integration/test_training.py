"""The place to practise: nothing done there reaches anybody real, and nobody real is found there."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from booking import clock, ids
from booking.access.kinds import Role
from booking.actor import system
from booking.appointments import for_others, telling
from booking.appointments.models import Appointment
from booking.db import Database
from booking.directory import queries as directory
from booking.exchange import queries as exchange
from booking.messages import outbox
from booking.messages.kinds import SuppressedReason
from booking.patients import codes, persons, registering
from booking.patients.errors import PatientUnknown
from booking.patients.models import Patient
from booking.patients.registering import RegisterPatient
from booking.patients.rules import Phone
from booking.patients.searching import read_query
from booking.queue import displays
from booking.records import finding
from booking.records.finding import Looking
from booking.training import sample, service
from scheduler.jobs import plan_reminders, renew_training
from tests import outbox as sending
from tests import pages, places, seeds, staff
from tests.carrier import Carrier
from tests.integration.test_desk_matrix import MATRIX
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.anyio

BY = system("tests")
TABLES = ("appointment", "queue_ticket", "slot", "patient", "message", "weekly_session", "service", "room")
PRACTICE = f"/desk/{sample.CODE}"


@pytest.fixture(autouse=True)
async def world(db: Database) -> None:
    """A real station, and the place to practise."""
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
        await service.begin_anew(session, by=BY, now=clock.utc_now())


async def _count(db: Database, table: str) -> int:
    return int(await seeds.value(db, f"SELECT count(*) FROM {table}"))


async def _place(db: Database) -> int:
    return int(await seeds.value(db, "SELECT id FROM facility WHERE training"))


async def _signed_in(client: httpx.AsyncClient, db: Database, role: Role = Role.CLERK) -> None:
    scope = [] if role in (Role.CITY_ADMIN, Role.AUDITOR) else [STATION]
    await staff.add(db, f"{role.value.replace('_', '-')}.mau", role, scope)
    client.cookies.set("desk", await staff.sign_in(db, f"{role.value.replace('_', '-')}.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"


async def _slot(db: Database) -> int:
    sql = "SELECT s.id FROM slot s JOIN facility f ON f.id = s.facility_id WHERE f.training AND s.open"
    return int(await seeds.value(db, f"{sql} AND s.starts_at > now() + interval '1 day' ORDER BY s.id LIMIT 1"))


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
    assert await _count(db, "appointment") == len(sample.BOOKED)
    assert await _count(db, "queue_ticket") == len(sample.WALK_INS) + sum(one.came is not None for one in sample.BOOKED)


async def test_beginning_anew_leaves_nothing_and_makes_the_same(db: Database, client: httpx.AsyncClient) -> None:
    before = {table: await _count(db, table) for table in TABLES}
    await _signed_in(client, db, Role.MANAGER)
    form = {"service": sample.EXAMINATION, "room": "p1", "once": str(ids.public_id()), "back": "queue"}
    assert (await client.post(f"{PRACTICE}/queue/call", data=form)).status_code == 303
    await client.post(f"{PRACTICE}/displays", data={"name": "TV"})
    room = {"code": "p9", "name": "Phòng 9", "active": "yes"}
    await client.post(f"{PRACTICE}/calendar/rooms/new", data=room)
    answer = await client.post("/desk/training/anew")
    assert answer.headers["location"] == "/desk/training?done=anew"
    assert {table: await _count(db, table) for table in TABLES} == before
    assert await _count(db, "queue_act WHERE what = 'call'") == sum(bool(one.step) for one in sample.BOOKED)
    audited = await seeds.rows(db, "SELECT actor_kind FROM audit_event WHERE action = 'training.anew' ORDER BY id")
    assert [one["actor_kind"] for one in audited] == ["system", "staff"]


async def test_nobody_real_is_touched_by_beginning_anew(db: Database, client: httpx.AsyncClient) -> None:
    code = await _real_visit(db, client)
    async with db.transaction() as session:
        await service.begin_anew(session, by=BY, now=clock.utc_now())
    kept = "SELECT a.state FROM appointment a JOIN patient p ON p.id = a.patient_id WHERE a.code = :code"
    assert await seeds.value(db, kept, code=code) == "booked"
    assert await seeds.value(db, "SELECT count(*) FROM message m JOIN facility f ON f.id = m.facility_id"
                                 " WHERE NOT f.training AND m.state = 'due'") == 1  # fmt: skip


async def _real_visit(db: Database, client: httpx.AsyncClient, **of: str) -> str:
    """Somebody real, of the very name, birth and telephone of a sample, books at the real station."""
    one = sample.BOOKED[7]
    assert not isinstance(one.birth, int)
    slot = await seeds.value(db, "SELECT s.id FROM slot s JOIN facility f ON f.id = s.facility_id"
                                 " WHERE f.code = :code ORDER BY s.id LIMIT 1", code=STATION)  # fmt: skip
    who = {"name": one.name, "birth_date": one.birth.isoformat(), "phone": sample.phone_of(8)} | of
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": who}
    answer = await client.post("/api/v1/appointments", json=body, headers={"idempotency-key": "a-real-person-books"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def _seen_by_patients(client: httpx.AsyncClient, slot: int) -> set[str]:
    """The ways by which somebody at home meets the place."""
    found = set()
    for path in (
        "/api/v1/facilities", "/api/v1/facilities?q=tap+duot", "/", "/?q=tap+duot", "/s", f"/s/{sample.EXAMINATION}",
        "/robots.txt",
    ):  # fmt: skip
        answer = await client.get(path, follow_redirects=True)
        if sample.CODE in answer.text or sample.NAME in answer.text:
            found.add(path)
    for path in (
        f"/api/v1/facilities/{sample.CODE}", f"/api/v1/facilities/{sample.CODE}/services", f"/f/{sample.CODE}",
        f"/f/{sample.CODE}/{sample.EXAMINATION}",
    ):  # fmt: skip
        if (await client.get(path)).status_code != 404:
            found.add(path)
    day = (clock.local_day(clock.utc_now()) + timedelta(days=1)).isoformat()
    spans = f"facility={sample.CODE}&service={sample.EXAMINATION}&from={day}&to={day}"
    answer = await client.get(f"/api/v1/slots?{spans}")
    if answer.status_code == 200 and answer.json()["items"]:
        found.add("slots")
    body = {"facility": sample.CODE, "service": sample.EXAMINATION, "slot": slot}
    answer = await client.post("/api/v1/holds", json=body, headers={"idempotency-key": f"hold-{ids.public_id()}"})
    if answer.status_code == 201:
        found.add("hold")
    return found


async def test_patients_never_meet_the_place(client: httpx.AsyncClient, db: Database) -> None:
    slot = await _slot(db)
    assert await _seen_by_patients(client, slot) == set()
    # Control: with the flag taken away it is a station like any other.
    await seeds.run(db, "UPDATE facility SET training = false, state = 'open' WHERE training")
    try:
        found = await _seen_by_patients(client, slot)
        assert {"/api/v1/facilities", f"/api/v1/facilities/{sample.CODE}", "slots", "hold"} <= found
    finally:
        await seeds.run(db, "UPDATE appointment SET state = 'lapsed' WHERE state = 'held'")
        await _put_back(db)


async def _put_back(db: Database) -> None:
    """As it was, so that the invariants are asked of the place and not of a test's control."""
    await seeds.run(
        db,
        "UPDATE slot SET taken = taken - 1, free_places = array_append(free_places, a.place)"
        " FROM appointment a WHERE a.slot_id = slot.id AND a.state = 'lapsed'",
    )
    sql = "UPDATE facility SET training = true, state = 'not_yet_open' WHERE code = :code"
    await seeds.run(db, sql, code=sample.CODE)


async def test_its_state_cannot_be_one_in_which_patients_book(db: Database) -> None:
    with pytest.raises(Exception, match="facility_training_check"):
        await seeds.run(db, "UPDATE facility SET state = 'open' WHERE training")


async def test_no_text_of_it_is_ever_due(db: Database) -> None:
    await plan_reminders.run(db)
    found = await seeds.rows(db, "SELECT DISTINCT state, reason FROM message")
    assert found == [{"state": "suppressed", "reason": "training"}]


async def test_control_without_the_first_guard_the_last_one_holds_and_without_both_it_is_posted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await _place(db)

    async def asks_nobody(*_: object) -> bool:
        return False

    with Carrier() as carrier:
        sender = sending.sender(db, carrier.url)
        held = await sending.write(db, facility_id=place)
        await sending.send(sender)
        row = await sending.stored(db, held)
        assert (row.state.value, row.reason) == ("suppressed", "training")
        assert sending.accepted(carrier) == []
        monkeypatch.setattr(outbox, "of_practice", asks_nobody)
        await sending.write(db, facility_id=place)
        await sending.send(sender)
        assert len(sending.accepted(carrier)) == 1
    await seeds.run(db, "UPDATE message SET facility_id = NULL WHERE state <> 'suppressed'")


async def test_control_the_flag_alone_keeps_the_first_guard(db: Database) -> None:
    async with db.transaction() as session:
        visit = (await session.scalars(select(Appointment).limit(1))).one()
        patient = await session.get_one(Patient, visit.patient_id)
        assert telling.recipient_of(visit, patient, None).suppressed is SuppressedReason.TRAINING
        patient.training = False
        assert telling.recipient_of(visit, patient, None).suppressed is None
        session.expunge(patient)


def _looking(db_place: int, *, training: bool) -> Looking:
    return Looking("x", db_place, (db_place,), BY, clock.utc_now(), "search", training)


async def test_nobody_is_found_across(client: httpx.AsyncClient, db: Database) -> None:
    await _real_visit(db, client)
    both = await seeds.rows(
        db, "SELECT public_id, training FROM patient WHERE name = :name", name=sample.BOOKED[7].name
    )
    assert {one["training"] for one in both} == {True, False}
    real, invented = (next(one["public_id"] for one in both if one["training"] is which) for which in (False, True))
    station = int(await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=STATION))
    phone = read_query(sample.phone_of(8))
    name, card = read_query("bui van tam"), read_query(sample.card_of(8, sample.BOOKED[7]))
    for here, training, expected, other in (
        (station, False, real, invented),
        (await _place(db), True, invented, real),
    ):
        looking = _looking(here, training=training)
        async with db.transaction() as session:
            for query in (phone, name):
                assert {one.id for one in await finding.find(session, query, looking)} == {expected}
            assert {one.id for one in await finding.find(session, card, looking)} == ({invented} if training else set())
            with pytest.raises(PatientUnknown):  # also where this desk was shown her, on the other side
                await finding.one(session, other, looking, shown=True)
            await finding.one(session, expected, looking, shown=True)


async def test_control_with_one_way_of_making_keys_they_would_be_one(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = RegisterPatient(name="Bùi Văn Tâm Mẫu", birth_date=sample.BOOKED[7].birth, phone=sample.phone_of(8))
    async with db.transaction() as session:
        made = await registering.register(session, command, by=BY, now=clock.utc_now())
        assert not made.training
    monkeypatch.setattr(persons, "realm", lambda purpose, **_: purpose)
    async with db.transaction() as session:
        again = await registering.register(session, command, by=BY, now=clock.utc_now(), training=True)
        assert again.public_id == made.public_id  # the real one was found from the place to practise


async def test_nobody_is_seated_across(client: httpx.AsyncClient, db: Database) -> None:
    await _real_visit(db, client)
    slot = await _slot(db)
    async with db.transaction() as session:
        (locked,) = await for_others.locked_slots(session, [slot], await _place(db))
        found = await session.scalars(select(Patient))
        real = next(one for one in found if not one.training)
        with pytest.raises(PatientUnknown):
            await for_others.seat(session, real, locked, language="vi", by=BY, now=clock.utc_now())


async def test_the_one_field_meets_only_its_own_side(client: httpx.AsyncClient, db: Database) -> None:
    code = await _real_visit(db, client)
    await _signed_in(client, db)
    sample_code = await seeds.value(db, "SELECT a.code FROM appointment a JOIN patient p ON p.id = a.patient_id"
                                        " WHERE p.training AND a.state = 'booked' LIMIT 1")  # fmt: skip
    for base, own, other in ((f"/desk/{STATION}", code, sample_code), (PRACTICE, sample_code, code)):
        form = pages.read(await client.get(f"{base}/book")).form("/book")
        shown = await pages.send(client, form, q=own)
        assert shown.url.path == f"{base}/appointments/{own}"
        shown = await pages.send(client, form, q=other)
        assert shown.url.path == f"{base}/book"
        assert (await client.get(f"{base}/appointments/{other}")).status_code == 404


async def test_a_code_of_somebody_real_is_never_read_out_there(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    async def reads(_: object, phone: Phone, **__: object) -> str:
        read.append(phone.e164)
        return "123456"

    monkeypatch.setattr(codes, "read_out", reads)
    await _signed_in(client, db)
    await client.post(f"{PRACTICE}/code", data={"phone": "0903 123 456"})
    assert read == []
    await client.post(f"/desk/{STATION}/code", data={"phone": "0903 123 456"})
    assert read == ["+84903123456"]


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_may_enter_with_the_rights_of_her_own_role(
    client: httpx.AsyncClient, db: Database, role: Role
) -> None:
    await _signed_in(client, db, role)
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
    await _signed_in(client, db)
    for path in ("/desk", f"/desk/{STATION}/queue", f"/desk/{STATION}/book", "/"):
        assert 'class="practice"' not in (await client.get(path)).text


async def test_slip_paper_and_television_are_marked_and_the_slip_opens_nothing_at_home(
    client: httpx.AsyncClient, db: Database
) -> None:
    await _signed_in(client, db)
    code = await seeds.value(db, "SELECT code FROM appointment WHERE state = 'booked' LIMIT 1")
    slip = await client.get(f"{PRACTICE}/appointments/{code}/slip?paper=a5")
    assert slip.text.count('class="practice"') == 2
    ticket = await seeds.value(db, "SELECT public_id FROM queue_ticket LIMIT 1")
    paper = await client.get(f"{PRACTICE}/queue/ticket/{ticket}/paper")
    assert 'class="practice"' in paper.text
    await client.post(f"{PRACTICE}/displays", data={"name": "TV"})
    async with db.transaction() as session:
        (television,) = await displays.displays_of(session, await _place(db))
    screen = await client.get(f"/display/{sample.CODE}/{television.token}")
    assert 'class="practice"' in screen.text
    assert "<title>TẬP DƯỢT" in screen.text


async def test_it_stands_in_nobodys_scope_and_in_no_feed(client: httpx.AsyncClient, db: Database) -> None:
    await _signed_in(client, db, Role.CITY_ADMIN)
    assert sample.CODE not in (await client.get("/desk/staff/new")).text
    with pytest.raises(Exception, match=r".*"):
        await staff.add(db, "nobody.mau", Role.CLERK, [sample.CODE])
    async with db.transaction() as session:
        assert await exchange.facility_of(session, sample.CODE) is None
        assert sample.CODE not in {one.code for one in await directory.facilities(session)}


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
    await _signed_in(client, db)
    assert "/desk/training/anew" in (await client.get("/desk/training")).text
