"""Terms are read again while the scheduler runs, and what is put away or waits is neither kept too long nor lost."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from booking import clock, sealed
from booking.cli import keys
from booking.db import Database
from booking.exchange.outgoing import rules, service, visits
from booking.settings import load
from scheduler.jobs import housekeeping
from tests.conftest import TEST_KEYS, environment
from tests.feeds import book, hospital_database, names, two_days
from tests.postgres import Cluster
from tests.seeds import value
from tests.telling import CHANGES_ONLY, Desk

pytestmark = pytest.mark.anyio

WORD = ('new = "Mới"', 'new = "Đặt mới"')
WRONG = ('new = "Mới"', "new = Mới")


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    made = Desk(db, tmp_path / "feeds")
    made.add("csv", CHANGES_ONLY)
    return made


async def test_terms_are_read_again_without_a_restart(
    db: Database, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await book(db, "08:00", number=1)
    [first] = await desk.tell()
    assert desk.table(first)[0]["Thay đổi"] == "Mới"
    desk.add("csv", CHANGES_ONLY, WORD)
    await book(db, "09:00", number=2)
    [second] = await desk.tell()
    assert desk.table(second)[0]["Thay đổi"] == "Đặt mới"
    desk.add("csv", CHANGES_ONLY, WRONG)  # nothing leaves by terms that nobody can read: they say of whom what is told
    await book(db, "10:00", number=3)
    assert await desk.tell() == []
    assert await desk.tell() == []
    assert [record.msg for record in caplog.records].count("terms of what goes out cannot be used") == 1
    desk.add("csv", CHANGES_ONLY)
    [third] = await desk.tell()  # and nothing was lost meanwhile
    assert third == "hen-kham-000003-changes.csv"
    assert len(desk.table(third)) == 1
    (desk.home / "csv.out.toml").unlink()
    await book(db, "11:00", number=4)
    assert await desk.tell() == []


async def test_the_loop_in_which_codes_are_sent_makes_and_compares_no_visits(
    db: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, compared = visits._visit, rules.said_of
    threads: set[str] = set()

    def noted(work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any) -> Any:
            threads.add(threading.current_thread().name)
            return work(*given)

        return done

    monkeypatch.setattr(visits, "_visit", noted(made))
    monkeypatch.setattr(service, "said_of", noted(compared))
    await book(db, "08:00")
    assert await desk.tell() == ["hen-kham-000001-changes.csv"]
    assert threads
    assert threading.current_thread().name not in threads


async def test_what_waits_is_sealed_anew_with_everything_else_when_keys_change(
    db: Database, database_url: str, desk: Desk
) -> None:
    folder = desk.home / "bookings-csv"
    folder.write_text("a file where a folder should be")
    await book(db, "08:00")
    assert await desk.tell() == []
    new = {"HENKHAM_SEAL_KEY": "for-tests-only-0a9b8c7d6e5f4a3b-the-new-seal", "HENKHAM_SEAL_KEY_ID": "k2"}
    both = load(environment(database_url, HENKHAM_SEAL_KEYS_OLD=f'{{"k1": "{TEST_KEYS["HENKHAM_SEAL_KEY"]}"}}', **new))
    assert await asyncio.to_thread(keys.rotate, both) == keys.DONE
    sealed.install(load(environment(database_url, **new)).keyring())  # the old key is gone
    folder.unlink()
    assert await desk.tell() == ["hen-kham-000001-changes.csv"]
    assert await value(db, "SELECT count(content) FROM out_file") == 0


def test_a_content_is_kept_as_it_is() -> None:
    for content in (b"", b"\x00\xff", b"x" * 100_000):
        assert service.unpacked(service.packed(content)) == content
    assert len(service.packed(b"x" * 100_000)) < 1_000


async def test_answers_that_were_put_away_go_as_other_files_of_hospitals_do(tmp_path: Path, db: Database) -> None:
    desk = Desk(db, tmp_path)
    desk.add("hl7")
    for name in ("done", "quarantine", "other"):
        away = tmp_path / "bookings-hl7-answers" / name
        away.mkdir(parents=True)
        (away / "a.hl7").write_text("x")
    now = clock.utc_now()
    for days, removed in ((29, 0), (31, 1), (91, 1)):
        assert housekeeping.tidy(tmp_path, now=now + timedelta(days=days)) == removed, days
    left = [name for name in ("done", "quarantine", "other") if names(tmp_path / "bookings-hl7-answers" / name)]
    assert left == ["other"]
