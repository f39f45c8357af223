"""A booking that we cancelled long ago and a hospital still shows: a row as any other."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from booking.db import Database
from booking.exchange import recognising
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.recognising import OurVisit, recognise
from tests.feeds import NOW, Hospital, book, hospital_database, moment, nothing, two_days
from tests.integration.test_own_bookings import clashes, ours
from tests.postgres import Cluster
from tests.seeds import value
from tests.telling import cancel

pytestmark = pytest.mark.anyio

BEFORE = NOW - timedelta(days=4)
A_DAY = timedelta(days=1)


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def test_past_a_day_a_booking_we_cancelled_closes_where_they_still_show_it(db: Database) -> None:
    hospital = Hospital(db)
    ticket = await book(db, "08:00", now=BEFORE)
    shown = ours(ticket.code, "77", "08:00"), nothing()
    await cancel(db, ticket.code, BEFORE)
    closed = []
    for after in (timedelta(hours=1), A_DAY - timedelta(minutes=1), A_DAY, timedelta(days=3)):
        await hospital.apply(*shown, now=BEFORE + after)
        closed.append(await hospital.closed())
    assert closed == [[], [], ["08:00"], ["08:00"]]
    assert not await value(db, "SELECT bool_or(open) FROM slot JOIN slot_closure ON slot_id = slot.id")
    assert await clashes(db) == []


async def test_whoever_was_booked_there_since_is_a_clash(db: Database) -> None:
    hospital = Hospital(db)
    ticket = await book(db, "08:00", now=BEFORE)
    await cancel(db, ticket.code, BEFORE)
    await book(db, "08:00", number=2, now=BEFORE)
    await hospital.apply(ours(ticket.code, "77", "08:00"), now=BEFORE + timedelta(hours=1))
    assert await clashes(db) == []
    await hospital.apply(ours(ticket.code, "77", "08:00"), now=BEFORE + A_DAY)
    assert await clashes(db) == [("taken", "open", ["77"])]


async def test_it_closes_too_where_the_same_content_comes_again(db: Database) -> None:
    """The day is over although the hospital says nothing new; settled once, nothing more is to do."""
    hospital = Hospital(db)
    ticket = await book(db, "08:00", now=BEFORE)
    await cancel(db, ticket.code, BEFORE)
    closed = []
    for after in (timedelta(), timedelta(hours=1), A_DAY, 2 * A_DAY):
        await hospital.apply(ours(ticket.code, "77", "08:00"), nothing(), content="one", now=BEFORE + after)
        closed.append(await hospital.closed())
    assert closed == [[], [], ["08:00"], ["08:00"]]
    assert await value(db, "SELECT count(*) FROM audit_event WHERE action = 'export.apply'") == 1


def test_a_row_of_a_visit_off_for_long_is_as_it_came_wherever_it_stands() -> None:
    start, moved_from = moment("08:00"), moment("09:00")
    for unheard in (True, False):
        visit = OurVisit(
            1,
            "ABCD2345",
            1,
            False,
            False,
            start,
            moment("08:30"),
            frozenset({"chau"}),
            frozenset({moved_from}),
            unheard,
        )
        rows = {each: ours("ABCD2345", each, each) for each in ("08:00", "09:00", "10:00")}
        known = recognise(rows, {"ABCD2345": visit}, AbsenceMeaning.FULL_SNAPSHOT)
        assert [row.closes for row in known.rows.values()] == ([False, False, True] if unheard else [True] * 3)
        assert known.clashes == {}
    assert recognising.STALE_FOR == A_DAY
