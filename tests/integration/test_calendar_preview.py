"""What a preview says is what happens, for every sort of change; it leaves nothing, and publishing adds nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from booking.actor import system
from booking.availability.commands import (
    ChangeSession,
    ClearDay,
    EndWeekly,
    KeepWeekly,
    MarkDay,
    PublishSlots,
    RestoreSession,
)
from booking.availability.effect import effect_of, pictures
from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, SessionChange, WeeklySession
from booking.db import Database
from booking.directory import marks
from booking.directory.errors import ChangedMeanwhile
from booking.exchange import service, timetable
from booking.exchange.timetable import Change
from tests import seeds
from tests.timetables import BEFORE, MONDAY, day_row, give_away, place, slots, weekly

pytestmark = [pytest.mark.anyio]
BY = system("test")
DAYS = 20
NEXT = MONDAY + timedelta(days=7)
Given = dict[str, Any]


def _weekly(given: Given, **more: Any) -> KeepWeekly:
    usual: Given = {
        "facility": "X1", "weekly": given["weekly"], "service": "kham", "room": "P1", "weekday": 0, "starts": "08:00",
        "ends": "10:00", "slot_minutes": 30, "capacity": 3, "reserved": 0, "since": MONDAY, "seen": given["seen"],
    }  # fmt: skip
    return KeepWeekly.model_validate(usual | more)


def _day(given: Given, **more: Any) -> ChangeSession:
    usual: Given = {
        "facility": "X1", "weekly": given["weekly"], "day": NEXT, "held": True, "starts": "08:00", "ends": "10:00",
        "slot_minutes": 30, "capacity": 3, "seen": "",
    }  # fmt: skip
    return ChangeSession.model_validate(usual | more)


CHANGES: dict[str, Callable[[Given], Change]] = {
    "fewer places": lambda given: _weekly(given, capacity=1),
    "more places, some of them kept": lambda given: _weekly(given, capacity=9, reserved=4),
    "longer, from next week on": lambda given: _weekly(given, ends="11:00", since=NEXT),
    "other times": lambda given: _weekly(given, slot_minutes=20),
    "another weekday": lambda given: _weekly(given, weekday=3),
    "one more session": lambda given: _weekly(given, weekly=None, seen="", starts="13:30", ends="15:00"),
    "once only": lambda given: _weekly(given, weekly=None, seen="", weekday=2, since=NEXT, until=NEXT + timedelta(2)),
    "no more from next week on": lambda given: EndWeekly(
        facility="X1", weekly=given["weekly"], since=NEXT, seen=given["seen"]
    ),
    "not next Monday": lambda given: _day(given, held=False),
    "later next Monday, with fewer places": lambda given: _day(given, starts="09:00", ends="11:00", capacity=1),
    "the other Monday as always": lambda given: RestoreSession(
        facility="X1", weekly=given["weekly"], day=NEXT + timedelta(7), seen=given["changed"]
    ),
    "a day off for all": lambda _: MarkDay(facility=None, day=NEXT, kind=DayKind.HOLIDAY, works_as=None, name="Lễ"),
    "a Saturday made up": lambda _: MarkDay(
        facility="X1", day=MONDAY + timedelta(5), kind=DayKind.MAKE_UP_WORKING_DAY, works_as=0, name="Làm bù"
    ),
    "an ordinary day again": lambda given: ClearDay(facility="X1", day=MONDAY, seen=given["off"]),
}


async def _world(db: Database) -> Given:
    """A room on three Mondays: the first is off, the third has terms of its own; some places are promised."""
    async with db.transaction() as session:
        at = await place(session)
        row = await weekly(session, at, capacity=2, doctor=False)
        changed = SessionChange(
            weekly_session_id=row.id or 0, day=NEXT + timedelta(7), held=True, starts=row.starts, ends=row.ends,
            slot_minutes=30, capacity=4, reserved=0,
        )  # fmt: skip
        off = day_row(DayKind.LOCAL_CLOSURE, MONDAY, at.facility)
        session.add_all([changed, off])
    await _publish(db)
    async with db.transaction() as session:
        for slot in (await slots(session))[::3]:
            await give_away(session, slot)
        shown = [await session.get_one(kind, found.id) for kind, found in ((WeeklySession, row), (CalendarDay, off))]
        again = await session.get_one(SessionChange, changed.id)
        seen, closed, own = marks.mark(shown[0]), marks.mark(shown[1]), marks.mark(again)
    return {"weekly": row.id, "seen": seen, "off": closed, "changed": own}


async def _publish(db: Database) -> bool:
    async with db.transaction() as session:
        done = await service.publish(session, PublishSlots(horizon_days=DAYS), by=BY, now=BEFORE)
    return done.changed


@pytest.mark.parametrize("name", CHANGES)
async def test_what_is_shown_is_what_happens(db: Database, name: str) -> None:
    given = await _world(db)
    command = CHANGES[name](given)
    before = await seeds.everything(db)
    async with db.transaction() as session:
        shown = await timetable.preview(session, command, by=BY, now=BEFORE, horizon_days=DAYS)
    assert await seeds.everything(db) == before
    assert not shown.effect.nothing
    async with db.transaction() as session:
        was = await pictures(session, None, now=BEFORE)
        done = await timetable.apply(session, command, shown.seen, by=BY, now=BEFORE, horizon_days=DAYS)
    async with db.transaction() as session:
        really = effect_of(was, await pictures(session, None, now=BEFORE))
    assert done.effect.days == shown.effect.days == really.days
    assert set(really.shut) == set(shown.effect.shut)
    for number, slot in was.items():
        assert (await _taken(db, number)) == slot.taken  # nobody was dropped
    assert not await _publish(db)
    await seeds.run(db, "UPDATE slot SET capacity = capacity - taken, taken = 0")  # promised to nobody but the test


async def _taken(db: Database, slot: int) -> int:
    found: int = await seeds.value(db, "SELECT taken FROM slot WHERE id = :slot", slot=slot)
    return found


async def test_an_outcome_that_was_not_shown_does_not_happen(db: Database) -> None:
    given = await _world(db)
    before = await seeds.everything(db)
    with pytest.raises(ChangedMeanwhile):
        async with db.transaction() as session:
            await timetable.apply(
                session, CHANGES["fewer places"](given), "something else", by=BY, now=BEFORE, horizon_days=DAYS
            )
    assert await seeds.everything(db) == before
    await seeds.run(db, "UPDATE slot SET capacity = capacity - taken, taken = 0")
