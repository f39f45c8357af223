"""Two posts of one text: the failure of one says nothing of the other, so that no third text goes."""

from datetime import timedelta
from pathlib import Path

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox, receipts, two_posts
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.outbox import Posting
from booking.sms.gateway import Accepted, Outcome, Unknown
from booking.sms.template import Template
from tests import outbox as box
from tests import seeds
from tests.carrier import brandname

pytestmark = pytest.mark.anyio


async def _twice(db: Database) -> tuple[Message, Posting]:
    """Nobody knows of the first post; the second is out."""
    message = await box.write(db)
    await box.begun(db, await box.claimed(db), lease=0)
    await box.end_leases(db, after=1)
    await seeds.run(db, "UPDATE message SET state = 'due', due_at = now() - interval '1 second'")
    posting = await box.begun(db, await box.claimed(db))
    assert posting is not None
    return message, posting


async def _told(
    db: Database, message: Message, sid: str, status: str = "undelivered", code: int | None = 30003
) -> None:
    async with db.transaction() as session:
        await receipts.take(session, message.public_id, box.receipt(sid, status, code), now=utc_now())


async def _recorded(db: Database, posting: Posting, outcome: Outcome) -> MessageState | None:
    async with db.transaction() as session:
        return await outbox.record(session, posting, outcome, now=utc_now(), pace=box.AT_ONCE)


async def _state(db: Database, message: Message) -> tuple[MessageState, str | None, bool]:
    row = await box.stored(db, message)
    return row.state, row.provider_sid, row.again_at is not None


async def test_the_first_failed_while_the_second_is_out(db: Database) -> None:
    message, posting = await _twice(db)
    await _told(db, message, "SM1")
    assert await _state(db, message) == (MessageState.SENDING, None, False)
    assert await _recorded(db, posting, Accepted("SM2", "queued")) is MessageState.SENT
    await _told(db, message, "SM1")  # replayed
    assert await _state(db, message) == (MessageState.SENT, "SM2", False)
    await _told(db, message, "SM2")
    assert await _state(db, message) == (MessageState.UNDELIVERED, "SM2", True)


async def test_without_the_guard_the_row_fails_and_the_answer_wins_all_the_same(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control, and the second guard behind it: the name of the last post is never lost."""

    async def never(*_: object) -> bool:
        return False

    message, posting = await _twice(db)
    monkeypatch.setattr(two_posts, "is_of_another", never)
    await _told(db, message, "SM1")
    assert await _state(db, message) == (MessageState.UNDELIVERED, "SM1", True)  # a third would go
    assert await _recorded(db, posting, Accepted("SM2", "queued")) is MessageState.SENT
    assert await _state(db, message) == (MessageState.SENT, "SM2", False)


async def test_the_answer_to_the_last_wins_over_the_name_of_the_first(db: Database) -> None:
    message, posting = await _twice(db)
    await _told(db, message, "SM1", "sent", None)
    assert await _recorded(db, posting, Accepted("SM2", "queued")) is MessageState.SENT
    await _told(db, message, "SM1")
    assert await _state(db, message) == (MessageState.SENT, "SM2", False)
    await _told(db, message, "SM1", "delivered", None)
    assert (await _state(db, message))[0] is MessageState.DELIVERED


async def test_nobody_knows_of_the_second_either_until_both_failed(db: Database) -> None:
    message, posting = await _twice(db)
    await _recorded(db, posting, Unknown("timed out"))
    await _told(db, message, "SM1")
    assert await _state(db, message) == (MessageState.UNKNOWN, None, False)
    await _told(db, message, "SM2")
    assert await _state(db, message) == (MessageState.UNDELIVERED, "SM2", True)


async def test_the_last_failed_before_its_answer_came(db: Database) -> None:
    message, posting = await _twice(db)
    await _told(db, message, "SM2", code=30007)
    assert await _recorded(db, posting, Accepted("SM2", "queued")) is MessageState.UNDELIVERED
    row = await box.stored(db, message)
    assert (row.provider_sid, row.reason, row.error_code) == ("SM2", "undelivered", 30007)


async def test_of_a_text_posted_once_a_failure_before_the_answer_counts(db: Database) -> None:
    """The control: nothing else is in doubt."""
    message = await box.write(db)
    posting = await box.begun(db, await box.claimed(db))
    assert posting is not None
    await _told(db, message, "SM1")
    assert await _recorded(db, posting, Accepted("SM1", "queued")) is None
    assert await _state(db, message) == (MessageState.UNDELIVERED, "SM1", True)


async def test_a_delivery_is_not_taken_back(db: Database) -> None:
    message, posting = await _twice(db)
    await _told(db, message, "SM1", "delivered", None)
    assert await _recorded(db, posting, Accepted("SM2", "queued")) is None
    await _told(db, message, "SM2")
    row = await box.stored(db, message)
    assert (row.state, row.useful_until > utc_now() + timedelta(0)) == (MessageState.DELIVERED, True)


@pytest.mark.parametrize("by_us", [True, False], ids=["as it is", "control"])
async def test_a_carrier_whose_callbacks_do_not_say_its_name_for_a_text_is_believed(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_us: bool
) -> None:
    """Its answer has a name, its callback ours alone: held against the answer's, each failure is another post's."""
    if not by_us:
        monkeypatch.setattr(Template, "named_by_us", False)
    message, posting = await _twice(db)
    with brandname.carrier_of("json") as carrier:
        path = brandname.written(tmp_path, "json", carrier.url)
        path.write_text(path.read_text().replace('sid = "name"\n', ""))
        outcome = brandname.gateway_by(path).send(posting.outgoing)
    assert await _recorded(db, posting, outcome) is MessageState.SENT
    await _told(db, message, str(message.public_id))
    assert (await _state(db, message))[0] is (MessageState.UNDELIVERED if by_us else MessageState.SENT)
