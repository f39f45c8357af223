"""Our bookings to a hospital: each change told once, in numbered files that are whole, who commits late included."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.db import Database
from booking.exchange.outgoing import forgetting, restored, service
from booking.exchange.outgoing.models import OutFeed
from scheduler.outgoing import delivery
from tests.feeds import book, hospital_database, names, slot_id, two_days
from tests.hospital_sftp import hospital_sftp
from tests.postgres import Cluster
from tests.seeds import rows, run, value
from tests.telling import CHANGES_ONLY, Desk, cancel, move

pytestmark = pytest.mark.anyio

AUDIT = "SELECT actor_id, facts FROM audit_event WHERE action = 'bookings.out' ORDER BY id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    return Desk(db, tmp_path / "feeds")


@pytest.fixture
def changes(desk: Desk) -> Desk:
    """Terms that tell changes only, as a table."""
    desk.add("csv", CHANGES_ONLY)
    return desk


def told(table: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["Mã đặt khám"], row["Giờ khám"], row["Thay đổi"]) for row in table]


async def test_each_change_is_told_once_in_files_whose_numbers_have_no_gap(db: Database, changes: Desk) -> None:
    one, two = await book(db, "08:00", number=1), await book(db, "09:00", number=2)
    assert await changes.tell() == ["hen-kham-000001-changes.csv"]
    assert await changes.tell() == []  # nothing changed: no file, and no number
    await move(db, one.code, await slot_id(db, "10:00"))
    await cancel(db, two.code)
    three = await book(db, "11:00", number=3)
    assert await changes.tell() == ["hen-kham-000002-changes.csv"]
    await run(db, "UPDATE appointment SET state = 'noshow' WHERE code = :code", code=one.code)
    await run(db, "UPDATE appointment SET state = 'arrived' WHERE code = :code", code=three.code)
    assert await changes.tell() == ["hen-kham-000003-changes.csv"]
    found = [told(changes.table(f"hen-kham-00000{number}-changes.csv")) for number in (1, 2, 3)]
    assert found == [
        [(one.code, "08:00", "Mới"), (two.code, "09:00", "Mới")],
        [(two.code, "09:00", "Hủy"), (one.code, "10:00", "Đổi giờ"), (three.code, "11:00", "Mới")],
        [(one.code, "10:00", "Không đến"), (three.code, "11:00", "Sửa")],
    ]
    assert await changes.tell() == []


async def test_what_was_never_told_and_is_off_is_not_told(db: Database, changes: Desk) -> None:
    ticket = await book(db, "08:00")
    await cancel(db, ticket.code)
    assert await changes.tell() == []


async def test_a_whole_file_is_told_by_the_clock_and_after_the_changes(db: Database, desk: Desk) -> None:
    desk.add("csv")
    one = await book(db, "08:00", number=1)
    assert await desk.tell() == ["hen-kham-000001-changes.csv", "hen-kham-000002-full.csv"]
    two = await book(db, "09:00", number=2)
    await cancel(db, one.code)
    assert await desk.tell() == ["hen-kham-000003-changes.csv"]
    assert await desk.tell(timedelta(hours=5)) == ["hen-kham-000004-full.csv"]  # half past four has passed
    assert [code for code, _, _ in told(desk.table("hen-kham-000002-full.csv"))] == [one.code]
    assert [code for code, _, _ in told(desk.table("hen-kham-000004-full.csv"))] == [two.code]
    assert await desk.tell() == []


async def test_who_commits_late_is_told_late_and_not_never(db: Database, changes: Desk) -> None:
    """A booking's row is written before another's, and seen after it: a mark in time or in ids would pass it by."""
    first, last = await book(db, "08:00", number=1), await book(db, "09:00", number=2)
    await run(db, "UPDATE appointment SET state = 'held', expires_at = now() + interval '1 hour'"
              " WHERE code = :code", code=first.code)  # fmt: skip
    async with db.transaction() as late:
        await late.execute(text("UPDATE appointment SET state = 'booked' WHERE code = :code"), {"code": first.code})
        await changes.tell()  # the other transaction is under way
        mark = "SELECT max(id) FROM appointment WHERE state = 'booked'"
        seen = await value(db, mark)
    await changes.tell()
    found = [told(changes.table(name)) for name in names(changes.home / "bookings-csv")]
    assert [[code for code, _, _ in table] for table in found] == [[last.code], [first.code]]
    # Control: by a mark the late one is never found.
    by_mark = await rows(db, "SELECT code FROM appointment WHERE id > :seen AND state = 'booked'", seen=seen)
    assert first.code not in [each["code"] for each in by_mark]


async def test_only_the_facilitys_own_bookings_leave(db: Database, changes: Desk) -> None:
    mine, other = await book(db, "08:00", number=1), await book(db, "09:00", number=2)
    elsewhere = "SELECT id FROM facility WHERE code <> 'BVVT' AND NOT training LIMIT 1"
    await run(db, f"UPDATE appointment SET facility_id = ({elsewhere}) WHERE code = :code", code=other.code)
    await changes.tell()
    assert [code for code, _, _ in told(changes.table("hen-kham-000001-changes.csv"))] == [mine.code]
    await run(db, "UPDATE appointment SET facility_id = (SELECT id FROM facility WHERE code = 'BVVT')")


async def test_what_left_is_in_the_audit_and_nobody_is_named(db: Database, changes: Desk) -> None:
    await book(db, "08:00")
    await changes.tell()
    [event] = await rows(db, AUDIT)
    facts: dict[str, Any] = event["facts"]
    assert event["actor_id"] == "out:bookings-csv"
    assert (facts["number"], facts["visits"], facts["kind"], facts["personal"]) == (1, 1, "changes", [])
    data = (changes.home / "bookings-csv" / "hen-kham-000001-changes.csv").read_text()
    assert "Mẫu" not in data
    assert "0903" not in data


async def test_a_person_is_told_of_as_far_as_the_terms_say_and_a_change_of_hers_too(db: Database, desk: Desk) -> None:
    desk.add("hl7", ('["name", "birth_date", "sex", "phone"]', '["phone"]'))
    await book(db, "08:00")
    [name] = await desk.tell()
    data = (desk.home / "bookings-hl7" / name).read_text()
    assert "|0903000001" in data
    assert "Mẫu^" not in data
    said = await rows(db, "SELECT said FROM out_told")
    assert "0903" not in str(said)
    assert await desk.tell() == []
    await run(db, "UPDATE patient SET phone = (SELECT phone FROM patient LIMIT 1), ward = 'Phường 1'")
    assert await desk.tell() == []  # what she changed is not told here
    desk.add("hl7", ('["name", "birth_date", "sex", "phone"]', '["phone", "ward"]'))
    [again] = await desk.tell()
    assert "SIU^S14" in (desk.home / "bookings-hl7" / again).read_text()


class Died(BaseException):
    """A process that is no more: nothing it would have done afterwards is done."""


@pytest.mark.parametrize("moment", ["made", "laid"])
async def test_whoever_dies_between_two_steps_leaves_one_file_of_one_content(
    db: Database, changes: Desk, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Made and not laid; laid and not noted. The number stands for one content, and comes once more or not at all."""
    one = await book(db, "08:00", number=1)
    lay = delivery.lay

    def dying(folder: Path, name: str, content: bytes) -> None:
        if moment == "laid":
            lay(folder, name, content)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "lay", dying)
        with pytest.raises(Died):
            await changes.tell()
    folder = changes.home / "bookings-csv"
    before = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    two = await book(db, "09:00", number=2)
    assert await changes.tell() == ["hen-kham-000001-changes.csv", "hen-kham-000002-changes.csv"]
    found = [told(changes.table(name)) for name in names(folder)]
    assert [[code for code, _, _ in table] for table in found] == [[one.code], [two.code]]
    assert before.items() <= {path.name: path.read_bytes() for path in folder.glob("*.csv")}.items()
    assert await value(db, "SELECT count(*) FROM out_file WHERE content IS NOT NULL OR handed_at IS NULL") == 0


async def test_a_door_that_is_shut_keeps_order_and_loses_nothing(db: Database, changes: Desk) -> None:
    folder = changes.home / "bookings-csv"
    await book(db, "08:00", number=1)
    folder.write_text("a file where a folder should be")
    assert await changes.tell() == []
    assert await value(db, "SELECT problem FROM out_file") == "no_room_here"
    await book(db, "09:00", number=2)
    folder.unlink()
    assert await changes.tell() == ["hen-kham-000001-changes.csv", "hen-kham-000002-changes.csv"]
    assert await value(db, "SELECT count(problem) FROM out_file") == 0


async def test_a_half_written_file_never_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_disk)
        with pytest.raises(OSError, match="No space"):
            delivery.lay(tmp_path, "a.csv", b"whole")
    assert names(tmp_path) == []
    (tmp_path / ".a.csv.part").write_bytes(b"who")  # of one who was killed
    delivery.lay(tmp_path, "a.csv", b"whole")
    assert names(tmp_path) == ["a.csv"]
    (tmp_path / ".b.csv.part").symlink_to(tmp_path / "elsewhere")
    delivery.lay(tmp_path, "b.csv", b"whole")  # a link laid in the way is not written through
    assert names(tmp_path) == ["a.csv", "b.csv"]


async def test_two_schedulers_tell_it_once(db: Database, changes: Desk) -> None:
    other = Desk(db, changes.home)
    await book(db, "08:00")
    assert await changes.tell() == ["hen-kham-000001-changes.csv"]
    assert await other.tell() == []
    assert await value(db, "SELECT count(*) FROM out_file") == 1


async def test_a_facility_that_is_not_known_or_another_is_told_nothing(db: Database, changes: Desk) -> None:
    await book(db, "08:00")
    await changes.tell()
    other = await value(db, "SELECT code FROM facility WHERE code <> 'BVVT' AND NOT training ORDER BY id LIMIT 1")
    for code in ("NOWHERE", other):
        changes.add("csv", CHANGES_ONLY, ('facility = "BVVT"', f'facility = "{code}"'))
        assert await changes.tell() == []
    assert await value(db, "SELECT count(*) FROM out_file") == 1


async def test_wrong_terms_are_named_and_stop_nobody(
    db: Database, changes: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    (changes.home / "wrong.out.toml").write_text('code = "x"\n')
    await book(db, "08:00")
    assert await changes.tell() == ["hen-kham-000001-changes.csv"]
    assert "terms of what goes out cannot be used" in caplog.text
    caplog.clear()
    await changes.tell()
    assert "cannot be used" not in caplog.text  # told once


async def test_old_files_are_forgotten_and_numbers_go_on(db: Database, changes: Desk) -> None:
    for number, clock in ((1, "08:00"), (2, "09:00")):
        await book(db, clock, number=number)
        await changes.tell()
    async with db.transaction() as session:
        assert await forgetting.forget_files(session, now=changes.now + timedelta(days=61)) == 1
    assert [row["number"] for row in await rows(db, "SELECT number FROM out_file ORDER BY number")] == [2]
    await book(db, "11:00", number=4)
    assert await changes.tell() == ["hen-kham-000003-changes.csv"]


async def test_over_a_line_files_lie_whole_in_the_hospitals_own_folder(
    db: Database, desk: Desk, tmp_path: Path
) -> None:
    async with hospital_sftp(tmp_path / "there") as hospital:
        desk.home.mkdir()
        server = hospital.server(desk.home)
        named = "\n".join(
            f"{name} = {json.dumps(value)}" for name, value in server.model_dump(exclude_none=True).items()
        )
        desk.add("csv", CHANGES_ONLY, ('folder = "bookings-csv"\n', ""))
        with (desk.home / "csv.out.toml").open("a") as terms:
            terms.write(f"\n[sftp]\n{named}\n")
        ticket = await book(db, "08:00", number=1)
        assert await desk.tell() == ["hen-kham-000001-changes.csv"]
        folder = hospital.folder / server.folder
        assert names(folder) == ["hen-kham-000001-changes.csv"]
        assert ticket.code in (folder / "hen-kham-000001-changes.csv").read_text()
        hospital.faults.refuse_rename = True
        await book(db, "09:00", number=2)
        assert await desk.tell() == []
        assert await value(db, "SELECT problem FROM out_file WHERE number = 2") == "not_allowed"
        hospital.faults.refuse_rename = False
        (folder / "hen-kham-000002-changes.csv").write_bytes(b"theirs")
        assert await desk.tell() == []
        assert await value(db, "SELECT problem FROM out_file WHERE number = 2") == "name_taken"
        (folder / "hen-kham-000002-changes.csv").unlink()
        assert await desk.tell() == ["hen-kham-000002-changes.csv"]


async def test_two_schedulers_at_once_tell_it_once(
    db: Database, database_url: str, changes: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both look in the same moment. The control: without the lock of the feed's row both make the next number."""
    other = Desk(Database(database_url, pool=2), changes.home)
    await book(db, "08:00")
    told = await asyncio.gather(changes.tell(), other.tell())
    assert {name for names in told for name in names} == {"hen-kham-000001-changes.csv"}
    assert await value(db, "SELECT count(*) FROM out_file") == 1
    assert "could not go out" not in caplog.text
    both = asyncio.Barrier(2)

    async def unlocked(session: AsyncSession, sending: service.Sending, *, now: datetime) -> OutFeed:
        found = (await session.execute(select(OutFeed).where(col(OutFeed.feed) == sending.feed))).scalar_one()
        await asyncio.wait_for(both.wait(), 20)
        assert now.tzinfo is not None
        return found

    monkeypatch.setattr(service, "locked", unlocked)
    await book(db, "09:00", number=2)
    await asyncio.gather(changes.tell(), other.tell())
    await other.db.close()
    assert "could not go out" in caplog.text


async def test_after_a_restore_no_number_comes_twice_and_all_is_told_anew(db: Database, changes: Desk) -> None:
    ticket = await book(db, "08:00")
    await changes.tell()
    async with db.transaction() as session:
        assert await restored.begin_anew(session) == 1
    assert await changes.tell() == ["hen-kham-001002-changes.csv"]
    assert told(changes.table("hen-kham-001002-changes.csv")) == [(ticket.code, "08:00", "Mới")]
