"""Entering from paper at once: one form sent twice, two clerks with one sheet."""

import asyncio
from datetime import time

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.db import Database
from booking.errors import BookingError
from booking.queue.paper import service
from booking.queue.paper.commands import EnterRow, EnterWalkIn
from booking.queue.paper.errors import PaperOvertaken
from booking.queue.paper.kinds import Outcome
from tests import queues, seeds
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio
MANY = 8


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(client: httpx.AsyncClient, db: Database, clock: Clock) -> Morning:
    return await queues.make(db, client, clock)


async def _entered(morning: Morning, command: EnterRow | EnterWalkIn) -> str:
    try:
        async with morning.db.transaction() as session:
            if isinstance(command, EnterWalkIn):
                view = await service.enter_walk_in(session, command, by=CLERK, now=morning.clock.moment)
                return view.label
            entered = await service.enter(session, command, by=CLERK, now=morning.clock.moment)
            return entered.label if entered else ""
    except BookingError as error:
        return error.code


def _row(morning: Morning, code: str, outcome: Outcome = Outcome.SEEN) -> EnterRow:
    return EnterRow(
        facility=FACILITY, day=morning.world.day, once=ids.public_id(), outcome=outcome, code=code, was="booked.0",
        came=time(7, 30),
    )  # fmt: skip


async def test_one_form_sent_many_times_at_once_enters_one(morning: Morning) -> None:
    visit = await morning.booked(0, 1)
    morning.clock.set(60)
    row = _row(morning, visit["code"])
    walk = EnterWalkIn(
        facility=FACILITY, day=morning.world.day, once=ids.public_id(), outcome=Outcome.WAITS, service=SERVICE,
        came=time(8),
    )  # fmt: skip
    forms: list[EnterRow | EnterWalkIn] = [row, walk]
    found = await asyncio.gather(*(_entered(morning, one) for one in forms * MANY))
    assert len(set(found)) == 2
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 2
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_act") == 2


async def test_two_clerks_with_one_sheet_enter_one_and_the_others_are_told(morning: Morning) -> None:
    visit = await morning.booked(0, 1)
    morning.clock.set(60)
    outcomes = [Outcome.SEEN, Outcome.LEFT] * MANY
    found = await asyncio.gather(*(_entered(morning, _row(morning, visit["code"], one)) for one in outcomes))
    assert sorted(found) == ["A001", *[PaperOvertaken.code] * (2 * MANY - 1)]


async def test_control_without_the_marks_a_second_clerk_overwrites_the_first(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await morning.booked(0, 1)
    morning.clock.set(60)
    monkeypatch.setattr(service, "_check_unchanged", lambda *_: None)
    outcomes = (Outcome.WAITS, Outcome.LEFT)
    found = [await _entered(morning, _row(morning, visit["code"], one)) for one in outcomes]
    assert found == ["A001", "A001"]
    assert await seeds.value(morning.db, "SELECT state FROM queue_ticket") == "left"
