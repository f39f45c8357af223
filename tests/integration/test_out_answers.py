"""Answers of a hospital's software: kept beside what was told, shown at the desk, moved away once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking.db import Database
from booking.exchange.outgoing import showing
from tests.feeds import book, hospital_database, names, slot_id, two_days
from tests.outgoing import MSH
from tests.postgres import Cluster
from tests.seeds import rows, value
from tests.telling import Desk, move

pytestmark = pytest.mark.anyio

KEPT = (
    "SELECT number, position, answer, reason FROM out_answered JOIN out_file ON out_file.id = out_file_id ORDER BY 1, 2"
)


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    desk = Desk(db, tmp_path / "feeds")
    desk.add("hl7")
    return desk


def answer(desk: Desk, name: str, *lines: tuple[str, str, str], folder: str = "bookings-hl7-answers") -> Path:
    """Lay a file of acknowledgements; its folder."""
    drop = desk.home / folder
    drop.mkdir(exist_ok=True)
    text = "".join(f"{MSH}\rMSA|{code}|{control}|{why}\r" for code, control, why in lines)
    (drop / f"{name}.hl7").write_text(text)
    (drop / f"{name}.hl7.done").touch()
    return drop


async def kept(db: Database) -> list[tuple[int, int, str, str]]:
    found = await rows(db, KEPT)
    return [(each["number"], each["position"], each["answer"], each["reason"]) for each in found]


async def test_accepted_and_refused_are_kept_with_the_reason(db: Database, desk: Desk) -> None:
    one, two = await book(db, "08:00", number=1), await book(db, "09:00", number=2)
    await book(db, "11:00", number=3)
    await desk.tell()
    drop = answer(desk, "a", ("AA", "000001-000001", ""), ("AE", "000001-000002", "Không có bác sĩ"))
    await desk.tell()
    assert await kept(db) == [(1, 1, "accepted", ""), (1, 2, "refused", "Không có bác sĩ")]
    assert names(drop) == []
    assert names(drop / "done") == ["a.hl7"]
    async with db.transaction() as session:
        [feed] = await showing.feeds(session, await facility(db), now=desk.now)
        files = await showing.files(session, await facility(db), feed.code)
        refused = await showing.refused(session, await facility(db), feed.code)
    assert (feed.refused, feed.unanswered) == (1, 1)
    assert [(file.visits, file.accepted, file.refused, file.unanswered) for file in files] == [(3, 1, 1, 1)]
    assert [(each.code, each.reason) for each in refused] == [(two.code, "Không có bác sĩ")]
    assert one.code != two.code


async def facility(db: Database) -> int:
    return int(await value(db, "SELECT id FROM facility WHERE code = 'BVVT'"))


async def test_a_refusal_is_over_when_the_visit_was_told_anew(db: Database, desk: Desk) -> None:
    ticket = await book(db, "08:00")
    await desk.tell()
    answer(desk, "a", ("AR", "000001-000001", "Trùng lịch"))
    await move(db, ticket.code, await slot_id(db, "10:00"))
    await desk.tell()
    async with db.transaction() as session:
        assert await showing.refused(session, await facility(db), "bookings-hl7") == []


async def test_the_last_answer_counts_and_the_same_again_changes_nothing(db: Database, desk: Desk) -> None:
    await book(db, "08:00")
    await desk.tell()
    for name, code in (("a", "AE"), ("b", "AE"), ("c", "AA")):
        answer(desk, name, (code, "000001-000001", "vì sao"))
        await desk.tell()
    assert await kept(db) == [(1, 1, "accepted", "")]


async def test_answers_about_nothing_we_told_are_counted_and_kept_nowhere(db: Database, desk: Desk) -> None:
    await book(db, "08:00")
    await desk.tell()
    answer(desk, "a", ("AA", "000001-000009", ""), ("AA", "000009-000001", ""), ("AA", "X", ""))
    await desk.tell()
    assert await kept(db) == []
    facts = await value(db, "SELECT facts FROM audit_event WHERE action = 'bookings.answered'")
    assert (facts["accepted"], facts["unknown"]) == (0, 3)


async def test_what_cannot_be_read_lies_in_quarantine_with_why(db: Database, desk: Desk) -> None:
    await book(db, "08:00")
    await desk.tell()
    drop = desk.home / "bookings-hl7-answers"
    drop.mkdir()
    (drop / "a.hl7").write_bytes(b"\xff\xff")
    (drop / "b.hl7").symlink_to("/etc/passwd")
    await desk.tell()
    await desk.tell()
    assert names(drop) == []
    assert names(drop / "quarantine") == ["a.hl7", "a.hl7.report.txt", "b.hl7", "b.hl7.report.txt"]
    assert "not UTF-8" in (drop / "quarantine" / "a.hl7.report.txt").read_text()
    assert await kept(db) == []


async def test_a_table_of_codes_answers_the_last_file_that_told_of_each(db: Database, desk: Desk) -> None:
    (desk.home / "hl7.out.toml").unlink()
    desk.add("fhir")
    ticket = await book(db, "08:00")
    await desk.tell()  # changes as file 1, all of it as file 2
    drop = desk.home / "bookings-fhir-answers"
    drop.mkdir()
    header = "Mã đặt khám,Kết quả,Lý do,Tệp\n"
    (drop / "a.csv").write_text(f"{header}{ticket.code},Lỗi,Trùng lịch,\nNOBODYS1,OK,,\n")
    (drop / "a.csv.done").touch()
    await desk.tell()
    assert await kept(db) == [(1, 1, "refused", "Trùng lịch")]
