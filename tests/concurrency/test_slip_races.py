"""“I will not come” against a move, a cancellation, an arrival and somebody who wants the place, all at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments import attending, changing, service, visiting
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.appointments.errors import NotChangeable
from booking.appointments.models import Appointment
from booking.availability.models import Slot
from booking.clock import utc_now
from booking.db import Database
from booking.directory.models import Facility, Service
from booking.errors import BookingError, Conflict
from booking.main import create_app
from booking.settings import load
from tests import asking, seeds
from tests.conftest import environment
from tests.postgres import Cluster
from tests.races import FULL, NETS, judge_invariants, loose_database
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio
ROUNDS = 40 if FULL else 6
BY = Actor(ActorKind.ANYONE)

Work = Callable[[AsyncSession], Awaitable[Any]]


def verbs(world: World, code: str, token: str) -> dict[str, Work]:
    """Everything that may happen to a visit at one moment."""
    now = utc_now()

    async def arrive(session: AsyncSession) -> None:
        await visiting.arrive(session, await visiting.visit_at(session, code, facility=FACILITY), by=BY, now=now)

    def move(slot: int) -> Work:
        return lambda session: service.reschedule(
            session, code, token, RescheduleAppointment(slot=slot), by=BY, now=now, per_phone=10_000
        )

    return {
        "decline": lambda session: attending.decline(session, code, token, by=BY, now=now),
        "decline again": lambda session: attending.decline(session, code, token, by=BY, now=now),
        "cancel": lambda session: service.cancel(session, code, token, CancelAppointment(), by=BY, now=now),
        "move on": move(world.slots[-1]),
        "move back": move(world.slots[0]),
        "arrive": arrive,
        "confirm": lambda session: attending.confirm(session, code, token, version=1, by=BY, now=now),
    }


async def done(db: Database, work: Work) -> BookingError | None:
    """Do one thing in a transaction of its own; the refusal, if it was refused."""
    try:
        async with db.transaction() as session:
            await work(session)
    except BookingError as refused:
        return refused
    return None


async def judge(db: Database, code: str, answers: dict[str, BookingError | None]) -> str:
    """One truth came of it, the places fit it, and the patient was told of it once; the state."""
    (row,) = await seeds.rows(db, "SELECT state::text, public_id FROM appointment WHERE code = :code", code=code)
    told = await seeds.value(
        db, "SELECT count(*) FROM message WHERE subject_id = :id AND kind = 'cancelled'", id=row["public_id"]
    )
    ended = await seeds.value(
        db,
        "SELECT count(*) FROM audit_event WHERE object_id = :id"
        " AND action IN ('appointment.decline', 'appointment.cancel')",
        id=str(row["public_id"]),
    )
    gone = row["state"] == "cancelled"
    assert (told, ended) == ((1, 1) if gone else (0, 0))
    assert row["state"] in ("cancelled", "arrived")
    for name in ("decline", "decline again", "cancel"):
        assert isinstance(answers[name], NotChangeable) is not gone, name
    assert isinstance(answers["arrive"], NotChangeable) is gone
    assert isinstance(answers["confirm"], Conflict | None)
    held = await seeds.value(db, "SELECT count(*) FROM appointment WHERE state NOT IN ('cancelled', 'lapsed')")
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == held
    await judge_invariants(db)
    return str(row["state"])


async def test_whoever_comes_first_the_place_is_held_once_or_free_once(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[ROUNDS, ROUNDS])
    for number in range(ROUNDS):
        made = (await asking.book(client, world, world.slots[0], number + 1)).json()
        works = verbs(world, made["code"], made["token"])
        order = list(works)[number % len(works) :] + list(works)[: number % len(works)]
        answers = await asyncio.gather(*(done(db, works[name]) for name in order))
        await judge(db, made["code"], dict(zip(order, answers, strict=True)))
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await seeds.value(db, deadlocks) == 0


async def test_two_who_decline_without_the_locks_free_one_place_twice(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same verb, reading the visit without locking it."""
    both_have_read = asyncio.Barrier(2)

    async def unlocked(session: AsyncSession, code: str, *_: object, **__: object) -> changing.Change:
        found = select(Appointment, Service, Facility, Slot).where(
            col(Appointment.code) == code,
            col(Service.id) == col(Appointment.service_id),
            col(Facility.id) == col(Appointment.facility_id),
            col(Slot.id) == col(Appointment.slot_id),
        )
        visit, of, at, slot = (await session.execute(found)).one()
        await both_have_read.wait()
        return changing.Change(visit, of, at, {visit.slot_id: slot})

    monkeypatch.setattr(changing, "locked", unlocked)
    async with loose_database(cluster, *NETS) as (url, db):
        world = await seeds.seed(db, capacities=[1])
        app = create_app(load(environment(url)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
            made = (await asking.book(client, world, world.slots[0])).json()
        await app.state.db.close()
        decline = verbs(world, made["code"], made["token"])["decline"]
        await asyncio.gather(done(db, decline), done(db, decline))
        with pytest.raises(AssertionError, match="taken"):
            await judge_invariants(db)
