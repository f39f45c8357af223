"""A visit that is cancelled while the sender still connects to the carrier: its text does not go any more."""

import asyncio
import threading
from datetime import timedelta
from time import monotonic

import pytest
from urllib3.connection import HTTPConnection

from booking.clock import utc_now
from booking.db import Database
from booking.messages import service
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.outbox import Posting
from booking.sms import bounded
from booking.sms.gateway import STALE, Outcome
from scheduler.jobs import send_messages
from tests import outbox as box
from tests.carrier import Carrier

pytestmark = pytest.mark.anyio


class Slow:
    """A carrier that lets a connection stand only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.stands = threading.Event(), threading.Event()
        self.ahead = 0.0
        real = HTTPConnection.connect

        def connect(connection: HTTPConnection) -> None:
            self.asked.set()
            assert self.stands.wait(30)
            real(connection)

        monkeypatch.setattr(HTTPConnection, "connect", connect)
        monkeypatch.setattr(bounded, "monotonic", lambda: monotonic() + self.ahead)


async def _cancelled_while_connecting(db: Database, carrier: Carrier, slow: Slow) -> Message:
    message = await box.write(db)
    sending = asyncio.create_task(box.send(box.sender(db, carrier.url)))
    assert await asyncio.to_thread(slow.asked.wait, 30)
    async with db.transaction() as session:
        await service.supersede(session, message.subject_id, now=utc_now())
    slow.ahead = box.BUSY.total_seconds() + 1
    slow.stands.set()
    await sending
    return await box.stored(db, message)


async def test_a_text_whose_visit_is_cancelled_while_connecting_does_not_go(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Carrier() as carrier:
        row = await _cancelled_while_connecting(db, carrier, Slow(monkeypatch))
        assert carrier.log.calls == []
    assert row.state is MessageState.SUPERSEDED
    assert row.sends == 0


async def test_control_without_the_look_after_connecting_it_goes(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    monkeypatch.setattr(bounded, "monotonic", lambda: 0.0)
    with Carrier() as carrier:
        row = await _cancelled_while_connecting(db, carrier, slow)
        assert len(carrier.log.accepted) == 1
    assert row.state is MessageState.SENT


async def test_a_text_that_is_still_true_goes_over_the_connection_that_stands_by_then(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = iter([box.BUSY.total_seconds() + 1])
    monkeypatch.setattr(bounded, "monotonic", lambda: monotonic() + next(ahead, 0.0))
    message = await box.write(db)
    with Carrier() as carrier:
        await box.send(box.sender(db, carrier.url))
        assert box.accepted(carrier) == box.mine([message])
    row = await box.stored(db, message)
    assert (row.sends, row.due_at) == (1, message.due_at)  # looked at twice, in its place


async def test_a_machine_that_stood_still_looks_again_before_it_posts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused for an hour between the look and the post: the clock that does not jump stood still with it."""
    hours = iter([timedelta(hours=1)])
    ahead = [timedelta(0)]
    monkeypatch.setattr(send_messages, "utc_now", lambda: utc_now() + ahead[0])
    message = await box.write(db)
    with Carrier() as carrier:
        made = box.sender(db, carrier.url)
        post = made._post

        def paused(posting: Posting, looked: float) -> Outcome:
            ahead[0] = next(hours, timedelta(0))
            outcome = post(posting, looked)
            ahead[0] = timedelta(0)
            outcomes.append(outcome)
            return outcome

        outcomes: list[Outcome] = []
        monkeypatch.setattr(made, "_post", paused)
        await box.send(made)
        assert box.accepted(carrier) == box.mine([message])
    assert [outcome is STALE for outcome in outcomes] == [True, False]
    assert (await box.stored(db, message)).sends == 1
