"""Our own bookings come back in a hospital's export: known again, counted once, and asked about where they differ."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange import our_visits, queries
from booking.exchange.commands import ApplyExport
from booking.exchange.guarding import Signs
from booking.exchange.recognising import Known
from booking.exchange.rules import StagedRow
from tests.feeds import NOW, Folders, Hospital, book, hospital_database, names, nothing, row, slot_id, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value
from tests.telling import cancel, move

pytestmark = pytest.mark.anyio

CLASHES = "SELECT kind, state, row_keys FROM conflict ORDER BY id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def hospital(db: Database) -> Hospital:
    return Hospital(db)


def ours(code: str, key: str, start: str, end: str | None = None, *, closes: bool = True, day: int = 23) -> StagedRow:
    """A row that carries our code back."""
    return replace(row(key, start, end, closes=closes, day=day), our_code=code)


async def clashes(db: Database) -> list[tuple[str, str, list[str]]]:
    return [(each["kind"], each["state"], each["row_keys"]) for each in await rows(db, CLASHES)]


def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known again."""
    monkeypatch.setattr(queries, "recognise", lambda kept, _ours, _meaning: Known(kept))


async def three_places(db: Database, clock: str) -> int:
    """A time of ours with three places; its slot."""
    slot = await slot_id(db, clock)
    await run(db, "UPDATE slot SET capacity = 3, free_places = '{1,2,3}' WHERE id = :id", id=slot)
    return slot


async def test_our_booking_at_its_own_time_takes_no_second_place(db: Database, hospital: Hospital) -> None:
    slot = await three_places(db, "08:00")
    ticket = await book(db, "08:00", number=1)
    done = await hospital.apply(ours(ticket.code, "77", "08:00"), row("78", "10:00"))
    assert (done.counts.own, done.counts.conflicts, done.counts.closed) == (1, 0, 1)
    assert await hospital.closed() == ["10:00"]
    assert await clashes(db) == []
    await book(db, "08:00", number=2)  # the other places are still there
    assert await value(db, "SELECT taken FROM slot WHERE id = :id", id=slot) == 2


async def test_control_without_recognition_it_is_counted_twice(
    db: Database, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_places(db, "08:00")
    ticket = await book(db, "08:00")
    blind(monkeypatch)
    done = await hospital.apply(ours(ticket.code, "77", "08:00"), row("78", "10:00"))
    assert (done.counts.own, done.counts.conflicts, done.counts.closed) == (0, 1, 2)
    assert await hospital.closed() == ["08:00", "10:00"]


async def test_somebody_elses_row_at_that_time_is_a_clash_as_ever(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(ours(ticket.code, "77", "08:00"), row("78", "08:00"))
    assert await clashes(db) == [("taken", "open", ["78"])]


async def test_one_code_stands_for_one_row_a_copy_takes_its_time(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    done = await hospital.apply(ours(ticket.code, "77", "08:00"), ours(ticket.code, "78", "08:00"))
    assert (done.counts.own, done.counts.conflicts) == (1, 1)


async def test_what_reaches_beyond_our_own_time_is_taken(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(ours(ticket.code, "77", "08:00", "09:00"))
    assert await hospital.closed() == ["08:30"]
    assert await clashes(db) == []


async def test_a_code_of_nobody_or_of_another_facility_is_no_booking_of_ours(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    elsewhere = "SELECT id FROM facility WHERE code <> 'BVVT' AND NOT training LIMIT 1"
    await run(db, f"UPDATE appointment SET facility_id = ({elsewhere})")
    done = await hospital.apply(ours(ticket.code, "1", "08:00"), ours("NOBODYS1", "2", "09:00"))
    assert (done.counts.own, done.counts.closed) == (0, 2)
    await run(db, "UPDATE appointment SET facility_id = (SELECT id FROM facility WHERE code = 'BVVT')")


async def test_moved_at_their_side_it_is_a_clash_with_both_sides_until_it_is_back(
    db: Database, hospital: Hospital
) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(ours(ticket.code, "77", "08:00"))
    await hospital.apply(ours(ticket.code, "77", "10:00"))
    assert await clashes(db) == [("moved", "open", ["77"])]
    assert await hospital.closed() == ["10:00"]  # given to our patient there: nobody else gets it
    assert await queries_settled(db)
    await hospital.apply(ours(ticket.code, "77", "08:00"))
    assert await clashes(db) == [("moved", "gone", ["77"])]
    assert await hospital.closed() == []


async def queries_settled(db: Database) -> bool:
    """Whether no job finds a clash that is not as it should be."""
    async with db.transaction() as session:
        return await queries.feeds_with_new_clashes(session, now=NOW) == []


async def test_called_off_at_their_side_it_is_a_clash(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(ours(ticket.code, "77", "08:00"))
    await hospital.apply(ours(ticket.code, "77", "08:00", closes=False), row("9", "10:00"))
    assert await clashes(db) == [("released", "open", ["77"])]
    await cancel(db, ticket.code)
    await hospital.apply(ours(ticket.code, "77", "08:00", closes=False), row("9", "10:00"))
    assert await clashes(db) == [("released", "gone", ["77"])]


async def test_our_row_that_is_absent_later_says_nothing(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00")
    await hospital.apply(ours(ticket.code, "77", "08:00"), row("78", "10:00"))
    done = await hospital.apply(row("78", "10:00"))
    assert (done.counts.dropped, done.counts.conflicts) == (1, 0)
    assert await clashes(db) == []


async def test_unless_the_feed_says_that_its_snapshots_have_ours(db: Database) -> None:
    ticket = await book(db, "08:00")
    never = await book(db, "09:00", number=2)
    listed = Listed(db)
    await listed.apply(ours(ticket.code, "77", "08:00"), row("78", "10:00"))
    await listed.apply(row("78", "10:00"))
    await listed.apply(row("78", "10:00"), row("79", "11:00"))  # and it stays so, file after file
    assert await clashes(db) == [("missing", "open", [])]
    assert await queries_settled(db)
    await listed.apply(ours(ticket.code, "77", "08:00"), row("78", "10:00"))
    assert await clashes(db) == [("missing", "gone", [])]
    assert never.code  # what they never had is not missed


class Listed(Hospital):
    """A hospital whose snapshots have our bookings too."""

    def command(self, *given: StagedRow, content: str | None = None, signs: Signs | None = None) -> ApplyExport:
        """A file with these rows."""
        made = super().command(*given, content=content, signs=signs)
        return replace(made, terms=replace(made.terms, ours_listed=True))


async def test_a_hospital_that_has_not_heard_of_our_move_yet_clashes_with_nobody(
    db: Database, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await book(db, "08:00", number=1)
    await hospital.apply(ours(ticket.code, "77", "08:00"))
    await move(db, ticket.code, await slot_id(db, "10:00"))
    await book(db, "08:00", number=2)  # somebody else has the old time by now
    await hospital.apply(ours(ticket.code, "77", "08:00"), row("9", "11:00"))
    assert await clashes(db) == []
    monkeypatch.setattr(our_visits, "STALE_FOR", timedelta())  # a day later
    await hospital.apply(ours(ticket.code, "77", "08:00"), nothing())
    assert sorted(kind for kind, _, _ in await clashes(db)) == ["moved", "taken"]  # it never heard


async def test_a_booking_we_cancelled_takes_no_time_where_they_still_show_it(db: Database, hospital: Hospital) -> None:
    ticket = await book(db, "08:00", number=1)
    await hospital.apply(ours(ticket.code, "77", "08:00"))
    await cancel(db, ticket.code)
    await hospital.apply(ours(ticket.code, "77", "08:00"), row("9", "11:00"))
    assert await hospital.closed() == ["11:00"]
    await book(db, "08:00", number=2)
    assert await clashes(db) == []


PEOPLE = """
code = "people"
facility = "BVVT"
[source]
format = "csv"
folder = "people"
[columns]
start = "Start"
phone = "Phone"
citizen_id = "CCCD"
[columns.resource]
doctor = "Doctor"
[times]
formats = ["%d/%m/%Y %H:%M"]
zone = "Asia/Ho_Chi_Minh"
[absence]
meaning = "busy_list"
[guards]
unmapped = 1
outside_hours = 1
[resources.chau]
keys = ["Dr Chau"]
slot_minutes = 30
"""


async def read(db: Database, folders: Folders, name: str, *lines: str) -> None:
    """Drop a file of people into the folder, and let the job read it."""
    drop = folders.write("people", PEOPLE)
    (drop / f"{name}.csv").write_text("\n".join(["Start,Doctor,Phone,CCCD", *lines, ""]))
    [outcome] = await folders.look(db)
    assert outcome.where == "done"


async def test_without_a_code_resource_time_and_telephone_tell(db: Database, tmp_path: Path) -> None:
    ticket = await book(db, "08:00", number=1)
    folders = Folders(tmp_path / "feeds")
    await read(db, folders, "a", "23/11/2026 08:00,Dr Chau,84 903.000.001,", "23/11/2026 09:00,Dr Chau,0903000077,")
    assert await clashes(db) == []
    kept = await rows(db, "SELECT our_code, feed_row::text AS whole FROM feed_row ORDER BY starts_at")
    assert [each["our_code"] for each in kept] == [ticket.code, None]
    assert not [each for each in kept if "9030000" in each["whole"]]
    report = await value(db, "SELECT report FROM feed_file")
    assert report["ours"] == 1
    assert "903000" not in str(report)


async def test_another_telephone_or_another_time_is_somebody_else(db: Database, tmp_path: Path) -> None:
    await book(db, "08:00", number=1)
    folders = Folders(tmp_path / "feeds")
    await read(db, folders, "a", "23/11/2026 08:00,Dr Chau,0903000002,", "23/11/2026 09:00,Dr Chau,0903000001,")
    assert await clashes(db) == [("taken", "open", ["chau@2026-11-23T01:00Z"])]
    assert await rows(db, "SELECT our_code FROM feed_row WHERE our_code IS NOT NULL") == []


async def test_of_a_family_under_one_telephone_each_row_is_one_of_them(db: Database, tmp_path: Path) -> None:
    await three_places(db, "08:00")
    await book(db, "08:00", number=1)
    await book(db, "08:00", number=2)
    await run(db, "UPDATE patient SET phone = (SELECT phone FROM patient ORDER BY id LIMIT 1)")
    folders, line = Folders(tmp_path / "feeds"), "23/11/2026 08:00,Dr Chau,0903000001,"
    await read(db, folders, "a", line, line)
    assert await clashes(db) == []
    await read(db, folders, "b", line, line, line)  # the third is nobody of ours
    assert [kind for kind, _, _ in await clashes(db)] == ["taken", "taken"]
    assert names(tmp_path / "feeds" / "people") == []
