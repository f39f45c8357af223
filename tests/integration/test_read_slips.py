"""A hospital's slips from the folder to the page of whom they concern: each once, the newest word, no diagnosis."""

import logging
import os
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from booking.actor import system
from booking.db import Database
from booking.exchange import hearing, lateness
from booking.invitations import queries, service
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from tests import seeds
from tests.feeds import NOW, Folders, hospital_database, names, publish, two_days
from tests.households import account, actor, add
from tests.insurance import CANARY, FEED, PERSON, Visit, insurance_file, visit
from tests.postgres import Cluster

pytestmark = pytest.mark.anyio

STATES = "SELECT state::text, due::text FROM invitation ORDER BY id"


@pytest.fixture
async def db(cluster: Cluster) -> Any:
    with hospital_database(cluster, two_days) as url:
        database = Database(url, pool=3)
        yield database
        await database.close()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "feeds")


class Drop:
    """A folder of slips: files are put there and looked at."""

    def __init__(self, db: Database, folders: Folders, feed: str = FEED) -> None:
        self.db, self.folders = db, folders
        self.folder = folders.write("phieu-hen", feed)
        self.count = 0

    async def __call__(self, data: bytes, *, now: datetime = NOW, age: int = 0) -> str | None:
        """Where the file went, which was written so many seconds ago."""
        self.count += 1
        (self.folder / f"{self.count}.xml").write_bytes(data)
        os.utime(self.folder / f"{self.count}.xml", (now.timestamp() - age, now.timestamp() - age))
        (self.folder / f"{self.count}.xml.done").touch()
        (outcome,) = await self.folders.look(self.db, 1, now=now)
        return outcome.where

    def report(self, where: str) -> str:
        """The words beside the last file."""
        return (self.folder / where / f"{self.count}.xml.report.txt").read_text()

    async def slips(self) -> list[tuple[str, str]]:
        """State and day of each slip."""
        return [(row["state"], row["due"]) for row in await seeds.rows(self.db, STATES)]

    async def last(self) -> dict[str, int]:
        """What the last file that was recorded did with its slips."""
        told = await seeds.value(self.db, "SELECT report->'slips' FROM feed_file ORDER BY id DESC LIMIT 1")
        return {name: count for name, count in (told or {}).items() if count}


@pytest.fixture
def drop(db: Database, folders: Folders) -> Drop:
    return Drop(db, folders)


async def _patient(db: Database, **more: Any) -> tuple[int, Any]:
    """The person of the sample slip, who agreed to be shown slips."""
    home = await account(db, "0903000111")
    hers = await add(db, home, "Nguyễn Thị Mẫu", birth_date=date(1990, 5, 17), citizen_id="077190000001", **more)
    async with db.transaction() as session:
        await consents.give(
            session, hers.patient_id, {ConsentPurpose.INVITATION: True}, account_id=home, language="vi",
            channel="mobile", by=actor(home), now=NOW,
        )  # fmt: skip
    return home, hers


async def _everything(db: Database) -> str:
    """Every row of every table, as text."""
    tables = await seeds.rows(db, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    assert {"invitation", "feed_file", "audit_event", "message"} <= {table["name"] for table in tables}
    return str([await seeds.rows(db, f"SELECT t::text AS row FROM {table['name']} t") for table in tables])


@pytest.mark.parametrize("coded", [True, False])
async def test_a_slip_comes_to_her_page_and_no_diagnosis_anywhere(
    db: Database, drop: Drop, caplog: pytest.LogCaptureFixture, *, coded: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    home, hers = await _patient(db)
    refused = visit(3, SO_CCCD="", MA_THE_BHYT="")
    assert await drop(insurance_file(visit(1), visit(2, HO_TEN="Trần Văn Hai Mẫu"), refused, coded=coded)) == "done"
    async with db.transaction() as session:
        (shown,) = await queries.of_account(session, home, today=NOW.date())
    assert (shown.profile, shown.due, shown.facility) == (hers.id, date(2026, 11, 30), "BVVT")
    assert (shown.first, shown.last) == (date(2026, 11, 27), date(2026, 12, 10))
    assert await drop.last() == {"new": 2}
    held = await _everything(db)
    logged = "\n".join(str(record.__dict__) for record in caplog.records)
    for word in (CANARY, "2026/0001", "LK-0001", "GD4797912345678", "0903000999", "Hai Mẫu"):
        assert word not in logged
        assert word not in held  # of whom nobody here knows nothing can be read
    assert "phieu-hen" in logged
    assert "phieu-hen" in held


async def test_each_slip_counts_once_whatever_comes_again(db: Database, drop: Drop) -> None:
    first = insurance_file(visit(1), made="20261120")
    assert await drop(first) == "done"
    assert await drop(first) == "done"  # the same bytes once more
    assert await seeds.value(db, "SELECT count(*) FROM feed_file") == 1
    assert await drop(insurance_file(visit(1), made="20261121")) == "done"
    assert await drop.last() == {"same": 1}
    corrected = insurance_file(visit(1, slip={"NGAY_HEN_KL": "20261202"}), made="20261122")
    assert await drop(corrected) == "done"
    assert await drop.last() == {"changed": 1}
    assert (
        await drop(insurance_file(visit(1), visit(2), made="20261121")) == "done"
    )  # older: only its other slip counts
    assert await drop.last() == {"new": 1, "older": 1}
    assert await drop(insurance_file(visit(2), made="20261123")) == "done"  # the first is not in it, and stays
    assert await drop.slips() == [("open", "2026-12-02"), ("open", "2026-11-30")]
    assert await drop(corrected) == "done"
    assert await drop(first) == "done"
    assert await drop.slips() == [("open", "2026-12-02"), ("open", "2026-11-30")]


async def _late(drop: Drop) -> str | None:
    """A file, and then one that was written before it; neither says when it was made."""
    assert await drop(insurance_file(visit(1, slip={"NGAY_HEN_KL": "20261202"}), made=""), age=100) == "done"
    return await drop(insurance_file(visit(1), visit(2), made=""), age=200)


async def test_an_older_file_that_comes_late_is_held_and_counts_once_it_is_handed_in_anew(drop: Drop) -> None:
    assert await _late(drop) == "held"
    assert "written_before" in drop.report("held")
    kept = await seeds.value(drop.db, "SELECT report->'verdict'->>'kind' FROM feed_file ORDER BY id DESC LIMIT 1")
    assert kept == "hold"
    assert await drop.slips() == [("open", "2026-12-02")]
    assert await drop(insurance_file(visit(1), visit(2), made="20261101")) == "done"
    assert await drop.slips() == [("open", "2026-12-02"), ("open", "2026-11-30")]


async def test_even_where_a_late_one_is_taken_its_word_is_as_old_as_the_file(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lateness, "refused", lambda *_: None)
    assert await _late(drop) == "done"
    assert await drop.slips() == [("open", "2026-12-02"), ("open", "2026-11-30")]  # for it was written before
    assert await drop(insurance_file(visit(1), made=""), now=NOW + timedelta(hours=1)) == "done"
    assert await drop.slips() == [("open", "2026-11-30")] * 2


async def test_a_file_from_the_future_does_not_shut_out_those_after_it(drop: Drop) -> None:
    await drop(insurance_file(visit(1), made="20991231"))
    corrected = visit(1, slip={"NGAY_HEN_KL": "20261203"})
    await drop(insurance_file(corrected, made="20261122"), now=NOW + timedelta(hours=1))
    assert await drop.slips() == [("open", "2026-11-30")]  # of the day before the first one came
    await drop(insurance_file(corrected, made="20261124"), now=NOW + timedelta(days=2))
    assert await drop.slips() == [("open", "2026-12-03")]


async def test_what_is_over_is_not_stored_and_a_correction_into_the_past_lapses(drop: Drop) -> None:
    over = {"NGAY_HEN_KL": "20261101"}
    await drop(insurance_file(visit(1), visit(2, slip=over), made="20261120"))
    assert await drop.last() == {"new": 1, "over": 1}
    await drop(insurance_file(visit(1, slip=over), made="20261121"))
    assert await drop.slips() == [("lapsed", "2026-11-01")]
    await drop(insurance_file(visit(1), made="20261122"))
    assert await drop.slips() == [("open", "2026-11-30")]


async def test_a_slip_is_taken_back_only_where_the_file_says_so(db: Database, folders: Folders) -> None:
    drop = Drop(db, folders, FEED + 'cancelled = ["HỦY"]\n')
    gone = {"DU_PHONG": "Hủy"}
    await drop(insurance_file(visit(1), made="20261120"))
    await drop(insurance_file(Visit(PERSON, None), made="20261121"))  # the visit is there, its slip is not
    assert await drop.slips() == [("open", "2026-11-30")]
    await drop(insurance_file(visit(1, slip=gone), visit(2, slip=gone), made="20261122"))
    assert await drop.last() == {"withdrawn": 1, "over": 1}
    await drop(insurance_file(visit(1), made="20261121"))
    assert await drop.slips() == [("withdrawn", "2026-11-30")]
    await drop(insurance_file(visit(1), made="20261123"))
    assert await drop.slips() == [("open", "2026-11-30")]


async def test_a_used_slip_stays_used(db: Database, drop: Drop) -> None:
    await drop(insurance_file(visit(1), made="20261120"))
    await seeds.run(db, "ALTER TABLE invitation DROP CONSTRAINT invitation_used_check")
    await seeds.run(db, "UPDATE invitation SET state = 'used'")
    await drop(insurance_file(visit(1, slip={"NGAY_HEN_KL": "20261203"}), made="20261122"))
    assert await drop.last() == {"ended": 1}
    assert await drop.slips() == [("used", "2026-11-30")]


async def test_the_feed_says_how_long_a_slip_is_good_and_what_for(db: Database, folders: Folders) -> None:
    more = 'days_before = 0\ndays_after = 5\n[slips.departments]\nK03 = "kham-tim-mach"\n'
    drop = Drop(db, folders, FEED + more)
    assert await drop(insurance_file(visit(1))) == "done"
    row = "SELECT first_day::text, last_day::text, s.code FROM invitation i JOIN service s ON s.id = i.service_id"
    assert await seeds.rows(db, row) == [
        {"first_day": "2026-11-30", "last_day": "2026-12-05", "code": "kham-tim-mach"}
    ]  # fmt: skip


async def test_files_wait_for_a_service_that_is_not_known(db: Database, folders: Folders) -> None:
    drop = Drop(db, folders, FEED + 'service = "no-such"\n')
    (drop.folder / "1.xml").write_bytes(insurance_file(visit(1)))
    assert await folders.look(db, 3) == []
    assert names(drop.folder) == ["1.xml"]
    drop = Drop(db, folders, FEED + 'service = "kham-tim-mach"\n')
    (outcome,) = await folders.look(db, 3)
    assert outcome.where == "done"


async def test_another_hospitals_file_lies_in_quarantine_with_words(db: Database, drop: Drop) -> None:
    assert await drop(insurance_file(visit(1), visit(2, MA_CSKCB="77002"))) == "quarantine"
    assert "MA_CSKCB is '77002' in record 2, slips.hospital of the feed is 77001" in drop.report("quarantine")
    assert await drop.slips() == []
    told = await seeds.rows(db, "SELECT state::text, report->'unreadable'->>'reason' AS why FROM feed_file")
    assert told == [{"state": "quarantined", "why": "other_hospital"}]


async def test_a_file_of_which_nothing_can_be_used_is_held(drop: Drop) -> None:
    assert await drop(insurance_file(visit(1, SO_CCCD="", MA_THE_BHYT=""))) == "held"
    assert "nothing_read: None of 1 rows can be used." in drop.report("held")
    assert await drop(insurance_file(Visit(slip=None))) == "done"  # a day without slips is a sound file


async def test_the_age_of_slips_is_no_news_for_patients(db: Database, drop: Drop) -> None:
    await drop(insurance_file(visit(1)))
    later = NOW + timedelta(days=3)
    async with db.transaction() as session:
        (age,) = await hearing.ages(session, await _facility(db), now=later)
        assert (age.feed, age.old) == ("phieu-hen", True)
        assert await hearing.old_since(session, "BVVT", now=later) is None
    await seeds.run(db, "UPDATE feed_heard SET of_slips = false")
    async with db.transaction() as session:
        assert await hearing.old_since(session, "BVVT", now=later) is not None


async def _facility(db: Database) -> int:
    return int(await seeds.value(db, "SELECT id FROM facility WHERE code = 'BVVT'"))


async def test_slips_and_calendar_of_one_hospital_do_not_meet(db: Database, folders: Folders, drop: Drop) -> None:
    """Publishing settles every feed that was applied; one of slips has no calendar to settle."""
    await drop(insurance_file(visit(1)))
    await publish(db, days=2)
    assert await folders.look(db, 1) == []


async def test_a_slip_lapses_when_its_days_are_over(db: Database, drop: Drop) -> None:
    await drop(insurance_file(visit(1)))
    async with db.transaction() as session:
        assert await service.lapse(session, by=system("test"), now=NOW + timedelta(days=17)) == 0
        assert await service.lapse(session, by=system("test"), now=NOW + timedelta(days=18)) == 1
    assert await drop.slips() == [("lapsed", "2026-11-30")]


def test_samples_are_samples() -> None:
    assert replace(visit(1)) == visit(1)
    assert PERSON["HO_TEN"].endswith("Mẫu")
