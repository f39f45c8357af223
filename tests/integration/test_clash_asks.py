"""A clash with the hospital's software: the patient is asked to choose another time, and does, or not, or need not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments.calling import queries as calls
from booking.appointments.closing import answering as choosing
from booking.appointments.closing import queries as closings
from booking.appointments.closing.commands import Span
from booking.appointments.closing.errors import ClosingRefused, NotAsked
from booking.appointments.closing.kinds import ClosingScope
from booking.appointments.closing.service import area_of
from booking.appointments.closing.service import end as ending
from booking.db import Database
from booking.errors import BookingError
from booking.exchange import answering, clashes
from booking.exchange.errors import ConflictAnswered, ConflictGone, ConflictUnknown
from booking.messages.kinds import MessageKind
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.sealed import keys
from scheduler.jobs import apply_closures, plan_reminders
from tests.feeds import NOW, Hospital, book, hospital_database, nothing, row, slot_id, two_days
from tests.outbox import BASE
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
CLERK, OTHER = (Actor(ActorKind.STAFF, id=str(UUID(int=number))) for number in (1, 2))
PATIENT = Actor(ActorKind.ANYONE)
KINDS = "SELECT kind::text, state::text, version FROM message WHERE kind <> 'booked' OR version > 1 ORDER BY id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
async def place(db: Database) -> int:
    """The hospital, with a patient at 08:00 whose time its software gives away."""
    await book(db, "08:00")
    await Hospital(db).apply(row("77", "08:00"))
    return int(await value(db, "SELECT id FROM facility WHERE code = 'BVVT'"))


async def _answer(db: Database, verb: str, place: int, *, by: Actor = CLERK) -> BookingError | None:
    """Give an answer; what it was refused with."""
    clash = int(await value(db, "SELECT id FROM conflict"))
    try:
        async with db.transaction() as session:
            await getattr(answering, verb)(session, place, clash, by=by, now=NOW)
    except BookingError as error:
        return error
    return None


async def _visit(db: Database) -> dict[str, Any]:
    query = "SELECT id, code, public_id, token_version, state::text, slot_id, version FROM appointment"
    (found,) = await rows(db, query)
    return found


async def test_she_is_asked_once_and_keeps_her_place(db: Database, place: int) -> None:
    before = await _visit(db)
    assert await _answer(db, "ask", place) is None
    assert await _answer(db, "ask", place) is None  # sent twice
    assert isinstance(await _answer(db, "ask", place, by=OTHER), ConflictAnswered)
    after = await _visit(db)
    assert (after["state"], after["slot_id"], after["version"]) == ("booked", before["slot_id"], 2)
    assert await rows(db, KINDS) == [{"kind": "conflict", "state": "due", "version": 2}]
    assert await value(db, "SELECT answer::text FROM conflict") == "asked"
    async with db.transaction() as session:
        (asked,) = await clashes.asked(session, place, now=NOW)
        assert await clashes.unanswered(session, place, now=NOW) == []
        assert await closings.listed(session, place) == []  # nothing is closed but her time, and that by the import
    assert asked.code == after["code"]


async def test_the_text_says_that_the_time_cannot_be_kept_and_leads_to_others(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    async with db.transaction() as session:
        query = select(Message).where(col(Message.kind) == MessageKind.CONFLICT)
        message = (await session.execute(query)).scalar_one()
    assert "trung lich 08:00" in body_of(message, base_url=BASE)
    assert "Chon gio khac: https://" in body_of(message, base_url=BASE)


async def _choose(db: Database, slot: int) -> None:
    visit = await _visit(db)
    token = keys().link_token(str(visit["public_id"]), visit["token_version"])
    async with db.transaction() as session:
        await choosing.choose(session, visit["code"], token, slot, by=PATIENT, now=NOW)


async def test_she_chooses_behind_the_link_and_the_question_is_over(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    free = await slot_id(db, "09:00")
    await _choose(db, free)
    visit = await _visit(db)
    assert (visit["state"], visit["slot_id"]) == ("booked", free)
    assert [each["kind"] for each in await rows(db, KINDS)] == ["conflict", "moved"]
    assert await value(db, "SELECT state::text FROM message WHERE kind = 'conflict'") == "superseded"
    async with db.transaction() as session:
        assert await clashes.asked(session, place, now=NOW) == []
    assert isinstance(await _answer(db, "keep_after_all", place), ConflictGone)


async def test_who_does_not_answer_in_time_is_telephoned(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    await run(db, "UPDATE message SET state = 'delivered'")
    by = await value(db, "SELECT answer_by FROM closing_visit")
    async with db.transaction() as session:
        assert await calls.to_call(session, place, now=by - timedelta(minutes=1)) == []
        (call,) = await calls.to_call(session, place, now=by + timedelta(minutes=1))
    assert (call.why, call.asked) == ("unanswered", True)


async def test_nothing_reminds_her_of_a_time_that_cannot_be_kept(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    await plan_reminders.run(db)
    assert await value(db, "SELECT count(*) FROM message WHERE kind::text LIKE 'reminder%'") == 0


async def test_the_time_is_kept_after_all_and_she_is_told(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    await run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'conflict'")
    assert await _answer(db, "keep_after_all", place) is None
    assert await _answer(db, "keep_after_all", place) is None  # sent twice
    await apply_closures.reach_on(db, now=NOW)
    assert [each["kind"] for each in await rows(db, KINDS)] == ["conflict", "booked"]
    visit = await _visit(db)
    assert (visit["state"], visit["slot_id"], visit["version"]) == ("booked", await slot_id(db, "08:00"), 3)
    async with db.transaction() as session:
        (kept,) = await clashes.kept(session, place, now=NOW)  # the hospital is still to be told
    assert kept.told_at is None


async def test_a_question_that_was_ended_on_its_own_page_is_kept_too(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    async with db.transaction() as session:
        closing = await closings.held(session, await value(db, "SELECT public_id FROM closing"), place)
        await ending(session, closing, by=CLERK, now=NOW)
    assert await _answer(db, "keep_after_all", place) is None
    assert await value(db, "SELECT answer::text FROM conflict") == "kept"


async def test_nobody_is_asked_who_was_not(db: Database, place: int) -> None:
    assert isinstance(await _answer(db, "keep_after_all", place), ConflictUnknown)
    assert isinstance(await _answer(db, "ask", place + 1), ConflictUnknown)
    await Hospital(db).apply(nothing(), content="later")
    assert isinstance(await _answer(db, "ask", place), ConflictGone)
    assert await rows(db, KINDS) == []


async def test_asking_one_closes_no_time_of_others(db: Database, place: int) -> None:
    open_slots = "SELECT count(*) FROM slot WHERE open"
    before = await value(db, open_slots)
    await _answer(db, "ask", place)
    await apply_closures.reach_on(db, now=NOW)
    await apply_closures.run(db, now=NOW)
    assert await value(db, open_slots) == before


async def test_staff_make_no_such_closing_by_a_form(db: Database, place: int) -> None:
    span = Span(scope=ClosingScope.VISIT, starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    async with db.transaction() as session:
        with pytest.raises(ClosingRefused):
            await area_of(session, place, span, now=NOW)


async def test_another_closing_asks_already_so_she_is_not_asked_twice(db: Database, place: int) -> None:
    await _answer(db, "ask", place)
    await run(db, "UPDATE conflict SET state = 'open', answer = NULL, answered_by = NULL, ended_at = NULL")
    assert await _answer(db, "ask", place) is None
    assert [each["kind"] for each in await rows(db, KINDS)] == ["conflict"]
    await run(db, "UPDATE closing SET scope = 'facility'")
    assert isinstance(await _answer(db, "keep_after_all", place), NotAsked)
