"""What staff answered to a clash holds for what they answered, and for nothing that comes after it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from booking.db import Database
from booking.exchange import answering, conflicts, queries
from tests.feeds import BY, NOW, Hospital, book, hospital_database, nothing, row, slot_id, two_days
from tests.integration.test_own_bookings import ours
from tests.postgres import Cluster
from tests.seeds import rows, run
from tests.telling import move

pytestmark = pytest.mark.anyio

LATER = NOW + timedelta(hours=1)
CLASHES = "SELECT id, facility_id, kind, state, answer, answered_by, told_at, row_keys, opened_at FROM conflict"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db)


async def clash(db: Database) -> dict[str, Any]:
    [found] = await rows(db, CLASHES)
    return dict(found)


async def short(db: Database) -> tuple[str, str, list[str]]:
    found = await clash(db)
    return found["kind"], found["state"], found["row_keys"]


async def keep(db: Database) -> None:
    """Staff let the visit stand, and tell the hospital."""
    found = await clash(db)
    async with db.transaction() as session:
        await answering.keep(session, found["facility_id"], found["id"], by=BY, now=NOW)
        await answering.told(session, found["facility_id"], found["id"], by=BY, now=NOW)


async def settled(db: Database) -> bool:
    """Whether no job finds anything to do about clashes."""
    async with db.transaction() as session:
        return await queries.feeds_with_new_clashes(session, now=LATER) == []


async def test_kept_beside_the_same_row_it_stays_answered(db: Database, hospital: Hospital) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await keep(db)
    for sent in ([row("1", "07:45", "08:30"), row("2", "10:00")], [row("1", "08:00")]):
        done = await hospital.apply(*sent, now=LATER)
        assert (done.counts.conflicts, done.counts.ended) == (0, 0)
        assert await short(db) == ("taken", "settled", ["1"])
    assert (await clash(db))["answer"] == "kept"
    assert await settled(db)


async def test_kept_and_parted_it_is_gone_and_the_next_row_is_asked_about(db: Database, hospital: Hospital) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await keep(db)
    await hospital.apply(nothing())
    assert await short(db) == ("taken", "gone", ["1"])
    done = await hospital.apply(row("99", "08:00"), now=LATER)
    assert done.counts.conflicts == 1
    found = await clash(db)
    assert (found["state"], found["row_keys"], found["opened_at"]) == ("open", ["99"], LATER)
    assert [found[name] for name in ("answer", "answered_by", "told_at")] == [None, None, None]
    assert await settled(db)


@pytest.mark.parametrize("beside", [True, False])
async def test_kept_and_another_row_in_the_same_file_it_is_asked_anew(
    db: Database, hospital: Hospital, *, beside: bool
) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await keep(db)
    first = [row("1", "08:00")] if beside else []
    done = await hospital.apply(*first, row("99", "08:00"), now=LATER)
    assert done.counts.conflicts == 1
    assert await short(db) == ("taken", "open", ["1", "99"] if beside else ["99"])
    assert (await clash(db))["answer"] is None


async def test_control_without_the_comparison_nobody_is_asked_about_the_second_patient(
    db: Database, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicts, "_still_answered", lambda _row, _said: True)
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await keep(db)
    assert (await hospital.apply(row("99", "08:00"), now=LATER)).counts.conflicts == 0


async def test_called_off_there_and_kept_then_given_to_another_it_is_taken(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    off = ours(ticket.code, "1", "08:00", closes=False)
    await hospital.apply(off, nothing())
    assert await short(db) == ("released", "open", ["1"])
    await keep(db)
    await hospital.apply(off, nothing(), row("2", "10:00"))
    assert await short(db) == ("released", "settled", ["1"])
    done = await hospital.apply(off, row("99", "08:00"), now=LATER)
    assert done.counts.conflicts == 1
    assert await short(db) == ("taken", "open", ["1", "99"])
    assert await settled(db)


async def test_an_open_clash_shows_the_rows_of_the_newest_file(db: Database, hospital: Hospital) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    done = await hospital.apply(row("99", "08:00"), now=LATER)
    assert done.counts.conflicts == 0
    assert await short(db) == ("taken", "open", ["99"])
    assert (await clash(db))["opened_at"] == NOW


async def test_a_row_that_stands_twice_for_a_while_is_the_row_that_was_answered(
    db: Database, hospital: Hospital
) -> None:
    await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await run(db, "UPDATE conflict SET row_keys = CAST(:keys AS jsonb)", keys='["1\\u001fchau@2026-11-23T01:00Z"]')
    await keep(db)
    assert (await hospital.apply(row("1", "08:00"), row("2", "10:00"), now=LATER)).counts.conflicts == 0


async def test_who_was_moved_away_and_comes_back_is_asked_about(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    found, target = await clash(db), await slot_id(db, "10:00")
    place, number = found["facility_id"], found["id"]
    async with db.transaction() as session:
        await answering.move(session, place, number, target, by=BY, now=NOW)
    await hospital.apply(nothing())
    assert (await short(db))[1] == "gone"
    async with db.transaction() as session:  # the same answer sent once more is no error
        await answering.move(session, place, number, target, by=BY, now=NOW)
    await move(db, ticket.code, await slot_id(db, "08:00"))
    await hospital.apply(row("1", "08:00"), now=LATER)
    assert (await short(db))[1] == "open"


async def test_who_is_asked_to_choose_stays_on_the_list_until_she_has(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(row("1", "08:00"))
    await run(db, "UPDATE conflict SET state = 'settled', answer = 'asked'")
    for sent in (nothing(), row("99", "08:00")):
        assert (await hospital.apply(sent, now=LATER)).counts.conflicts == 0
        assert (await short(db))[1] == "settled"
    await move(db, ticket.code, await slot_id(db, "10:00"))
    await hospital.apply(row("99", "08:00"), row("2", "11:00"), now=LATER)
    assert (await short(db))[1] == "gone"
