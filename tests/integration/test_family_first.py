"""The text of a family names the earliest visit it stands for, whichever of them carries it."""

from datetime import timedelta

import httpx
import pytest

from booking.db import Database
from booking.ids import opaque_key
from booking.messages import outbox as posts
from booking.messages.kinds import MessageState
from booking.sealed import keys
from booking.sms.gateway import Accepted, Fault, Refused
from tests import outbox, people, seeds
from tests.integration import test_last_words as last_words
from tests.integration import test_outbox_families as families

pytestmark = pytest.mark.anyio


async def test_it_names_the_first_also_where_that_one_s_reminder_is_due_later(
    db: Database, client: httpx.AsyncClient
) -> None:
    """At 07:30 to a service that reminds at 19:00, at half past nine to one that reminds at 18:00."""
    world = await seeds.seed(db, capacities=[3, 3, 3])
    await seeds.run(db, "UPDATE service SET remind_day_at = '19:00' WHERE id = :id", id=world.service_id)
    later = "starts_at = starts_at + interval '2 hours', ends_at = ends_at + interval '2 hours'"
    await seeds.run(db, f"UPDATE slot SET {later} WHERE id = :id", id=world.other_slot)
    early = await families._booked(client, world, world.slots[0], 1)
    body = {"facility": seeds.FACILITY, "service": seeds.OTHER_SERVICE, "slot": world.other_slot}
    body |= {"patient": people.patient(2, phone=families.PHONE)}
    answer = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": opaque_key()})
    assert answer.status_code == 201, answer.text
    await families._plan(db)
    dues = sorted(row.due_at for row in await families._reminders(db))
    (text,) = await families._posted(db, dues[0])
    assert "Nhac 2 lich kham" in text
    assert ", tu 07:30." in text
    public_id = await seeds.value(db, "SELECT public_id FROM appointment WHERE code = :code", code=early["code"])
    assert f"/t/{early['code']}/{keys().link_token(str(public_id), 1)}" in text
    assert await families._posted(db, dues[1] + timedelta(seconds=1)) == []
    assert await families._states(db) == [(MessageState.SUPPRESSED, "covered"), (MessageState.SENT, None)]


async def test_it_names_the_first_also_where_the_carrier_put_that_one_off(
    db: Database, client: httpx.AsyncClient
) -> None:
    _, now = await families._family(db, client, 1, 2)
    bodies: list[str] = []
    for at in (now, now + timedelta(seconds=20), now + timedelta(seconds=90)):
        for claim in await families._claim(db, at):
            async with db.transaction() as session:
                posting = await posts.begin(session, claim, through=outbox.CHANNEL, now=at, lease=families.LEASE)
            if posting is not None:
                said = Accepted(f"SM{posting.id}", "queued") if bodies else Refused(20429, Fault.PASSING, 60.0)
                bodies.append(posting.outgoing.body)
                await families._record(db, posting, said, at)
    assert len(bodies) == 2
    assert all(", tu 07:30." in one for one in bodies)


async def test_it_names_its_own_once_the_first_is_cancelled(db: Database, client: httpx.AsyncClient) -> None:
    visits, now = await families._family(db, client, 1, 2)
    await families._cancel(client, visits[0])
    (text,) = await families._posted(db, now)
    assert visits[1]["code"] in text
    assert "07:30" not in text


async def test_a_family_is_one_again_after_an_arrival_that_is_taken_back(
    db: Database, client: httpx.AsyncClient
) -> None:
    visits, now = await families._family(db, client, 1, 2)
    await last_words._back_and_forth(db, visits[1]["code"])
    (text,) = await families._posted(db, now)
    assert "Nhac 2 lich kham" in text
    assert await families._posted(db, now + timedelta(seconds=20)) == []
