"""A family's shared reminder does not count a visit whose time is off; put back, that one is reminded by itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking.appointments import reminding
from booking.clock import utc_now
from booking.db import Database
from booking.messages import rules, sharing
from scheduler.jobs import plan_reminders
from tests import asking, seeds
from tests import outbox as box
from tests.carrier import Carrier

pytestmark = [pytest.mark.anyio]

PHONE = "0903 123 456"
TOLD = "UPDATE message SET state = 'sent' WHERE kind = 'booked' AND state = 'due'"
DUE = """
    UPDATE message SET due_at = now() - interval '1 second'
        + CASE WHEN subject_id = :off THEN :later ELSE interval '0' END
    WHERE kind = 'reminder_day' AND state = 'due'
"""
OF_OFF = (
    "SELECT state::text, reason, due_at > now() AS waits FROM message WHERE kind = 'reminder_day' AND subject_id = :off"
)
CLOSED = """
    INSERT INTO slot_closure (slot_id, source, reason, created_at)
    SELECT slot_id, 'closing:mau', 'x', now() FROM appointment WHERE public_id = :off
"""


@pytest.fixture(autouse=True)
def by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reminder goes at night, whenever this runs."""
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)


@pytest.fixture(params=[0, 3], ids=["due with the others", "due later"])
async def off(request: pytest.FixtureRequest, db: Database, client: httpx.AsyncClient) -> AsyncIterator[Any]:
    """Three visits of one number on one morning, reminders due; the second one's time is closed. Its id."""
    world = await seeds.seed(db, capacities=[3, 3, 3])
    for at in range(3):
        answer = await asking.book(client, world, world.slots[at], at + 1, phone=PHONE)
        assert answer.status_code == 201, answer.text
    await plan_reminders.run(db)
    await seeds.run(db, TOLD)
    second = (await seeds.rows(db, "SELECT public_id FROM appointment ORDER BY starts_at"))[1]["public_id"]
    await seeds.run(db, DUE, off=second, later=timedelta(hours=request.param))
    await seeds.run(db, CLOSED, off=second)
    yield second
    await seeds.run(db, "DELETE FROM slot_closure")  # its slot is open, which the invariants do not know


async def _hold(db: Database) -> int:
    async with db.transaction() as session:
        return await reminding.hold(session, now=utc_now())


async def _bodies(db: Database) -> list[str]:
    with Carrier() as carrier:
        for _ in range(2):  # who stepped aside is looked at again
            await seeds.run(
                db, "UPDATE message SET due_at = now() WHERE state = 'due' AND due_at < now() + interval '30 s'"
            )
            await box.send(box.sender(db, carrier.url))
        return [one.body for one in carrier.log.accepted if "Nhac" in one.body]


async def test_it_counts_those_that_take_place(db: Database, off: Any) -> None:
    assert await _hold(db) == 1
    (body,) = await _bodies(db)
    assert "Nhac 2 lich kham mai" in body
    assert await seeds.rows(db, OF_OFF, off=off) == [{"state": "due", "reason": "time_off", "waits": True}]


async def test_put_back_it_is_reminded_by_itself(db: Database, off: Any) -> None:
    await _hold(db)
    assert len(await _bodies(db)) == 1
    await seeds.run(db, "DELETE FROM slot_closure")
    await seeds.run(db, "UPDATE message SET due_at = now() WHERE kind = 'reminder_day' AND subject_id = :off", off=off)
    assert await _hold(db) == 0
    assert (await seeds.rows(db, OF_OFF, off=off))[0]["reason"] is None
    (body,) = await _bodies(db)
    assert "Nhac lich kham" in body


async def test_put_back_before_the_others_went_it_counts_again(db: Database, off: Any) -> None:
    await _hold(db)
    await seeds.run(db, "DELETE FROM slot_closure")
    assert await _hold(db) == 0
    (body,) = await _bodies(db)
    assert "Nhac 3 lich kham mai" in body
    await seeds.run(db, "UPDATE message SET due_at = now() WHERE kind = 'reminder_day' AND state = 'due'")
    assert await _bodies(db) == []
    assert (await seeds.rows(db, OF_OFF, off=off))[0]["reason"] == "covered"


@pytest.mark.usefixtures("off")
async def test_control_who_counts_all_that_wait_says_three(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_is_off", lambda *_: False)
    await _hold(db)
    (body,) = await _bodies(db)
    assert "Nhac 3 lich kham mai" in body
