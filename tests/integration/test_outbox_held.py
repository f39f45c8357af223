"""Whether a channel that is held stays held, and by whom it is tried. The carrier's log is the judge."""

from typing import Any

import pytest

from booking.db import Database
from booking.messages.kinds import MessageKind, MessageState
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import Carrier, plans
from tests.outbox import accepted, make_due, mine, rested, send, sender, stored, write

pytestmark = pytest.mark.anyio

CODE: dict[str, Any] = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "5"},
}  # fmt: skip


def _alone(db: Database, url: str, *, lane: str = "visit") -> Sender:
    made = sender(db, url, lane=lane)
    made.together = made.room = 1
    return made


async def _channel(db: Database) -> dict[str, Any]:
    return dict((await seeds.rows(db, "SELECT held_at IS NOT NULL AS held, held_code, probe_at FROM sms_channel"))[0])


async def _silence(db: Database, carrier: Carrier) -> None:
    """Nobody answers eight numbers in a row: the channel is held, and whose fault it is nobody knows."""
    carrier.decide = lambda _: plans.error_before_accepting()
    for each in range(8):
        await write(db, phone=f"+8490123{each:04}")
    await send(_alone(db, carrier.url))
    assert (await _channel(db))["held"]


async def _looks(db: Database, carrier: Carrier, number: int) -> int:
    """So many looks of both lanes at what is due, with no pause between them: how many posts that makes."""
    before = len(carrier.log.calls)
    for _ in range(number):
        for lane in ("code", "visit"):
            made = _alone(db, carrier.url, lane=lane)
            for claim in await made.claim(1):
                await made.carry(claim)
            await made.give_back()
    return len(carrier.log.calls) - before


# Who is refused is not hammered


@pytest.mark.parametrize("answer", [plans.refuse(401, 20003), plans.bare(401)], ids=["with a code", "without"])
async def test_a_lost_connection_before_a_refusal_lets_no_code_through_again_and_again(
    db: Database, answer: Any
) -> None:
    await write(db, phone="+84901230001")
    with Carrier() as carrier:
        carrier.plan(plans.close_after_accepting())
        await send(_alone(db, carrier.url))
        visit = await write(db, phone="+84901230002")
        carrier.decide = lambda _: answer
        await send(_alone(db, carrier.url))
        code = await write(db, phone="+84901230003", **CODE)
        assert await _looks(db, carrier, 5) == 0
        await rested(db)
        assert await _looks(db, carrier, 5) == 1  # the probe
        carrier.decide = None
        await rested(db)
        await make_due(db)
        await _looks(db, carrier, 1)
        assert sorted(accepted(carrier)[1:], key=str) == sorted(mine([visit, code]))


async def test_a_refusal_ends_a_silence_and_a_code_is_posted_once(db: Database) -> None:
    with Carrier() as carrier:
        await _silence(db, carrier)
        carrier.decide = lambda _: plans.refuse(401, 20003)
        code = await write(db, phone="+84901239999", **CODE)
        assert await _looks(db, carrier, 5) == 1
        assert (await _channel(db))["held_code"] == 20003
    assert (await stored(db, code)).state is MessageState.DUE
