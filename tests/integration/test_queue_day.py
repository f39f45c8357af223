"""A small day by the real verbs on PostgreSQL: who is called, when and where, is what the rule says on paper."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.clock import local_day
from booking.db import Database
from booking.patients.kinds import PriorityClass
from booking.queue import commands, detours, service
from booking.queue.judging import wrongs
from booking.queue.rules import Policy
from booking.queue.simulating import Called, Coming, Day, Step, by_rule, course, plan
from booking.queue.views import TicketView
from tests import queues, seeds
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio

ROOMS, PATIENTS = 3, 45
VERBS: Mapping[str, tuple[Any, Any]] = {
    "finish": (service.finish, commands.Finish),
    "skip": (service.skip, commands.Skip),
    "put_back": (service.put_back, commands.PutBack),
    "to_tests": (detours.to_tests, commands.ToTests),
    "from_tests": (detours.from_tests, commands.FromTests),
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


async def _morning(db: Database, client: httpx.AsyncClient, clock: Clock, day: Day) -> Morning:
    """The sample facility with the day's times, one place a room in each."""
    made = await queues.make(db, client, clock, slots=0, rooms=day.rooms)
    await seeds.run(
        db, "UPDATE session SET starts_at = :opens, ends_at = :ends WHERE id = :id",
        opens=day.spans[0][0], ends=day.spans[-1][1], id=made.world.session_id,
    )  # fmt: skip
    for start, end in day.slots:
        await seeds.add_slot(db, made.world, capacity=day.rooms, starts_at=start)
        await seeds.run(db, "UPDATE slot SET ends_at = :end WHERE starts_at = :start", start=start, end=end)
    return made


class ByVerbs:
    """Answers a day's steps with what the queue's verbs do."""

    def __init__(self, morning: Morning, visits: Mapping[int, str]) -> None:
        self._morning, self._visits = morning, visits
        self._tickets: dict[int, UUID] = {}
        self.calls: list[Called] = []

    async def take(self, step: Step) -> int | None:
        self._morning.clock.moment = step.at
        if step.what == "call":
            command = commands.CallNext(facility=FACILITY, service=SERVICE, room=f"P{step.room}")
            called = await self._do(service.call_next, command, step)
            who = next(who for who, ticket in self._tickets.items() if ticket == called.public_id)
            due = await seeds.value(
                self._morning.db,
                "SELECT coalesce(requeued_at, CASE WHEN arrived_at <= band_end THEN band_start ELSE arrived_at END)"
                " FROM queue_ticket WHERE public_id = :ticket",
                ticket=called.public_id,
            )
            self.calls.append(Called(who, step.at, step.room or 0, due))
            return who
        assert step.who is not None
        await self._of(step, step.who)
        return None

    async def _of(self, step: Step, who: Coming) -> None:
        if step.what == "check_in":
            made = await self._do(
                service.check_in, commands.CheckIn(facility=FACILITY, code=self._visits[who.id]), step
            )
            self._tickets[who.id] = made.public_id
        elif step.what == "walk_in":
            ticket = self._tickets[who.id] = ids.public_id()
            await self._do(service.walk_in, commands.WalkIn(facility=FACILITY, service=SERVICE, ticket=ticket), step)
        elif step.what == "emergency":
            ticket = self._tickets[who.id] = ids.public_id()
            command = commands.CallEmergency(facility=FACILITY, service=SERVICE, ticket=ticket, room=f"P{step.room}")
            await self._do(detours.call_emergency, command, step)
            self.calls.append(Called(who.id, step.at, step.room or 0, who.arrives, emergency=True))
        elif step.what == "verify":
            seen = commands.VerifyPriority(
                facility=FACILITY, ticket=self._tickets[who.id], priority=who.priority, reason="giấy tờ"
            )
            await self._do(service.verify_priority, seen, step)
        else:
            verb, kind = VERBS[step.what]
            await self._do(verb, kind(facility=FACILITY, ticket=self._tickets[who.id]), step)

    async def _do(self, verb: Any, command: Any, step: Step) -> TicketView:
        async with self._morning.db.transaction() as session:
            done: TicketView = await verb(session, command, by=CLERK, now=step.at)
        return done


async def test_a_day_by_the_real_verbs_is_the_day_of_the_rule(
    db: Database, client: httpx.AsyncClient, clock: Clock
) -> None:
    day = plan(patients=PATIENTS, rooms=ROOMS, seed=5, day=local_day(clock.opens), slot=timedelta(minutes=30))
    morning = await _morning(db, client, clock, day)
    visits = {one.id: (await morning.booked(one.slot, one.id))["code"] for one in day.people if one.slot is not None}
    doing, steps, answer = ByVerbs(morning, visits), course(day), None
    taken: list[str] = []
    while True:
        try:
            step = steps.send(answer)
        except StopIteration:
            break
        taken.append(step.what)
        answer = await doing.take(step)
    policy = Policy()
    assert doing.calls == by_rule(day, policy)
    assert wrongs(day, doing.calls, ageing=policy.ageing, ratio=policy.ratio) == []
    assert {"check_in", "walk_in", "verify", "call", "emergency", "skip", "put_back", "from_tests"} <= set(taken)
    assert {one.priority for one in day.people} & set(PriorityClass)
    states = await seeds.rows(db, "SELECT state::text, count(*) AS number FROM queue_ticket GROUP BY 1")
    assert {row["state"]: row["number"] for row in states} == {"done": len(day.people)}


async def test_control_a_call_by_arrival_alone_is_another_day(
    db: Database, client: httpx.AsyncClient, clock: Clock
) -> None:
    del db, client
    day = plan(patients=PATIENTS, rooms=ROOMS, seed=5, day=local_day(clock.opens), slot=timedelta(minutes=30))
    assert by_rule(day, Policy()) != by_rule(day, Policy(ratio=0))
