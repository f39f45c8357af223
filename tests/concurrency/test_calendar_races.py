"""The timetable changes while people book, while it is published, and under two managers at once.

Each guard is taken away once, and what it guards against must then happen.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col

from booking import clock
from booking.actor import system
from booking.appointments import service as appointments
from booking.appointments.caps import Caps
from booking.appointments.commands import BookAppointment
from booking.appointments.kinds import Channel
from booking.availability import board, closing
from booking.availability.commands import ChangeSession, PublishSlots
from booking.availability.models import Slot
from booking.availability.publishing import Published
from booking.db import Database
from booking.directory import marks
from booking.errors import BookingError
from booking.exchange import service, timetable
from booking.exchange.timetable import Outcome
from booking.trail.keys import keyed
from tests import people, seeds
from tests.races import HOLDING, judge_invariants, until
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio
BY = system("test")
DAYS = 30
WIDE = Caps(per_day=999, phone=999, profile=999, device=999, given_up_minutes=0, party=6)
WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def _weekly(db: Database) -> int:
    found: int = await seeds.value(db, "SELECT weekly_session_id FROM session ORDER BY id LIMIT 1")
    return found


async def _command(db: Database, world: World, capacity: int) -> ChangeSession:
    weekly = await _weekly(db)
    async with db.transaction() as session:
        seen = marks.mark(await board.change_of(session, weekly, world.day))
    return ChangeSession.model_validate({
        "facility": FACILITY, "weekly": weekly, "day": world.day, "held": True, "starts": "07:30", "ends": "16:30",
        "slot_minutes": 15, "capacity": capacity, "reserved": 0, "seen": seen,
    })  # fmt: skip


async def _preview(db: Database, command: ChangeSession) -> Outcome:
    async with db.transaction() as session:
        return await timetable.preview(session, command, by=BY, now=clock.utc_now(), horizon_days=DAYS)


async def _apply(db: Database, command: ChangeSession, seen: str) -> Outcome:
    async with db.transaction() as session:
        return await timetable.apply(session, command, seen, by=BY, now=clock.utc_now(), horizon_days=DAYS)


async def _publish(db: Database) -> Published:
    async with db.transaction() as session:
        command = PublishSlots(facility=FACILITY, horizon_days=DAYS)
        return await service.publish(session, command, by=BY, now=clock.utc_now())


async def _book(db: Database, world: World, slot: int, number: int) -> None:
    command = BookAppointment.model_validate_json(json.dumps(world.booking(slot, people.patient(number))))
    key = keyed("test", f"calendar-race-{number}", command)
    async with db.hot() as hot:
        await appointments.book(hot, command, by=BY, now=clock.utc_now(), key=key, channel=Channel.API, caps=WIDE)


async def _outcomes(asked: Sequence[Awaitable[Any]]) -> Counter[str]:
    """How they ended, all begun together: by the name of the refusal, or `done`."""

    async def one(work: Awaitable[Any]) -> str:
        try:
            await work
        except BookingError as refused:
            return refused.code
        return "done"

    return Counter(await asyncio.gather(*(one(work) for work in asked)))


async def _change_anyhow(db: Database, world: World, capacity: int) -> None:
    """As a manager does: look, decide, and look again where somebody booked meanwhile."""
    while True:
        command = await _command(db, world, capacity)
        outcome = await _preview(db, command)
        if (await _outcomes([_apply(db, command, outcome.seen)]))["done"]:
            return


async def test_places_go_down_and_up_under_people_who_book_and_a_job_that_publishes(db: Database) -> None:
    world = await seeds.seed(db, capacities=[20, 20])
    await _publish(db)
    callers = [_book(db, world, world.slots[number % 2], number) for number in range(1, 41)]
    work = [*callers, _change_anyhow(db, world, 4), _change_anyhow(db, world, 9), *(_publish(db) for _ in range(3))]
    counted = await _outcomes(work)
    assert set(counted) <= {"done", "slot_full", "slot_closed"}, counted
    booked = await seeds.value(db, f"SELECT count(*) FROM appointment WHERE state IN {HOLDING}")
    assert booked + 5 == counted["done"]  # whoever was told yes is inside
    await judge_invariants(db)
    await _publish(db)
    assert not (await _publish(db)).changed
    wanted = await seeds.value(db, "SELECT capacity FROM session_change")
    for slot in await seeds.rows(db, "SELECT capacity, taken, open FROM slot WHERE id = ANY(:ids)", ids=world.slots):
        assert slot["capacity"] == max(wanted, slot["taken"])
        assert slot["open"] == (slot["taken"] <= wanted)


async def _behind_a_booking(db: Database, world: World) -> None:
    """Lower the capacity to one while somebody holds the slot's row, having taken a place and not committed yet."""
    command = await _command(db, world, 1)
    seen = (await _preview(db, command)).seen
    async with db.transaction() as session:
        await session.execute(
            update(Slot)
            .where(col(Slot.id) == world.slots[0])
            .values(taken=1, free_places=[2, 3], last_place=1)
            .execution_options(synchronize_session=False)
        )
        changing = asyncio.create_task(_apply(db, command, seen))
        await until(db, WAITS)
    await changing


async def _give_back(db: Database, world: World) -> None:
    """Nobody had that place but the test."""
    sql = "UPDATE slot SET taken = 0, free_places = array_append(free_places, 1::smallint) WHERE id = :id"
    await seeds.run(db, sql, id=world.slots[0])


async def test_who_takes_a_place_a_moment_before_keeps_it(db: Database) -> None:
    world = await seeds.seed(db, capacities=[3])
    await _publish(db)
    await _behind_a_booking(db, world)
    [row] = await seeds.rows(db, "SELECT capacity, taken, free_places FROM slot WHERE id = :id", id=world.slots[0])
    await _give_back(db, world)
    assert row == {"capacity": 1, "taken": 1, "free_places": []}


async def test_control_without_the_slots_lock_a_taken_place_is_given_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db, capacities=[3])
    await _publish(db)
    slot = SQLModel.metadata.tables["slot"]
    monkeypatch.setattr(closing, "_LOCK", select(slot.c.id, slot.c.taken).where(closing._one_of_ids(slot.c.id)))
    with pytest.raises(IntegrityError, match="slot_places_check"):
        await _behind_a_booking(db, world)
    await _give_back(db, world)


async def _two_managers(db: Database) -> Counter[str]:
    world = await seeds.seed(db, capacities=[3])
    await _publish(db)
    commands = [await _command(db, world, capacity) for capacity in (5, 5)]
    seen = [(await _preview(db, command)).seen for command in commands]
    return await _outcomes([_apply(db, command, word) for command, word in zip(commands, seen, strict=True)])


async def test_of_two_managers_at_once_one_is_told(db: Database) -> None:
    assert await _two_managers(db) == {"done": 1, "changed_meanwhile": 1}
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'timetable.one_day'") == 1


async def test_control_without_marks_and_outcomes_both_believe_they_changed_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "check", lambda *_: None)
    monkeypatch.setattr(Outcome, "seen", property(lambda _: "whatever"))
    assert await _two_managers(db) == {"done": 2}
