"""The text of a slip that did not arrive because a telephone was off goes once more, where it still concerns her."""

from datetime import timedelta

import httpx
import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.invitations import trying
from booking.messages import receipts
from tests import outbox as box
from tests import seeds
from tests.households import TODAY
from tests.seeds import World
from tests.slip_texts import MORNING, message, person, slip, states, take, told, visit

pytestmark = pytest.mark.anyio


async def _lost(db: Database) -> World:
    """She was told, and her telephone was off."""
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    sent = "UPDATE message SET state = 'sent', provider = 'twilio', provider_sid = 'SM1', posted_at = now(), sends = 1"
    await seeds.run(db, f"{sent} WHERE subject_kind = 'invitation'")
    row = await message(db)
    async with db.transaction() as session:
        await receipts.take(session, row.public_id, box.receipt("SM1", "undelivered", 30003), now=utc_now())
    return world


async def _try_again(db: Database) -> int:
    async with db.transaction() as session:
        return await trying.try_again(session, now=max(MORNING, utc_now()) + timedelta(minutes=31))


async def test_it_goes_once_more(db: Database) -> None:
    await _lost(db)
    assert await _try_again(db) == 1
    assert await _try_again(db) == 0
    assert await states(db) == ["undelivered", "due"]


async def test_not_where_she_has_booked(client: httpx.AsyncClient, db: Database) -> None:
    world = await _lost(db)
    await visit(client, world, world.slots[0])
    assert await _try_again(db) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE invitation SET state = 'lapsed'",
        "UPDATE invitation SET code = 'K7M2PQ4R'",
        "UPDATE invitation SET due = due + 1",
        "UPDATE facility SET sms_name = 'BV Khac'",
        "UPDATE message SET useful_until = now() + interval '5 minutes'",
        "UPDATE patient SET no_sms = true",
    ],
)
async def test_not_where_it_concerns_nobody_any_more(db: Database, change: str) -> None:
    await _lost(db)
    await seeds.run(db, change)
    assert await _try_again(db) == 0


async def test_not_once_a_newer_file_has_another_day(db: Database) -> None:
    await _lost(db)
    waits = "SELECT count(*) FROM message WHERE again_at IS NOT NULL"
    await take(db, slip())
    assert await seeds.value(db, waits) == 1, "the control: the same word changes nothing"
    await take(db, slip(due=TODAY + timedelta(days=12)))
    assert await seeds.value(db, waits) == 0
    assert await _try_again(db) == 0


# A slip that has another day, after its text was lost

AS = "UPDATE message SET state = CAST(:state AS message_state), again_at = NULL WHERE subject_kind = 'invitation'"


async def _another_day(db: Database) -> str:
    await take(db, slip(due=TODAY + timedelta(days=6)))
    return f"{TODAY + timedelta(days=6):%d/%m}"


@pytest.mark.parametrize("state", ["failed", "undelivered", "expired", "suppressed"])
async def test_what_nobody_read_is_told_anew_once_for_another_day(db: Database, state: str) -> None:
    await _lost(db)
    await seeds.run(db, AS, state=state)
    assert await told(db) == 0, "the same day is told by the second try, or by telephone"
    day = await _another_day(db)
    assert await told(db) == 1
    assert await told(db) == 0
    row = await message(db)
    assert (row.state.value, row.facts["date"], row.once_more) == ("due", day, False)
    await seeds.run(db, AS, state="failed")
    assert await told(db) == 0


@pytest.mark.parametrize("state", ["sent", "delivered"])
async def test_control_what_may_have_been_read_is_not_told_anew(db: Database, state: str) -> None:
    await _lost(db)
    await seeds.run(db, AS, state=state)
    await _another_day(db)
    assert await told(db) == 0


async def test_who_heard_of_the_other_day_by_telephone_gets_no_text_of_it(db: Database) -> None:
    await _lost(db)
    await _another_day(db)
    called = """
        INSERT INTO invitation_call (invitation_id, due, call, calls, called_at, note)
        SELECT id, due, CAST(:call AS call_outcome), 1, now(), '' FROM invitation
        ON CONFLICT (invitation_id, due) DO UPDATE SET call = excluded.call
    """
    await seeds.run(db, called, call="reached")
    assert await told(db) == 0
    await seeds.run(db, called, call="no_answer")
    assert await told(db) == 1
