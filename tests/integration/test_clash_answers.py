"""Staff answer where a booking and an export meet: once, by the verbs of appointments, and nobody's place is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from booking.actor import Actor, ActorKind
from booking.appointments.errors import SlotFull
from booking.db import Database
from booking.errors import BookingError
from booking.exchange import answering, clashes
from booking.exchange.errors import ConflictAnswered, ConflictGone, ConflictUnknown
from scheduler.jobs import follow_orders
from tests.feeds import NOW, Hospital, book, hospital_database, nothing, row, slot_id, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
ONE = Actor(ActorKind.STAFF, id=str(UUID(int=1)))
TWO = Actor(ActorKind.STAFF, id=str(UUID(int=2)))
STANDS = "SELECT state::text, answer::text, answered_by, told_at IS NOT NULL AS told FROM conflict"
VISIT = "SELECT state::text, slot_id, version FROM appointment"
KINDS = "SELECT kind::text FROM message WHERE kind <> 'booked' AND kind::text NOT LIKE 'reminder%' ORDER BY id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
async def other(db: Database) -> AsyncIterator[Database]:
    """The database as a second process has it."""
    database = Database(db.engine.url.render_as_string(hide_password=False), pool=4)
    yield database
    await database.close()


@pytest.fixture
async def place(db: Database) -> int:
    """The hospital, with a patient at 08:00 whose time its software gives away."""
    await book(db, "08:00")
    await Hospital(db).apply(row("77", "08:00"))
    return int(await value(db, "SELECT id FROM facility WHERE code = 'BVVT'"))


async def clash(db: Database) -> int:
    return int(await value(db, "SELECT id FROM conflict"))


async def answer(db: Database, verb: str, place: int, *more: int, by: Actor = ONE) -> BookingError | None:
    """Give an answer; what it was refused with."""
    try:
        async with db.transaction() as session:
            await getattr(answering, verb)(session, place, await clash(db), *more, by=by, now=NOW)
    except BookingError as error:
        return error
    return None


async def test_the_list_shows_both_sides(db: Database, place: int) -> None:
    async with db.transaction() as session:
        [found] = await clashes.unanswered(session, place, now=NOW)
        free = await clashes.free_times(session, [found], now=NOW)
    assert (found.rows[0].key, found.rows[0].state, found.opened_at) == ("77", "state", NOW)
    assert found.practitioner
    assert found.name
    assert free[found.service_id]


async def test_a_visit_that_is_kept_stands_and_is_told_to_the_hospital_once(db: Database, place: int) -> None:
    before = await rows(db, VISIT)
    assert await answer(db, "keep", place) is None
    assert await answer(db, "keep", place) is None  # sent twice
    assert isinstance(await answer(db, "keep", place, by=TWO), ConflictAnswered)
    async with db.transaction() as session:
        [kept] = await clashes.kept(session, place, now=NOW)
    assert kept.told_at is None
    for _ in range(2):
        assert await answer(db, "told", place) is None
    assert await rows(db, STANDS) == [{"state": "settled", "answer": "kept", "answered_by": ONE.id, "told": True}]
    assert await rows(db, VISIT) == before
    assert await rows(db, KINDS) == []
    acts = "SELECT count(*) FROM audit_event WHERE action = :action"
    assert [await value(db, acts, action=f"conflict.{each}") for each in ("answer", "told")] == [1, 1]


async def test_moving_takes_the_new_place_and_sends_the_text(db: Database, place: int) -> None:
    free = await slot_id(db, "09:00")
    assert await answer(db, "move", place, free) is None
    assert await answer(db, "move", place, free) is None
    [visit] = await rows(db, VISIT)
    assert (visit["state"], visit["slot_id"]) == ("booked", free)
    assert [each["kind"] for each in await rows(db, KINDS)] == ["moved"]
    assert (await rows(db, STANDS))[0]["answer"] == "moved"


async def test_cancelling_gives_the_place_up_and_sends_the_text(db: Database, place: int) -> None:
    assert await answer(db, "cancel", place) is None
    assert await answer(db, "cancel", place) is None
    assert [each["state"] for each in await rows(db, VISIT)] == ["cancelled"]
    assert [each["kind"] for each in await rows(db, KINDS)] == ["cancelled"]


async def test_who_moves_to_a_full_time_stays_where_she_was(db: Database, place: int) -> None:
    await book(db, "09:00", number=2)
    full = await slot_id(db, "09:00")
    await run(db, "UPDATE slot SET capacity = 1, free_places = '{}' WHERE id = :id AND taken = 1", id=full)
    before = await rows(db, VISIT)
    assert isinstance(await answer(db, "move", place, full), SlotFull)
    assert await rows(db, VISIT) == before
    assert (await rows(db, STANDS))[0]["state"] == "open"


@pytest.mark.parametrize(("verb", "more"), [("keep", ()), ("move", ("09:00",)), ("cancel", ())])
async def test_what_is_over_says_so(db: Database, place: int, verb: str, more: tuple[str, ...]) -> None:
    slots = [await slot_id(db, clock) for clock in more]
    await Hospital(db).apply(nothing(), content="later")
    before = await rows(db, VISIT)
    assert isinstance(await answer(db, verb, place, *slots), ConflictGone)
    assert await rows(db, VISIT) == before


async def test_another_facilitys_clash_is_unknown(db: Database, place: int) -> None:
    for verb in ("keep", "cancel", "told"):
        assert isinstance(await answer(db, verb, place + 1), ConflictUnknown)


async def _both(db: Database, other: Database, place: int) -> list[BookingError | None]:
    first, second = await slot_id(db, "09:00"), await slot_id(db, "09:30")
    return list(
        await asyncio.gather(answer(db, "move", place, first, by=ONE), answer(other, "move", place, second, by=TWO))
    )


async def test_of_two_clerks_at_once_one_wins_and_the_other_is_told(db: Database, other: Database, place: int) -> None:
    told = await _both(db, other, place)
    assert sorted(type(each).__name__ for each in told) == ["ConflictAnswered", "NoneType"]
    [visit] = await rows(db, VISIT)
    won = "09:00" if told[0] is None else "09:30"
    assert visit["slot_id"] == await slot_id(db, won)
    assert len(await rows(db, KINDS)) == 1
    taken = "SELECT count(*) FROM slot WHERE taken > 0"
    assert await value(db, taken) == 1


async def test_control_without_the_last_look_both_clerks_move_her(
    db: Database, other: Database, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = asyncio.Barrier(2)

    async def unlooked(*_: object, **__: object) -> None:
        """No lock and no look at the answer."""

    real = answering._visit

    async def together(*given: object, **more: object) -> tuple[str, int]:
        found = await real(*given, **more)  # type: ignore[arg-type]
        await met.wait()
        return found

    monkeypatch.setattr(answering, "_answer", unlooked)
    monkeypatch.setattr(answering, "_visit", together)
    assert await _both(db, other, place) == [None, None]
    assert len(await rows(db, KINDS)) == 2


@pytest.mark.usefixtures("place")
async def test_staff_are_told_at_most_once_in_ten_minutes(db: Database) -> None:
    notices = "SELECT count(*) FROM audit_event WHERE action = 'conflict.notice'"
    await follow_orders.run(db, now=NOW)
    await book(db, "10:00", number=2)
    await Hospital(db).apply(row("77", "08:00"), row("78", "10:00"), content="later", now=NOW.replace(minute=1))
    for minute, expected in ((1, 1), (9, 1), (10, 2), (30, 2)):
        await follow_orders.run(db, now=NOW.replace(minute=minute))
        assert await value(db, notices) == expected
