"""What our configuration loses time and again goes time and again, not for ever, and then staff telephone."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from booking.appointments.calling import queries as calling
from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.sms.gateway import Accepted
from scheduler.jobs import try_again
from tests import asking, seeds
from tests import outbox as box
from tests.carrier import Carrier
from tests.outbox import receipt
from tests.seeds import World

pytestmark = pytest.mark.anyio

SENT = """
    UPDATE message SET state = 'sent', provider = 'twilio', provider_sid = 'SM' || id, posted_at = now(), attempts = 1,
        sends = 1, segments = 1
    WHERE state = 'due'
"""
COPIES = "SELECT copy FROM message WHERE kind = 'booked' ORDER BY id"


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """Somebody is booked and was told."""
    made = await seeds.seed(db, capacities=[3, 3])
    await asking.booked(client, made, made.slots[0])
    await seeds.run(db, SENT)
    return made


async def _lost(db: Database, code: int, *, status: str = "failed") -> dict[str, Any]:
    """The provider says this of the last copy; the row then."""
    last = "SELECT * FROM message WHERE kind = 'booked' ORDER BY id DESC LIMIT 1"
    row = (await seeds.rows(db, last))[0]
    async with db.transaction() as session:
        said = receipt(row["provider_sid"], status, code)
        assert await receipts.take(session, row["public_id"], said, now=utc_now())
    return dict((await seeds.rows(db, last))[0])


async def _anew(db: Database, now: datetime) -> int:
    async with db.transaction() as session:
        written = await trying.try_again(session, now=now)
    await seeds.run(db, SENT)
    return written


async def test_it_goes_again_after_each_repair_that_was_none_and_then_somebody_telephones(
    db: Database, world: World
) -> None:
    waits = []
    for _ in range(4):
        row = await _lost(db, 30002)
        waits.append(round((row["again_at"] - utc_now()) / timedelta(minutes=1)))
        assert await _anew(db, row["again_at"]) == 1
    assert waits[0] == 30
    assert waits == sorted(waits), "each waits longer than the one before it, or until half of its use is over"
    assert (await _lost(db, 30002))["again_at"] is None
    assert [row["copy"] for row in await seeds.rows(db, COPIES)] == [0, 1, 2, 3, 4]
    async with db.transaction() as session:
        (call,) = await calling.to_call(session, world.facility_id, now=utc_now())
    assert call.why == "not_delivered"


@pytest.mark.usefixtures("world")
async def test_said_twice_of_one_copy_it_goes_again_once(db: Database) -> None:
    await _lost(db, 30002)
    assert await _anew(db, utc_now() + timedelta(hours=1)) == 1
    row = await _lost(db, 30002)
    assert await _anew(db, row["again_at"]) == 1
    before = "SELECT public_id, provider_sid FROM message WHERE kind = 'booked' AND copy = 1"
    said = (await seeds.rows(db, before))[0]
    async with db.transaction() as session:  # in other words, and late
        other = receipt(said["provider_sid"], "undelivered", 30002)
        assert await receipts.take(session, said["public_id"], other, now=utc_now())
    assert await _anew(db, utc_now() + timedelta(hours=9)) == 0


@pytest.mark.usefixtures("world")
async def test_what_passes_is_tried_once_whatever_was_before(db: Database) -> None:
    await _lost(db, 30002)
    assert await _anew(db, utc_now() + timedelta(hours=1)) == 1
    assert (await _lost(db, 30003))["again_at"] is None


async def test_all_that_was_lost_is_written_in_one_run(client: httpx.AsyncClient, db: Database, world: World) -> None:
    for number in (2, 3):
        await asking.booked(client, world, world.slots[0], number)
    await seeds.run(db, SENT)
    lost = "state = 'failed', fault = 'configuration', once_more = true, again_at = now() - interval '1 minute'"
    await seeds.run(db, f"UPDATE message SET {lost} WHERE kind = 'booked'")
    assert await try_again.run(db, most=1) == 3


async def test_a_probe_that_fails_before_its_answer_comes_opens_nothing(db: Database) -> None:
    """It was taken, and its receipt says that our configuration is refused: told first, and as true."""
    first = await box.write(db, phone="+84901230001")
    with Carrier() as carrier:
        await box.send(box.sender(db, carrier.url))
        await _take(db, first, carrier.log.accepted[0].sid)
        await box.rested(db)
        probe = await box.write(db, phone="+84901230002")
        made = box.sender(db, carrier.url)
        (claim,) = await made.claim(1)
        assert claim.probe
        posting, _ = await made._begin(claim)
        assert posting is not None
        await _take(db, probe, "SM2")
        await made._record(posting, Accepted("SM2", "queued"))
    assert await seeds.value(db, "SELECT held_at IS NOT NULL FROM sms_channel")
    assert (await box.stored(db, probe)).state is MessageState.FAILED


async def _take(db: Database, message: Message, sid: str) -> None:
    async with db.transaction() as session:
        assert await receipts.take(session, message.public_id, receipt(sid, "failed", 30002), now=utc_now())
