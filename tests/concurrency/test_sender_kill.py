"""A real scheduler, killed with -9 at its worst moments; the next one finishes, and the carrier's log is the judge.

What does not belong here: races inside one process (test_sender_races.py).
"""

import asyncio
import json
import subprocess

import pytest
from sqlalchemy import text

from booking.db import Database
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from tests.carrier import Carrier, plans
from tests.outbox import mine, stored, until, write
from tests.schedulers import await_pause, end, kill, scheduler

pytestmark = pytest.mark.anyio


async def _finished_by_another(db: Database, url: str, carrier: Carrier, message: Message) -> Message:
    with scheduler(url, carrier.url) as process:
        row = await until(db, message, MessageState.SENT)
        assert await asyncio.to_thread(end, process) == 0
    assert carrier.log.times_accepted() == {str(message.public_id): 1}
    return row


async def test_killed_while_claimed(db: Database, database_url: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        with scheduler(database_url, carrier.url, "claimed") as process:
            await asyncio.to_thread(await_pause, process)
            kill(process)
        assert (await stored(db, message)).state is MessageState.CLAIMED
        assert carrier.log.accepted == []
        row = await _finished_by_another(db, database_url, carrier, message)
    assert row.sends == 1


async def test_killed_while_posting_after_the_carrier_took_it(db: Database, database_url: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        with scheduler(database_url, carrier.url) as process:
            assert await asyncio.to_thread(carrier.wait_for_stall)
            kill(process)
        assert (await stored(db, message)).state is MessageState.SENDING
        row = await _finished_by_another(db, database_url, carrier, message)
        assert row.provider_sid == carrier.log.accepted[0].sid
    assert row.sends == 1  # the list settled it


async def test_killed_while_posting_before_the_carrier_took_it(db: Database, database_url: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_before_accepting())
        with scheduler(database_url, carrier.url) as process:
            assert await asyncio.to_thread(carrier.wait_for_stall)
            kill(process)
        row = await _finished_by_another(db, database_url, carrier, message)
    assert row.sends == 2  # the list did not show the first


async def test_killed_after_the_answer_and_before_writing_it_down(db: Database, database_url: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        with scheduler(database_url, carrier.url, "answered") as process:
            await asyncio.to_thread(await_pause, process)
            kill(process)
        assert (await stored(db, message)).state is MessageState.SENDING
        assert len(carrier.log.accepted) == 1
        await _finished_by_another(db, database_url, carrier, message)


async def test_two_schedulers_and_one_of_them_killed_on_the_way(db: Database, database_url: str) -> None:
    messages = [await write(db, phone=f"+849012{number:05}") for number in range(200)]
    with Carrier() as carrier, scheduler(database_url, carrier.url) as first, scheduler(database_url, carrier.url):
        for _ in range(3000):
            if len(carrier.log.accepted) >= 60:
                break
            await asyncio.sleep(0.01)
        kill(first)
        for message in messages:
            await until(db, message, MessageState.SENT)
        assert carrier.log.times_accepted() == dict.fromkeys(mine(messages), 1)


async def test_stopping_lets_the_post_that_is_out_come_to_its_end(db: Database, database_url: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        with scheduler(database_url, carrier.url, module="scheduler", errors=subprocess.PIPE, fresh=True) as process:
            assert await asyncio.to_thread(carrier.wait_for_stall)
            ending = asyncio.create_task(asyncio.to_thread(end, process))
            await asyncio.sleep(0.2)
            carrier.release()
            assert await ending == 0
            assert process.stderr is not None
            lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert (await stored(db, message)).state is MessageState.SENT
    assert {"ERROR", "CRITICAL"}.isdisjoint(line["level"] for line in lines), lines
    (posted,) = [line for line in lines if line["text"] == "message posted"]
    assert posted["message_id"] == str(message.public_id)
    assert posted["request_id"]
    assert message.phone is not None
    assert message.phone not in json.dumps(lines)


async def test_a_scheduler_that_started_wrong_ticks_on_when_the_database_is_back(
    db: Database, database_url: str
) -> None:
    """A table that is away for a while: the job says so, rests, and goes on."""
    message = await write(db)
    async with db.transaction() as session:
        await session.execute(text("ALTER TABLE message RENAME TO message_away"))
    with Carrier() as carrier, scheduler(database_url, carrier.url, errors=subprocess.PIPE) as process:
        assert process.stderr is not None
        line: dict[str, object] = {}
        while line.get("job") != "send_messages":
            line = json.loads(await asyncio.to_thread(process.stderr.readline))
        assert (line["level"], line["text"], line["error"]) == ("ERROR", "job failed", "ProgrammingError")
        assert line["request_id"]
        async with db.transaction() as session:
            await session.execute(text("ALTER TABLE message_away RENAME TO message"))
        drained = asyncio.create_task(asyncio.to_thread(process.stderr.read))
        await until(db, message, MessageState.SENT)
        assert await asyncio.to_thread(end, process) == 0
        await drained
