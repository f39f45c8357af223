"""After a restore jobs write texts anew whose rows are gone: what the carrier has already does not go twice.

The carrier's own log is the judge. Each restore is made by hand: what was written since is taken away again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from booking.appointments import reminding
from booking.clock import utc_now
from booking.db import Database
from booking.messages import forgotten, restored, rules
from booking.messages.kinds import MessageKind
from scheduler.jobs import apply_closures, plan_reminders
from tests import seeds
from tests.carrier import Carrier
from tests.closings import close, crowd
from tests.outbox import AT_ONCE, send, sender, settle
from tests.slip_texts import MORNING, person, slip, take, told

pytestmark = [pytest.mark.anyio]


@dataclass
class Story:
    """A job that writes one text, and how the database forgets that it did."""

    begin: Callable[[Database], Awaitable[None]]
    write: Callable[[Database], Awaitable[object]]
    forget: tuple[str, ...]


async def _a_slip(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    await seeds.run(db, "UPDATE invitation SET received_at = :at", at=min(MORNING, utc_now()) - timedelta(days=1))


async def _read_anew(db: Database) -> None:
    await take(db, slip())
    await told(db)


async def _a_closing(db: Database) -> None:
    await close(db, await crowd(db, 1))
    await seeds.run(db, "UPDATE closing SET sms_due_at = now() - interval '1 minute'")


async def _a_visit(db: Database) -> None:
    await crowd(db, 1)


_MESSAGES = (
    "DELETE FROM reminder_family", "DELETE FROM message_receipt", "DELETE FROM message WHERE kind <> 'booked'",
)  # fmt: skip
_NOT_CLOSED_YET = (
    ("UPDATE slot n SET taken = 0, free_places = (SELECT array_agg(p) FROM generate_series(1, n.capacity) p)"
    " FROM closing_visit v WHERE n.id = v.new_slot_id"),
    ("UPDATE slot o SET taken = 1, free_places = array_remove(o.free_places, v.old_place::int)"
     " FROM closing_visit v WHERE o.id = v.old_slot_id"),
    ("UPDATE appointment a SET slot_id = v.old_slot_id, place = v.old_place, starts_at = v.old_starts_at,"
    " ends_at = v.old_starts_at + (a.ends_at - a.starts_at), version = a.version - 1"
    " FROM closing_visit v WHERE v.appointment_id = a.id"),
    "DELETE FROM closing_visit", "UPDATE closing SET state = 'applying'",
)  # fmt: skip
STORIES = {
    "slip": Story(_a_slip, told, ("UPDATE invitation SET code = NULL", *_MESSAGES)),
    "slip read anew": Story(_a_slip, _read_anew, ("DELETE FROM invitation", *_MESSAGES)),
    "closing": Story(_a_closing, apply_closures.run, (*_NOT_CLOSED_YET, *_MESSAGES)),
    "reminder": Story(_a_visit, plan_reminders.run, _MESSAGES),
}


@pytest.fixture(params=sorted(STORIES))
def story(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Story:
    """One of them, by day; the reminder is one that fell due a minute ago."""
    due = utc_now() - timedelta(minutes=1)
    planned = rules.Planned(MessageKind.REMINDER_DAY, due, due + timedelta(days=1))
    monkeypatch.setattr(reminding, "plan_reminders", lambda *_: [planned])
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)
    return STORIES[str(request.param)]


async def _written(db: Database, story: Story) -> None:
    """The job runs, and what it wrote is due."""
    await story.write(db)
    await seeds.run(db, "UPDATE message SET due_at = least(due_at, now()) WHERE kind <> 'booked'")


async def _after_restore(db: Database) -> None:
    """As the command does it."""
    now = utc_now()
    async with db.transaction() as session:
        await forgotten.remember(session, since=now - timedelta(hours=1), now=now)
        assert await restored.doubt(session, now=now) == 0, "no row is left to be doubted"


async def _all_done(db: Database, carrier: Carrier) -> None:
    await send(sender(db, carrier.url))
    await settle(db, carrier.url, AT_ONCE)
    await send(sender(db, carrier.url))


async def _went_and_is_forgotten(db: Database, carrier: Carrier, story: Story) -> None:
    await story.begin(db)
    await _written(db, story)
    await send(sender(db, carrier.url))
    assert len(carrier.log.accepted) == 1
    for statement in story.forget:
        await seeds.run(db, statement)
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE kind <> 'booked'") == 0


_STATES = "SELECT state::text FROM message WHERE kind <> 'booked'"


async def test_what_the_carrier_has_does_not_go_again(db: Database, story: Story) -> None:
    with Carrier() as carrier:
        await _went_and_is_forgotten(db, carrier, story)
        await _after_restore(db)
        await _written(db, story)
        assert await seeds.value(db, _STATES) == "unknown"
        await _all_done(db, carrier)
        assert len(carrier.log.accepted) == 1
    assert await seeds.value(db, _STATES) == "sent"


async def test_control_nobody_kept_that_time_and_it_goes_twice(db: Database, story: Story) -> None:
    with Carrier() as carrier:
        await _went_and_is_forgotten(db, carrier, story)
        await _written(db, story)
        await _all_done(db, carrier)
        first, second = carrier.log.accepted
    assert first.body == second.body


async def test_what_the_carrier_never_had_goes_once(db: Database, story: Story) -> None:
    with Carrier() as carrier:
        await story.begin(db)
        await _after_restore(db)
        await _written(db, story)
        await _all_done(db, carrier)
        await _all_done(db, carrier)
        assert len(carrier.log.accepted) == 1
    assert await seeds.value(db, _STATES) == "sent"


async def test_what_came_about_later_waits_for_no_list(db: Database) -> None:
    now = utc_now()
    async with db.transaction() as session:
        await forgotten.remember(session, since=now - timedelta(hours=1), now=now)
        later = now + timedelta(seconds=1)
        news = [now - timedelta(days=30), later, None]
        found = await forgotten.perhaps_sent(session, news, now=now + timedelta(days=1))
        assert found == [now - timedelta(hours=1), None, None]
        await forgotten.remember(session, since=now - timedelta(hours=1), now=later)  # said again
        assert await forgotten.perhaps_sent(session, [later], now=now + timedelta(days=1)) == [now - timedelta(hours=1)]


async def test_the_moment_is_the_last_that_was_done(db: Database) -> None:
    now = utc_now()
    async with db.transaction() as session:
        assert await forgotten.back_to(session, now=now) <= now
    await crowd(db, 1)
    async with db.transaction() as session:
        assert await forgotten.back_to(session, now=utc_now() + timedelta(days=1)) <= utc_now()
