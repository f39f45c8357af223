"""“This is not me”: what a wrong number is told, what it loses, and what stays."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from booking.appointments.models import Appointment
from booking.appointments.telling import recipient_of
from booking.clock import utc_now
from booking.db import Database
from booking.messages.kinds import MessageState, SuppressedReason
from booking.patients.models import Account, Patient
from booking.sealed import keys
from tests import asking, outbox, seeds
from tests.households import account, add
from tests.pages import read
from tests.people import name, phone
from tests.seeds import World, seed

AFTER = {"sec-fetch-site": "same-origin"}


async def _booked(client: httpx.AsyncClient, world: World) -> str:
    made = await asking.booked(client, world, world.slots[0])
    return f"/t/{made['code']}/{made['token']}"


@pytest.mark.anyio
async def test_a_wrong_number_is_unhooked_and_the_visit_stays(client: httpx.AsyncClient, db: Database) -> None:
    ticket = await _booked(client, await seed(db))
    hers = await account(db, phone(1))
    view = await add(db, hers, name(1), year=1951)  # the account of that number books for her too
    stranger = await account(db, phone(2))
    await seeds.run(
        db, "INSERT INTO profile (public_id, account_id, patient_id, relation, as_child, created_at)"
        " VALUES (gen_random_uuid(), :account, :patient, 'parent', false, now())", account=stranger,
        patient=view.patient_id,
    )  # fmt: skip
    page = await client.get(f"{ticket}/not-me")
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert name(1) not in page.text
    assert await seeds.value(db, "SELECT count(*) FROM patient_flag") == 0  # looking changes nothing
    answer = await client.post(read(page).form("/not-me").action, headers=AFTER)
    assert answer.headers["location"] == "/not-me"
    assert answer.headers["clear-site-data"] == '"storage"'
    assert "không còn nhận tin nhắn" in (await client.get("/not-me")).text
    for path in ("", "/not-me", "/cancel", "/move"):
        assert (await client.get(ticket + path)).status_code == 404, path
    again = await client.post(f"{ticket}/not-me", headers=AFTER)  # a second tap
    assert again.headers["location"] == "/not-me"
    row = (await seeds.rows(db, "SELECT state, token_version, account_id FROM appointment"))[0]
    assert row == {"state": "booked", "token_version": 2, "account_id": None}
    assert await seeds.value(db, "SELECT wrong_number_at IS NOT NULL FROM patient")
    ended = "SELECT account_id FROM profile WHERE ended_at IS NOT NULL"
    assert await seeds.rows(db, ended) == [{"account_id": hers}]
    assert await seeds.value(db, "SELECT count(*) FROM patient_flag WHERE kind = 'wrong_number'") == 1
    states = await seeds.rows(db, "SELECT DISTINCT state, reason FROM message")
    assert states == [{"state": "suppressed", "reason": "wrong_number"}]


@pytest.mark.anyio
async def test_the_visit_of_an_account_falls_back_to_the_patient_s_own_number(
    client: httpx.AsyncClient, db: Database
) -> None:
    """Booked signed in, told to the proven number, whose holder says no: the patient's own number is not wrong."""
    ticket = await _booked(client, await seed(db))
    booker = await account(db, phone(7))
    await seeds.run(db, "UPDATE appointment SET account_id = :account", account=booker)
    await seeds.run(
        db, "UPDATE message SET phone_index = :index", index=keys().index("phone", f"+84{phone(7)[1:]}")
    )  # fmt: skip
    await client.get("/")
    assert (await client.post(f"{ticket}/not-me", headers=AFTER)).status_code == 303
    row = (await seeds.rows(db, "SELECT wrong_number_at, account_id FROM patient, appointment"))[0]
    assert row == {"wrong_number_at": None, "account_id": None}
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE state = 'due'") == 0
    assert await seeds.value(db, "SELECT count(*) FROM patient_flag WHERE kind = 'wrong_number'") == 1


@pytest.mark.anyio
async def test_texts_of_other_visits_and_of_other_numbers_go_on(client: httpx.AsyncClient, db: Database) -> None:
    ticket = await _booked(client, await seed(db))
    same_number = await outbox.write(db, phone=f"+84{phone(1)[1:]}")
    other_number = await outbox.write(db, phone=f"+84{phone(2)[1:]}")
    await client.get("/")
    await client.post(f"{ticket}/not-me", headers=AFTER)
    for message in (same_number, other_number):
        assert (await outbox.stored(db, message)).state is MessageState.DUE
    await seeds.run(db, "DELETE FROM message WHERE state = 'due'")


@pytest.mark.anyio
async def test_a_link_that_opens_nothing_says_nothing(client: httpx.AsyncClient, db: Database) -> None:
    world = await seed(db)
    ticket = await _booked(client, world)
    wrong = ticket[:-4] + "AAAA"
    await client.get("/")
    answers = [
        await client.post(f"{path}/not-me", headers=AFTER)
        for path in (wrong, "/t/AAAA2222/" + "x" * 27, "/t/x/y")
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404] * 3
    assert await seeds.value(db, "SELECT count(*) FROM patient_flag") == 0
    assert (await client.get(ticket)).status_code == 200


def test_an_account_whose_number_changed_hands_is_told_nothing() -> None:
    def made(number: int, ended: datetime | None = None) -> Account:
        values: dict[str, Any] = {"phone": f"+84{phone(number)[1:]}", "ended_at": ended}
        return Account(**values)

    values: dict[str, Any] = {"phone": f"+84{phone(1)[1:]}", "no_sms": False}
    spoken: dict[str, Any] = {"language": "vi"}
    patient, visit = Patient(**values), Appointment(**spoken)
    assert recipient_of(visit, patient, made(2)).phone == made(2).phone
    assert recipient_of(visit, patient, made(2, utc_now())).phone == patient.phone
    patient.wrong_number_at = utc_now()
    assert recipient_of(visit, patient, made(2, utc_now())).suppressed is SuppressedReason.WRONG_NUMBER
