"""A morning at the sample facility, fed through the product's own verbs, at times of the test's choosing.

morning = await queues.make(db, client, clock)      # opens at 07:30 on its own day, slots of 15 minutes
visit = await morning.booked(slot=0, number=1)      # booked the day before
clock.set(5)                                        # 07:35
ticket = await morning.check_in(visit)
called = await morning.call(room="P1")
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock as booking_clock
from booking import ids
from booking.actor import Actor, ActorKind
from booking.clock import at_local, local_day
from booking.db import Database
from booking.directory.models import Room
from booking.patients.kinds import PriorityClass
from booking.queue import commands, service
from booking.queue.views import TicketView
from tests import asking, people, seeds
from tests.seeds import FACILITY, SERVICE, World

CLERK = Actor(ActorKind.STAFF, id="clerk-mau", address="127.0.0.1")
LENGTH = timedelta(minutes=15)


@dataclass
class Clock:
    """What the product takes for the time. `set(5)` is five minutes after the session opens."""

    opens: datetime
    moment: datetime

    def set(self, minutes: float) -> datetime:
        """Go to a minute of the session; negative ones are before it opens."""
        self.moment = self.opens + timedelta(minutes=minutes)
        return self.moment

    def now(self) -> datetime:
        """Stands in for booking.clock.utc_now."""
        return self.moment


def new_clock() -> Clock:
    """A clock that shows the day before a session that opens at 07:30."""
    opens = at_local(local_day(booking_clock.utc_now()) + timedelta(days=1), time(7, 30))
    return Clock(opens, opens - timedelta(days=1))


@dataclass
class Morning:
    """The session, and the desk's hands."""

    db: Database
    client: httpx.AsyncClient
    clock: Clock
    world: World
    tickets: list[TicketView] = field(default_factory=list)

    async def booked(self, slot: int, number: int) -> dict[str, Any]:
        """The sample patient of a number booked the day before; the ticket as JSON: code, token, link."""
        kept, self.clock.moment = self.clock.moment, self.clock.opens - timedelta(days=1)
        body = self.world.booking(self.world.slots[slot], people.patient(number))
        headers = asking.new_key() | {"Henkham-Device": f"device-{number:06d}"}
        answer = await self.client.post(asking.BOOK, json=body, headers=headers)
        self.clock.moment = kept
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def check_in(self, visit: dict[str, Any]) -> TicketView:
        """The patient has come."""
        return await self._do(service.check_in, commands.CheckIn(facility=FACILITY, code=visit["code"]))

    async def walk_in(self, ticket: UUID | None = None, room: str | None = None) -> TicketView:
        """Somebody came without booking."""
        command = commands.WalkIn(facility=FACILITY, service=SERVICE, ticket=ticket or ids.public_id(), room=room)
        return await self._do(service.walk_in, command)

    async def call(self, room: str | None = None) -> TicketView:
        """Whoever is next."""
        return await self._do(service.call_next, commands.CallNext(facility=FACILITY, service=SERVICE, room=room))

    async def step(self, name: str, ticket: TicketView, **more: Any) -> TicketView:
        """One of the steps of a ticket: `finish`, `skip`, ..."""
        kind = getattr(commands, "".join(part.capitalize() for part in name.split("_")))
        return await self._do(getattr(service, name), kind(facility=FACILITY, ticket=ticket.public_id, **more))

    async def verify(self, ticket: TicketView, priority: PriorityClass | None) -> TicketView:
        """Staff saw a paper."""
        return await self.step("verify_priority", ticket, priority=priority, reason="giấy tờ")

    async def late(self, minutes: int) -> None:
        """The session runs late, staff say."""
        async with self.db.transaction() as session:
            command = commands.SayLate(facility=FACILITY, service=SERVICE, minutes=minutes)
            await service.say_late(session, command, by=CLERK, now=self.clock.moment)

    async def served(self, minutes: float, room: str | None = None) -> TicketView:
        """The next one is called, seen for so many minutes, and goes."""
        called = await self.call(room)
        self.clock.moment += timedelta(minutes=minutes)
        return await self.step("finish", called)

    async def _do(self, verb: Any, command: Any) -> TicketView:
        async with self.db.transaction() as session:
            made: TicketView = await verb(session, command, by=CLERK, now=self.clock.moment)
        return made


async def make(
    db: Database, client: httpx.AsyncClient, clock: Clock, *, slots: int = 4, capacity: int = 3, rooms: int = 2
) -> Morning:
    """The sample facility with one session and rooms P1, P2, ..."""
    world = await seeds.seed(db, capacities=[])
    world.day = local_day(clock.opens)
    await seeds.run(
        db, "UPDATE session SET day = :day, starts_at = :starts, ends_at = :ends WHERE id = :id",
        day=world.day, starts=clock.opens, ends=clock.opens + timedelta(hours=4), id=world.session_id,
    )  # fmt: skip
    for index in range(slots):
        await seeds.add_slot(db, world, capacity=capacity, starts_at=clock.opens + LENGTH * index)
    async with db.transaction() as session:
        _add_rooms(session, world, rooms)
    return Morning(db, client, clock, world)


def _add_rooms(session: AsyncSession, world: World, number: int) -> None:
    session.add_all(
        Room(facility_id=world.facility_id, code=f"P{index}", name=f"Phòng số {index}")
        for index in range(1, number + 1)
    )
