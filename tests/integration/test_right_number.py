"""A number that was called wrong and is right after all: set right by a desk, or by a code that is newer."""

import dataclasses
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import true

from booking.actor import Actor, ActorKind
from booking.appointments import reminding, wrong_number
from booking.appointments.errors import TooManyUpcoming
from booking.clock import utc_now
from booking.db import Database
from booking.patients import matching
from booking.patients.errors import ProfileUnknown, StaffOnly
from booking.patients.rules import read_phone
from booking.records import visits
from tests import asking, families, seeds, signing
from tests.pages import read
from tests.people import name, phone
from tests.seeds import seed

pytestmark = pytest.mark.anyio

CLERK = Actor(ActorKind.STAFF, id="clerk")
_TOLD = "SELECT kind, version, state, phone_index = (SELECT phone_index FROM patient) AS hers FROM message ORDER BY id"


async def _disowned(client: httpx.AsyncClient, db: Database) -> str:
    """A visit booked under a number, whose holder said “not me”; the patient."""
    world = await seed(db)
    made = await asking.booked(client, world, world.slots[0])
    await client.get("/")
    said = await client.post(f"/t/{made['code']}/{made['token']}/not-me", headers={"sec-fetch-site": "same-origin"})
    assert said.status_code == 303
    return str(await seeds.value(db, "SELECT public_id FROM patient"))


async def _set_right(db: Database, patient: Any, number: str, by: Actor = CLERK) -> int:
    async with db.transaction() as session:
        return await wrong_number.right_number(session, patient, read_phone(number), by=by, now=utc_now())


@pytest.mark.parametrize("number", [1, 5], ids=["the same number", "another number"])
async def test_a_desk_sets_a_number_right(client: httpx.AsyncClient, db: Database, number: int) -> None:
    patient = await _disowned(client, db)
    for refused, by, who in (
        (StaffOnly, Actor(ActorKind.ANYONE), patient),
        (ProfileUnknown, CLERK, "00000000-0000-0000-0000-000000000000"),
    ):
        with pytest.raises(refused):
            await _set_right(db, who, phone(number), by)
    assert await _set_right(db, patient, phone(number)) == 1
    row = (
        await seeds.rows(db, "SELECT wrong_number_at, settled_at IS NOT NULL AS settled FROM patient, patient_flag")
    )[0]
    assert row == {"wrong_number_at": None, "settled": True}
    async with db.transaction() as session:
        assert await reminding.remind(session, now=utc_now()) == 1
    told = await seeds.rows(db, _TOLD)
    assert told[0]["state"] == "suppressed"
    assert [(one["kind"], one["version"], one["hers"]) for one in told[1:]] == [
        ("booked", 2, True), ("reminder_day", 2, True), ("reminder_hours", 2, True)
    ]  # fmt: skip
    assert told[1]["state"] == "due"
    assert await _set_right(db, patient, phone(number)) == 0  # again changes nothing
    assert len(await seeds.rows(db, _TOLD)) == 4


@pytest.mark.parametrize("case", ["a slip of the pen", "the number was right", "who booked has an account"])
async def test_a_number_that_is_corrected_takes_the_coming_texts_along(
    client: httpx.AsyncClient, db: Database, case: str
) -> None:
    """Nobody said “not me”: one digit was typed wrong, and nothing more goes to whoever has that number."""
    world = await seed(db)
    await asking.booked(client, world, world.slots[0])
    if case == "who booked has an account":  # her number is proven: texts go there, whatever the patient's own is
        await signing.sign_in(client, db, phone(2))
        await seeds.run(db, "UPDATE appointment SET account_id = (SELECT id FROM account)")
        await seeds.run(db, "DELETE FROM message WHERE subject_kind = 'code'")
    async with db.transaction() as session:
        assert await reminding.remind(session, now=utc_now()) == 1
    patient = await seeds.value(db, "SELECT public_id FROM patient")
    number = phone(1) if case == "the number was right" else phone(5)
    moved = case == "a slip of the pen"
    assert await _set_right(db, patient, number) == int(moved)
    async with db.transaction() as session:
        assert await reminding.remind(session, now=utc_now()) == int(moved)
    waits = [(one["kind"], one["version"], one["hers"]) for one in await seeds.rows(db, _TOLD) if one["state"] == "due"]
    hers, version = case != "who booked has an account", 2 if moved else 1
    assert waits == [(kind, version, hers) for kind in ("booked", "reminder_day", "reminder_hours")]


async def test_a_visit_that_its_facility_closed_is_not_confirmed_to_the_new_number(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seed(db)
    await asking.booked(client, world, world.slots[0])
    patient = await seeds.value(db, "SELECT public_id FROM patient")
    monkeypatch.setattr(wrong_number, "is_off", true)
    assert await _set_right(db, patient, phone(5)) == 0
    assert [(one["version"], one["state"]) for one in await seeds.rows(db, _TOLD)] == [(1, "suppressed")]


async def _always(*_: Any, **__: Any) -> bool:
    return True


@pytest.mark.parametrize("proof", ["a newer code", "an older code", "without the guard"])
async def test_a_slip_of_the_finger_is_undone_by_a_newer_code(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, proof: str
) -> None:
    """She taps “not me” by mistake, signs in with that number and adds herself: her visit is there and told again."""
    if proof != "a newer code":
        await signing.sign_in(client, db, phone(1))
    if proof == "without the guard":
        monkeypatch.setattr(matching, "_proved_since", _always)
    await _disowned(client, db)
    if proof == "a newer code":
        await signing.sign_in(client, db, phone(1))
    shown = read(await client.get("/me/people/new"))
    typed = {"name": name(1), "birth_year": "1951", "relation": "self", "agree_booking": "yes", "agree_sms": "yes"}
    form = shown.form("/me/people/new")
    assert (await client.post(form.action, data=form.fields | typed)).status_code == 303
    restored = proof != "an older code"
    assert await seeds.value(db, "SELECT count(*) FROM patient") == (1 if restored else 2)
    assert await seeds.value(db, "SELECT count(*) FROM patient WHERE wrong_number_at IS NULL") == 1
    mine = await seeds.value(db, "SELECT id FROM account")
    async with db.transaction() as session:
        assert len(await visits.coming(session, mine, now=utc_now())) == int(restored)
    told = await seeds.rows(db, "SELECT state FROM message WHERE kind = 'booked' AND version = 2")
    assert told == ([{"state": "due"}] if restored else [])


async def test_who_took_the_number_over_restores_nothing(client: httpx.AsyncClient, db: Database) -> None:
    """Her row stood in the account of the number's former holder: its next holder gets a row of his own."""
    patient = await _disowned(client, db)
    former = "INSERT INTO account (public_id, phone, phone_index, created_at, seen_at, ended_at)"
    ended = "SELECT gen_random_uuid(), phone, phone_index, now(), now(), now() FROM patient"
    await seeds.run(db, f"{former} {ended}")
    await seeds.run(
        db, "INSERT INTO profile (public_id, account_id, patient_id, relation, as_child, created_at, ended_at)"
        " SELECT gen_random_uuid(), a.id, p.id, 'self', false, now(), now() FROM account a, patient p",
    )  # fmt: skip
    await signing.sign_in(client, db, phone(1))
    typed = {"name": name(1), "birth_year": "1951", "relation": "self"}
    await client.get("/me/people/new")
    assert (await client.post("/me/people/new", data=typed)).status_code == 303
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 2
    assert await seeds.value(db, "SELECT wrong_number_at IS NOT NULL FROM patient WHERE public_id = :it", it=patient)
    assert timedelta(0) < utc_now() - await seeds.value(db, "SELECT min(created_at) FROM patient")


@pytest.mark.parametrize("changed_hands", [True, False])
async def test_the_visits_of_a_number_s_former_holder_count_for_nobody(
    client: httpx.AsyncClient, db: Database, *, changed_hands: bool
) -> None:
    """The second case is the control: the same visit of the same number, of which nobody said “not me”."""
    world = await seed(db)
    await asking.booked(client, world, world.slots[0])
    if changed_hands:
        await seeds.run(db, "UPDATE patient SET wrong_number_at = now()")
    home = (await families.family(db, 1)).within(dataclasses.replace(families.CAPS, phone=1))
    held = await families.hold(db, world.slots[0], home)
    if changed_hands:
        assert await families.book(db, home, held, world.slots[:1])
        return
    with pytest.raises(TooManyUpcoming):
        await families.book(db, home, held, world.slots[:1])
