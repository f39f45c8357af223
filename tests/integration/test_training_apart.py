"""The place to practise: nothing done there reaches anybody real, and nobody real is found there."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlmodel import select

from booking import clock, ids
from booking.access.kinds import Role
from booking.appointments import for_others, telling
from booking.appointments.models import Appointment
from booking.db import Database
from booking.directory import queries as directory
from booking.exchange import queries as exchange
from booking.messages import looking
from booking.messages.kinds import SuppressedReason
from booking.patients import codes, persons, registering
from booking.patients.errors import PatientUnknown
from booking.patients.models import Patient
from booking.patients.registering import RegisterPatient
from booking.patients.rules import Phone
from booking.patients.searching import read_query
from booking.records import finding
from booking.records.finding import Looking
from booking.training import sample, service
from scheduler.jobs import plan_reminders
from tests import outbox as sending
from tests import pages, practising, seeds, staff
from tests.carrier import Carrier
from tests.places import STATION
from tests.postgres import Cluster
from tests.practising import BY, PRACTICE, count, place, real_visit, signed_in, slot

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with practising.database(cluster) as url:
        yield url


async def test_nobody_real_is_touched_by_beginning_anew(db: Database, client: httpx.AsyncClient) -> None:
    code = await real_visit(db, client)
    async with db.transaction() as session:
        await service.begin_anew(session, by=BY, now=clock.utc_now())
    kept = "SELECT a.state FROM appointment a JOIN patient p ON p.id = a.patient_id WHERE a.code = :code"
    assert await seeds.value(db, kept, code=code) == "booked"
    assert await seeds.value(db, "SELECT count(*) FROM message m JOIN facility f ON f.id = m.facility_id"
                                 " WHERE NOT f.training AND m.state = 'due'") == 1  # fmt: skip


async def _seen_by_patients(client: httpx.AsyncClient, free: int) -> set[str]:
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
    body = {"facility": sample.CODE, "service": sample.EXAMINATION, "slot": free}
    answer = await client.post("/api/v1/holds", json=body, headers={"idempotency-key": f"hold-{ids.public_id()}"})
    if answer.status_code == 201:
        found.add("hold")
    return found


async def test_patients_never_meet_the_place(client: httpx.AsyncClient, db: Database) -> None:
    free = await slot(db)
    assert await _seen_by_patients(client, free) == set()
    # Control: with the flag taken away it is a station like any other.
    await seeds.run(db, "UPDATE facility SET training = false, state = 'open' WHERE training")
    try:
        found = await _seen_by_patients(client, free)
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
    assert {row["state"] for row in found} == {"suppressed"}
    assert "training" in {row["reason"] for row in found}  # one late at night also stands beside another reminder


async def test_control_without_the_first_guard_the_last_one_holds_and_without_both_it_is_posted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = await place(db)

    async def asks_nobody(*_: object) -> bool:
        return False

    with Carrier() as carrier:
        sender = sending.sender(db, carrier.url)
        held = await sending.write(db, facility_id=where)
        await sending.send(sender)
        row = await sending.stored(db, held)
        assert (row.state.value, row.reason) == ("suppressed", "training")
        assert sending.accepted(carrier) == []
        monkeypatch.setattr(looking, "of_practice", asks_nobody)
        await sending.write(db, facility_id=where)
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
    await real_visit(db, client)
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
        (await place(db), True, invented, real),
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
    await real_visit(db, client)
    free = await slot(db)
    async with db.transaction() as session:
        (locked,) = await for_others.locked_slots(session, [free], await place(db))
        found = await session.scalars(select(Patient))
        real = next(one for one in found if not one.training)
        with pytest.raises(PatientUnknown):
            await for_others.seat(session, real, locked, language="vi", by=BY, now=clock.utc_now())


async def test_the_one_field_meets_only_its_own_side(client: httpx.AsyncClient, db: Database) -> None:
    code = await real_visit(db, client)
    await signed_in(client, db)
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
    await signed_in(client, db)
    await client.post(f"{PRACTICE}/code", data={"phone": "0903 123 456"})
    assert read == []
    await client.post(f"/desk/{STATION}/code", data={"phone": "0903 123 456"})
    assert read == ["+84903123456"]


async def test_it_stands_in_nobodys_scope_and_in_no_feed(client: httpx.AsyncClient, db: Database) -> None:
    await signed_in(client, db, Role.CITY_ADMIN)
    assert sample.CODE not in (await client.get("/desk/staff/new")).text
    with pytest.raises(Exception, match=r".*"):
        await staff.add(db, "nobody.mau", Role.CLERK, [sample.CODE])
    async with db.transaction() as session:
        assert await exchange.facility_of(session, sample.CODE) is None
        assert sample.CODE not in {one.code for one in await directory.facilities(session)}


async def test_nothing_of_the_whole_city_is_changed_from_there(client: httpx.AsyncClient, db: Database) -> None:
    await signed_in(client, db, Role.CITY_ADMIN)
    day = clock.local_day(clock.utc_now()) + timedelta(days=40)
    for at, status in ((sample.CODE, 403), (STATION, 200)):
        marks = await client.get(f"/desk/{at}/calendar/days/{day}/mark?scope=all")
        assert marks.status_code == status
        shown = await client.get(f"/desk/{at}/calendar/days/{day}")
        assert ("mark?scope=all" in shown.text) == (status == 200)
        sent = await client.post(f"/desk/{at}/calendar/days/{day}/mark", data={"scope": "all", "kind": "holiday"})
        assert (sent.status_code == 403) == (status == 403)
        assert ((await client.post(f"/desk/{at}/messages/channel")).status_code == 403) == (status == 403)
    assert await count(db, "calendar_day WHERE facility_id IS NULL") == 0
