"""Files of one feed wait for each other; a slip being used is not told, and one being told is called back."""

from collections.abc import Awaitable, Callable
from datetime import time, timedelta

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import system
from booking.clock import at_local
from booking.db import Database
from booking.exchange import slip_files
from booking.exchange.commands import Content
from booking.invitations import intake, matching, telling
from booking.patients.models import Patient
from tests import seeds
from tests.households import TODAY
from tests.seeds import FACILITY
from tests.slip_texts import person, slip, states, take, told, visit

pytestmark = pytest.mark.anyio

BY = system("test")
MORNING = at_local(TODAY, time(9))
USED = text("SELECT 1 FROM invitation FOR UPDATE")
"""As whoever books or takes in a file locks slips."""


async def _waits(db: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> bool:
    """Whether work in a transaction of its own would wait for a lock."""
    try:
        async with db.transaction() as session:
            await session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            await work(session)
    except DBAPIError as error:
        if "lock timeout" not in str(error):
            raise
        return True
    return False


def _content(sign: bytes) -> Content:
    return Content("x", FACILITY, "1", "x.xml", sign * 32, 1, {"read": 0, "verdict": {"kind": "apply"}})


async def test_two_files_of_a_feed_are_taken_one_after_the_other(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await seeds.seed(db)

    async def another(session: AsyncSession) -> None:
        assert not (await slip_files.begin(session, _content(b"b"), now=MORNING)).done

    async with db.transaction() as session:
        await slip_files.begin(session, _content(b"a"), now=MORNING)
        assert await _waits(db, another)
        monkeypatch.setattr(slip_files, "_ALONE", select(1))
        assert not await _waits(db, another), "the control: without the lock nobody waits"


async def test_the_same_content_is_taken_by_one_scheduler_only(db: Database) -> None:
    await seeds.seed(db)
    for done in (False, True):
        async with db.transaction() as session:
            begun = await slip_files.begin(session, _content(b"a"), now=MORNING)
            assert begun.done is done
            if not done:
                await slip_files.finish(session, _content(b"a"), begun, {}, by=BY, now=MORNING)


async def test_a_slip_that_is_being_used_is_not_told(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    async with db.transaction() as using:
        await using.execute(USED)
        async with db.transaction() as session:
            assert await telling.tell(session, by=BY, now=MORNING) == 0
    assert await told(db) == 1, "the control: let go of, it is"


async def test_who_books_while_she_is_told_waits_and_calls_the_text_back(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip(due=world.day, service=None))

    async def use(session: AsyncSession) -> None:
        patient = (await session.execute(select(Patient).order_by(col(Patient.id)))).scalars().one()
        assert len(await matching.of_patient(session, patient, today=TODAY, lock=True)) == 1

    async with db.transaction() as session:
        assert await telling.tell(session, by=BY, now=MORNING) == 1
        assert await _waits(db, use)
    assert not await _waits(db, use)
    await visit(client, world, world.slots[0])
    assert await states(db) == ["superseded"]


async def test_a_correction_waits_for_the_text_and_calls_it_back(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    later = slip(due=TODAY + timedelta(days=6))

    async def correct(session: AsyncSession) -> None:
        await intake.take(session, [later], by=BY, now=MORNING)

    async with db.transaction() as session:
        assert await telling.tell(session, by=BY, now=MORNING) == 1
        assert await _waits(db, correct)
    assert not await _waits(db, correct)
    assert await states(db) == ["superseded"]
