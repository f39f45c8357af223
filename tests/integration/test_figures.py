"""The figures of a morning that was computed by hand, and what they must survive: night, moves, undoing."""

import statistics
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.clock import at_local
from booking.db import Database
from booking.figures import queries
from booking.figures.kinds import SpanKind
from booking.figures.queries import Counts, Figures
from booking.figures.rules import Span
from booking.queue import acts, commands, detours
from booking.queue.paper import rules as paper_rules
from booking.queue.paper import service as paper
from booking.queue.paper.commands import EnterRow, EnterWalkIn
from booking.queue.paper.kinds import Outcome
from tests import figures, queues, seeds
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    return await queues.make(db, client, clock)


async def _figures(morning: Morning, first: date | None = None, last: date | None = None) -> Figures:
    span = Span(SpanKind.OWN, first or morning.world.day, last or first or morning.world.day)
    async with morning.db.transaction() as session:
        return await queries.of_one(session, morning.world.facility_id, span, now=morning.clock.moment)


async def _detour(morning: Morning, verb: Any, command: Any) -> None:
    async with morning.db.transaction() as session:
        await verb(session, command, by=CLERK, now=morning.clock.moment)


async def test_a_morning_computed_by_hand(morning: Morning) -> None:
    await figures.replay(morning)
    found = await _figures(morning)
    rounded = replace(
        found.total, wait_90=round(found.total.wait_90 or 0, 6), stay_90=round(found.total.stay_90 or 0, 6)
    )
    assert rounded == Counts(
        booked=7, came=5, missed=1, unsettled=1, ahead=0, cancelled=1, cancelled_by_us=0, walk_ins=2, emergencies=1,
        waiting=1, gave_up=1, called=5, too_long=1, wait_median=20, wait_90=89.2, stays=3,
        stay_median=38, stay_90=55.6, places=12, unused=5, free=0, closed=0,
    )  # fmt: skip
    assert found.total.missed_share == 16.7  # one of the six of whom it is known
    hours = {hour: found.of("hour", hour) for hour in found.keys("hour")}
    assert {hour: (one.booked, one.came, one.walk_ins) for hour, one in hours.items()} == {
        7: (5, 4, 1), 8: (2, 1, 0), 9: (0, 0, 1),
    }  # fmt: skip
    weekday = morning.world.day.isoweekday()
    assert found.keys("weekday") == [weekday]
    assert found.of("cell", (weekday, 7)) == found.of("hour", 7)
    assert found.of("service", morning.world.service_id) == found.total
    assert found.of("day", morning.world.day) == found.total


async def test_one_who_moved_counts_on_her_new_day_only(morning: Morning) -> None:
    await figures.replay(morning)
    after = morning.world.day + timedelta(days=2)
    assert (await _figures(morning, after)).total.booked == 1
    assert (await _figures(morning, morning.world.day, after)).total.booked == 8
    nothing = await _figures(morning, morning.world.day - timedelta(days=1))
    assert not nothing.total.anything
    assert nothing.total.missed_share is None
    assert nothing.total.wait_median is None


async def test_before_seven_in_the_morning_the_day_is_the_facilitys(
    db: Database, client: httpx.AsyncClient, clock: Clock
) -> None:
    clock.opens = at_local(booking_clock.local_day(clock.opens), time(6, 30))  # the evening before, in UTC
    morning = await queues.make(db, client, clock)
    visit = await morning.booked(0, 1)
    clock.set(0)
    await morning.check_in(visit)
    clock.set(10)
    await morning.call()
    found = await _figures(morning)
    assert (found.total.booked, found.total.came, found.total.wait_median) == (1, 1, 10)
    assert found.of("hour", 6).booked == 1
    assert found.keys("weekday") == [morning.world.day.isoweekday()]
    before = await _figures(morning, morning.world.day - timedelta(days=1))
    assert not before.total.anything


async def test_waiting_is_to_the_first_call_and_undoing_takes_it_back(morning: Morning) -> None:
    morning.clock.set(0)
    ticket = await morning.walk_in()
    morning.clock.set(10)
    await morning.call("P1")
    assert (await _figures(morning)).total.wait_median == 10
    async with morning.db.transaction() as session:
        (called, *_) = await acts.lately(session, morning.world.facility_id, now=morning.clock.moment)
        await acts.undo(session, commands.Undo(facility=FACILITY, act=called.id), by=CLERK, now=morning.clock.moment)
    undone = (await _figures(morning)).total
    assert (undone.called, undone.waiting, undone.wait_median) == (0, 1, None)
    morning.clock.set(25)
    await morning.call("P1")
    await _detour(morning, detours.to_tests, commands.ToTests(facility=FACILITY, ticket=ticket.public_id))
    morning.clock.set(60)
    await _detour(morning, detours.from_tests, commands.FromTests(facility=FACILITY, ticket=ticket.public_id))
    morning.clock.set(70)
    await morning.call("P1")
    morning.clock.set(80)
    await morning.step("finish", ticket)
    found = (await _figures(morning)).total
    assert (found.wait_median, found.stays) == (25, 0)  # tests are another target's affair


async def test_control_without_the_first_call_the_last_one_counts(morning: Morning) -> None:
    await figures.replay(morning)
    await seeds.run(morning.db, "UPDATE queue_ticket SET first_called_at = NULL")
    assert (await _figures(morning)).total.wait_median == 28  # 50 minutes instead of 20 for the second


async def test_medians_are_those_of_the_standard_library(morning: Morning) -> None:
    waited = [3, 4, 4, 9, 17, 33, 33, 58, 91, 140, 141]
    morning.clock.set(0)
    for _ in waited:
        await morning.walk_in()
    for minutes in waited:
        morning.clock.set(minutes)
        await morning.call("P1")
    found = (await _figures(morning)).total
    assert found.wait_median == pytest.approx(statistics.median(waited))
    assert found.wait_90 == pytest.approx(statistics.quantiles(waited, n=10, method="inclusive")[8])
    assert found.too_long == 2


async def test_places_kept_for_walk_ins_and_closed_times_are_not_unused(morning: Morning) -> None:
    morning.clock.set(600)
    assert (await _figures(morning)).total.unused == 12
    first, second, third, _ = morning.world.slots
    await seeds.run(morning.db, "UPDATE slot SET reserved = 2 WHERE id = :id", id=first)
    await seeds.run(
        morning.db, "UPDATE slot SET reserved = 2, release_at = starts_at - interval '1 hour' WHERE id = :id", id=second
    )  # released to booking, and nobody booked
    await seeds.run(morning.db, "UPDATE slot SET open = false WHERE id = :id", id=third)
    await seeds.run(
        morning.db, "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:id, 't', 'x', now())",
        id=third,
    )  # fmt: skip
    found = (await _figures(morning)).total
    assert (found.places, found.unused, found.closed, found.free) == (9, 7, 3, 0)
    morning.clock.set(-600)
    ahead = (await _figures(morning)).total
    assert (ahead.unused, ahead.free) == (0, 7)


async def test_facilities_side_by_side_and_messages_that_did_not_arrive(morning: Morning) -> None:
    await figures.replay(morning)
    await seeds.run(
        morning.db,
        "UPDATE message SET state = 'undelivered', due_at = :at WHERE id = (SELECT min(id) FROM message)",
        at=morning.clock.opens,
    )
    other = await seeds.value(
        morning.db,
        "INSERT INTO facility (code, kind, state, name, name_en, sms_name, confirmed, search_key, sort_key, training)"
        " VALUES ('TAP', 'health_station', 'not_yet_open', 'Tập', 'Practice', 'Tap', false, 'tap', 'z', true)"
        " RETURNING id",
    )
    span = Span(SpanKind.OWN, morning.world.day, morning.world.day)
    here = morning.world.facility_id
    async with morning.db.transaction() as session:
        city = await queries.of_many(session, [here, other], span, now=morning.clock.moment)
        real = await queries.real_ones(session, [here, other])
    alone = await _figures(morning)
    assert [(row.facility_id, row.counts, row.lost) for row in city.rows] == [
        (here, alone.total, 1), (other, queries.NOTHING, 0),
    ]  # fmt: skip
    assert city.total == alone.total
    assert (city.lost, alone.lost) == (1, 1)
    assert real == {here}


async def _from_paper(morning: Morning, code: str | None, **clock: time) -> None:
    written: dict[str, Any] = {
        "facility": FACILITY, "day": morning.world.day, "once": ids.public_id(), "outcome": Outcome.SEEN, **clock,
    }  # fmt: skip
    async with morning.db.transaction() as session:
        if code is None:
            walk_in = EnterWalkIn(service=SERVICE, **written)
            await paper.enter_walk_in(session, walk_in, by=CLERK, now=morning.clock.moment)
        else:
            row = EnterRow(code=code, was=paper_rules.mark("booked", None), **written)
            await paper.enter(session, row, by=CLERK, now=morning.clock.moment)


async def test_no_waiting_is_measured_from_an_arrival_nobody_wrote_down(morning: Morning) -> None:
    bare, whole = await morning.booked(0, 1), await morning.booked(0, 2)
    morning.clock.set(200)
    await _from_paper(morning, None, called=time(8, 0), finished=time(8, 10))
    await _from_paper(morning, bare["code"], called=time(9, 0), finished=time(9, 5))
    found = (await _figures(morning)).total
    assert (found.walk_ins, found.came, found.called, found.stays) == (1, 1, 0, 0)
    assert (found.wait_median, found.stay_median) == (None, None)
    await _from_paper(morning, None, came=time(8, 0), called=time(8, 30))  # when it ended was not written down
    found = (await _figures(morning)).total
    assert (found.called, found.wait_median, found.stays) == (1, 30, 0)
    await _from_paper(morning, whole["code"], came=time(7, 20), called=time(7, 40), finished=time(8, 0))
    found = (await _figures(morning)).total
    assert (found.called, found.wait_median, found.stays, found.stay_median) == (2, 20, 1, 30)
