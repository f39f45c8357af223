"""A text that did not arrive for what passes goes once more while it is of use and still true; a code never."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import col, select

from booking.appointments.models import Appointment
from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts
from booking.messages.kinds import MessageKind, MessageState
from scheduler.jobs import try_again
from tests import asking, seeds
from tests import outbox as box
from tests.seeds import World

pytestmark = pytest.mark.anyio

SENT = """
    UPDATE message SET state = 'sent', provider = 'twilio', provider_sid = 'SM' || id, posted_at = now(), attempts = 1,
        sends = 1, segments = 1
    WHERE state = 'due'
"""
COPIES = "SELECT copy, state::text, once_more, again_at IS NOT NULL AS waits FROM message ORDER BY id"
LATER = timedelta(minutes=31)


@pytest.fixture
async def visit(client: httpx.AsyncClient, db: Database) -> dict[str, Any]:
    """Somebody is booked and was told."""
    world = await seeds.seed(db, capacities=[3, 3])
    made = await asking.booked(client, world, world.slots[0])
    await seeds.run(db, SENT)
    return made | {"world": world}


async def _receipt(db: Database, status: str, code: int | None = None, *, copy: int = 0) -> None:
    row = (await seeds.rows(db, "SELECT public_id, provider_sid FROM message WHERE copy = :copy", copy=copy))[0]
    async with db.transaction() as session:
        assert await receipts.take(
            session, row["public_id"], box.receipt(row["provider_sid"], status, code), now=utc_now()
        )


async def _try_again(db: Database, *, now: datetime | None = None) -> int:
    async with db.transaction() as session:
        return await trying.try_again(session, now=now or utc_now() + LATER)


@pytest.mark.usefixtures("visit")
@pytest.mark.parametrize("code", [30001, 30003, 30008, 30036])
async def test_what_failed_for_what_passes_goes_once_more_and_not_a_third_time(db: Database, code: int) -> None:
    await _receipt(db, "failed", code)
    await _receipt(db, "undelivered", code)  # said in other words
    assert await _try_again(db, now=utc_now()) == 0  # not yet
    assert await try_again.run(db) == 0
    assert await _try_again(db) == 1
    assert await _try_again(db) == 0
    assert await seeds.rows(db, COPIES) == [
        {"copy": 0, "state": "undelivered", "once_more": True, "waits": False},
        {"copy": 1, "state": "due", "once_more": True, "waits": False},
    ]
    same = "SELECT count(DISTINCT (facts - 'count', useful_until, kind, version, phone_index)) FROM message"
    assert await seeds.value(db, same) == 1
    await seeds.run(db, SENT)
    await _receipt(db, "undelivered", code, copy=1)
    assert await _try_again(db) == 0
    assert await seeds.value(db, "SELECT count(*) FROM message") == 2


@pytest.mark.usefixtures("visit")
@pytest.mark.parametrize("code", [30005, 30007, None])
async def test_other_failures_are_not_tried_again(db: Database, code: int | None) -> None:
    await _receipt(db, "undelivered", code)
    assert await _try_again(db) == 0


@pytest.mark.usefixtures("visit")
async def test_what_arrived_after_all_needs_no_other(db: Database) -> None:
    await _receipt(db, "undelivered", 30003)
    await _receipt(db, "delivered")
    assert await _try_again(db) == 0


OFF = {
    "it began": "UPDATE appointment SET starts_at = now() + interval '5 minutes'",
    "another version": "UPDATE appointment SET version = 2",
    "another link": "UPDATE appointment SET token_version = 2",
    "she has come": "UPDATE appointment SET state = 'arrived'",
    "of no use by then": "UPDATE message SET useful_until = now() + interval '20 minutes'",
    "called back": "UPDATE message SET called_back = true",
    "no messages wished": "UPDATE patient SET no_sms = true",
    "of its minute": "UPDATE message SET kind = 'running_late'",
}
BACK = """
    UPDATE appointment SET starts_at = kept.starts_at, version = kept.version, state = kept.state,
        token_version = kept.token_version
    FROM kept WHERE kept.id = appointment.id
"""


@pytest.mark.usefixtures("visit")
@pytest.mark.parametrize("what", OFF)
async def test_what_is_not_true_or_of_use_any_more_is_not_tried_again(db: Database, what: str) -> None:
    await seeds.run(db, "CREATE TABLE kept AS SELECT * FROM appointment")
    await seeds.run(db, OFF[what])
    await _receipt(db, "undelivered", 30003)
    assert await _try_again(db) == 0
    await seeds.run(db, BACK)  # what every test leaves behind is looked through
    await seeds.run(db, "UPDATE message SET kind = 'booked'")


async def _cancel(client: httpx.AsyncClient, visit: dict[str, Any]) -> None:
    path = f"/api/v1/appointments/{visit['code']}/cancel"
    answer = await client.post(path, json={}, headers=asking.opens(visit) | asking.new_key())
    assert answer.status_code == 200


async def _tried_of_a_cancelled_visit(client: httpx.AsyncClient, db: Database, visit: dict[str, Any]) -> int:
    await _receipt(db, "undelivered", 30003)
    await _cancel(client, visit)
    tried = await _try_again(db)
    await seeds.run(db, "DELETE FROM message WHERE once_more AND copy > 0")
    return tried


async def test_never_of_a_visit_that_is_off(client: httpx.AsyncClient, db: Database, visit: dict[str, Any]) -> None:
    assert await _tried_of_a_cancelled_visit(client, db, visit) == 0


async def test_control_without_the_look_at_the_visit_it_is_confirmed(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def believed(session: Any, message: Any, **_: Any) -> Any:
        query = select(Appointment).where(col(Appointment.public_id) == message.subject_id)
        return (await session.execute(query)).scalar_one()

    monkeypatch.setattr(trying, "_visit", believed)
    assert await _tried_of_a_cancelled_visit(client, db, visit) == 1


async def test_that_a_visit_is_off_is_told_once_more(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any]
) -> None:
    await _cancel(client, visit)
    await seeds.run(db, SENT)
    row = (await seeds.rows(db, "SELECT public_id, provider_sid FROM message WHERE kind = 'cancelled'"))[0]
    async with db.transaction() as session:
        await receipts.take(
            session, row["public_id"], box.receipt(row["provider_sid"], "undelivered", 30003), now=utc_now()
        )
    assert await _try_again(db) == 1
    assert await seeds.value(db, "SELECT kind::text FROM message WHERE copy = 1") == "cancelled"


async def test_a_cancel_calls_back_what_goes_once_more(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any]
) -> None:
    await _receipt(db, "undelivered", 30003)
    assert await _try_again(db) == 1
    await _cancel(client, visit)
    assert await seeds.value(db, "SELECT state::text FROM message WHERE copy = 1") == "superseded"


async def test_a_code_never_goes_twice(db: Database) -> None:
    code = await box.write(
        db, kind=MessageKind.OTP, lane="code", subject_kind="code", state=MessageState.SENT, provider="twilio",
        provider_sid="SM1", posted_at=utc_now(), attempts=1, sends=1,
    )  # fmt: skip
    await _receipt(db, "undelivered", 30003)
    assert (await box.stored(db, code)).again_at is None
    assert await _try_again(db, now=utc_now() + timedelta(days=1)) == 0


async def _family(client: httpx.AsyncClient, db: Database, world: World) -> list[UUID]:
    """Three visits of one number; the reminder of the first was sent for all of them."""
    for number in (2, 3):
        await asking.booked(client, world, world.slots[0], number)
    visits = [row["public_id"] for row in await seeds.rows(db, "SELECT public_id FROM appointment ORDER BY id")]
    reminders = """
        INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language,
            phone, phone_index, facts, state, reason, due_at, useful_until, attempts, sends, provider, provider_sid,
            created_at, posted_at, changed_at)
        SELECT gen_random_uuid(), subject_kind, subject_id, 'reminder_day', version, 0, lane, facility_id, language,
            first_value(phone) OVER w, first_value(phone_index) OVER w,
            facts || CASE WHEN row_number() OVER w = 1 THEN '{"count": 3}'::jsonb ELSE '{}' END,
            CASE WHEN row_number() OVER w = 1 THEN 'sent' ELSE 'suppressed' END::message_state,
            CASE WHEN row_number() OVER w > 1 THEN 'covered' END, due_at, useful_until, 1, 1, 'twilio', 'SM-first',
            created_at, now(), changed_at
        FROM message WHERE kind = 'booked' WINDOW w AS (ORDER BY id)
    """
    await seeds.run(db, reminders)
    await seeds.run(
        db,
        "INSERT INTO reminder_family (message_id, family, useful_until, carried_by)"
        " SELECT id, 'x', useful_until, CASE WHEN state = 'sent' THEN NULL ELSE first_value(id) OVER (ORDER BY id) END"
        " FROM message WHERE kind = 'reminder_day'",
    )
    await seeds.run(
        db, "UPDATE patient SET (phone, phone_index) = (SELECT phone, phone_index FROM patient ORDER BY id LIMIT 1)"
    )
    row = (await seeds.rows(db, "SELECT public_id FROM message WHERE kind = 'reminder_day' AND state = 'sent'"))[0]
    async with db.transaction() as session:
        await receipts.take(session, row["public_id"], box.receipt("SM-first", "undelivered", 30003), now=utc_now())
    return visits


ANEW = "SELECT subject_id, facts->'count' AS count FROM message WHERE kind = 'reminder_day' AND copy = 1 ORDER BY id"
FAMILIES = """
    SELECT count(DISTINCT family) FROM reminder_family JOIN message ON message.id = message_id WHERE message.copy = 1
"""


async def test_a_shared_reminder_goes_once_more_for_all_of_it(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any]
) -> None:
    visits = await _family(client, db, visit["world"])
    assert await _try_again(db) == 1
    assert await seeds.rows(db, ANEW) == [{"subject_id": one, "count": None} for one in visits]
    assert await seeds.value(db, FAMILIES) == 1


async def test_a_shared_reminder_goes_once_more_for_those_that_are_on(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any]
) -> None:
    _, *others = await _family(client, db, visit["world"])
    await _cancel(client, visit)  # the one that spoke for the others
    assert await _try_again(db) == 1
    assert [row["subject_id"] for row in await seeds.rows(db, ANEW)] == others


async def test_a_shared_reminder_waits_while_somebody_changes_one_of_its_visits(
    client: httpx.AsyncClient, db: Database, visit: dict[str, Any]
) -> None:
    _, second, _ = await _family(client, db, visit["world"])
    async with db.transaction() as session:
        held = select(Appointment).where(col(Appointment.public_id) == second)
        await session.execute(held.with_for_update())
        assert await _try_again(db) == 0
    assert await _try_again(db) == 1
    assert len(await seeds.rows(db, ANEW)) == 3
