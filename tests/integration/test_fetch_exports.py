"""The job that fetches: into the drop folder and on, with a database; who waits for whom, and what is written down."""

import asyncio
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import utc_now
from booking.db import Database
from booking.exchange import fetching
from booking.exchange.fetching import ClaimLost
from booking.watch import queries as watch
from scheduler.exports.feed_file import load_feed
from scheduler.exports.fetching import from_sftp
from scheduler.jobs import fetch_exports
from scheduler.jobs.fetch_exports import Fetching
from tests.exports import FEEDS, ROOT, WAYS, truth
from tests.feeds import NOW, Folders, closed_times, hospital_database, names, two_days
from tests.hospital_https import answer, certificate, hospital_web
from tests.hospital_sftp import Hospital, hospital_sftp, key
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
DATA = ROOT / "tests" / "data" / "feeds"
STATE = "SELECT problem::text, failures, file_name, facts, next_at - tried_at AS pause FROM feed_fetch"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "feeds")


@pytest.fixture
async def job() -> AsyncIterator[Fetching]:
    found = Fetching()
    yield found
    await found.end()


@pytest.fixture
async def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hospital]:
    monkeypatch.setattr(from_sftp.fetch, "__kwdefaults__", {"between": 0.0})
    async with hospital_sftp(tmp_path / "there") as found:
        yield found


def add_sftp(folders: Folders, hospital: Hospital, name: str = "over-sftp", code: str = "over-sftp") -> Path:
    """The worked example, its server ours. Only the address and the host key are another."""
    text = (FEEDS / "over-sftp.toml").read_text()
    [pinned] = load_feed(FEEDS / "over-sftp.toml").source.sftp.host_keys  # type: ignore[union-attr]
    for old, new in (
        ('host = "his.bvvt.example"', f'host = "127.0.0.1"\nport = {hospital.port}'),
        (pinned, hospital.host_key.get_fingerprint()),
        ('folder = "export"', 'folder = "out"'),
        ('code = "over-sftp"', f'code = "{code}"'),
        ('folder = "over-sftp"', f'folder = "{name}"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    drop = folders.write(name, text)
    (folders.home / "secrets").mkdir(exist_ok=True)
    key("client").write_private_key(str(folders.home / "secrets" / "bvvt-key"))
    return drop


async def once(db: Database, folders: Folders, job: Fetching, **later: Any) -> None:
    """Begin what is due and wait until it is over."""
    await fetch_exports.begin(db, folders.home, now=utc_now() + timedelta(**later), memory=job)
    if job.running:
        await asyncio.wait(job.running.values())


async def test_the_worked_example_over_sftp(db: Database, folders: Folders, hospital: Hospital, job: Fetching) -> None:
    drop = add_sftp(folders, hospital)
    there = hospital.folder / "out"
    shutil.copy(DATA / WAYS["over-sftp"], there / "siu.hl7")
    await once(db, folders, job)
    assert (names(drop), names(there), names(there / "taken")) == (["siu.hl7"], [], ["siu.hl7"])
    [outcome] = await folders.look(db)
    assert outcome.applied is not None
    assert names(drop / "done") == ["siu.hl7"]
    [state] = await rows(db, STATE)
    assert (state["problem"], state["failures"], state["file_name"]) == (None, 0, "siu.hl7")
    assert timedelta(minutes=4.7) < state["pause"] < timedelta(minutes=5.3)
    sessions = hospital.sessions
    await once(db, folders, job)  # not due yet
    assert hospital.sessions == sessions
    await once(db, folders, job, minutes=6)
    assert hospital.sessions == sessions + 1


async def test_the_worked_example_over_https(db: Database, folders: Folders, job: Fetching, tmp_path: Path) -> None:
    text = (FEEDS / "over-https.toml").read_text()
    drop = folders.write("over-https", text)
    secrets = folders.home / "secrets"
    secrets.mkdir()
    (secrets / "bvvt-token").write_text("tok\n")
    pem = certificate(tmp_path)
    shutil.copy(pem, secrets / "bvvt-ca.pem")
    body = (DATA / WAYS["over-https"]).read_bytes()
    async with hospital_web(pem) as web:
        assert "fhir.bvvt.example" in text
        folders.write("over-https", text.replace("fhir.bvvt.example", f"localhost:{web.port}"))
        web.reply = lambda asked: (
            answer("304 Not Modified") if "if-none-match" in asked else answer(body=body, etag='W/"1"'))  # fmt: skip
        await once(db, folders, job)
        [outcome] = await folders.look(db)
        assert outcome.applied is not None
        assert len(names(drop / "done")) == 1
        assert [asked["authorization"] for asked in web.asked] == ["Bearer tok"]
        # What did not change is not read, and says all the same that it holds.
        await run(db, "UPDATE feed_heard SET heard_at = heard_at - interval '3 hours'")
        before = await value(db, "SELECT heard_at FROM feed_heard")
        await once(db, folders, job, minutes=11)
        assert web.asked[-1]["if-none-match"] == 'W/"1"'
        assert (names(drop), len(web.asked)) == ([], 2)
        assert await value(db, "SELECT heard_at FROM feed_heard") > before
        # A feed that was corrected asks for all of it once more.
        folders.write("over-https", (folders.home / "over-https.toml").read_text().replace("= 15", "= 20"))
        await once(db, folders, job, minutes=12)
        assert "if-none-match" not in web.asked[-1]
        assert len(names(drop)) == 1


async def test_a_server_that_hangs_delays_no_other(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching, tmp_path: Path
) -> None:
    async with hospital_sftp(tmp_path / "silent") as silent:
        silent.faults.hang_on_read = True
        slow = add_sftp(folders, silent, "aaa", "aaa")
        (silent.folder / "out" / "a.hl7").write_text("x")
        quick = add_sftp(folders, hospital, "bbb", "bbb")
        (hospital.folder / "out" / "b.hl7").write_text("x")
        await fetch_exports.begin(db, folders.home, now=utc_now(), memory=job)
        await job.running["bbb"]
        assert (names(quick), job.running["aaa"].done()) == (["b.hl7"], False)
        # It is still under way when the other's time has come again, and is not begun twice.
        (hospital.folder / "out" / "c.hl7").write_text("x")
        await fetch_exports.begin(db, folders.home, now=utc_now() + timedelta(minutes=6), memory=job)
        await job.running["bbb"]
        assert names(quick) == ["b.hl7", "c.hl7"]
        assert silent.sessions == 1
        await job.end()
        assert [name for name in names(slow) if not name.startswith(".")] == []


async def test_the_scheduler_stops_though_a_server_hangs(db: Database, folders: Folders, hospital: Hospital) -> None:
    hospital.faults.hang_on_read = True
    add_sftp(folders, hospital)
    (hospital.folder / "out" / "a.hl7").write_text("x")
    stop, job = asyncio.Event(), Fetching()
    running = asyncio.create_task(fetch_exports.run(db, folders.home, stop=stop, memory=job, poll=0.01))
    await hospital.faults.hangs.wait()
    stop.set()
    await running
    assert all(task.done() for task in job.running.values())
    assert await rows(db, "SELECT claimed_until FROM feed_fetch") == [{"claimed_until": None}]  # the next need not wait


async def test_failures_are_told_and_tried_ever_more_rarely(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching, caplog: pytest.LogCaptureFixture
) -> None:
    add_sftp(folders, hospital)
    text = (folders.home / "over-sftp.toml").read_text()
    folders.write("over-sftp", text.replace(f"port = {hospital.port}", "port = 1"))
    pauses = []
    for hours in (0, 1, 3, 6):
        await once(db, folders, job, hours=hours)
        [state] = await rows(db, STATE)
        assert state["problem"] == "refused"
        pauses.append(state["pause"] / timedelta(minutes=5))
        await run(db, "UPDATE feed_fetch SET next_at = now()")
    assert state["failures"] == 4
    for pause, doubled in zip(pauses, (2, 4, 8, 12), strict=True):  # at most an hour
        assert doubled * 0.79 < pause < doubled * 1.21
    # Another host key is an error in the log and no reason to knock often; put right in the feed, it is tried at once.
    wrong = text.replace(hospital.host_key.get_fingerprint(), key("another").get_fingerprint())
    folders.write("over-sftp", wrong)
    with caplog.at_level(logging.INFO):
        await once(db, folders, job, hours=9)
    [state] = await rows(db, STATE)
    assert (state["problem"], state["failures"]) == ("host_key_changed", 1)
    assert state["pause"] > timedelta(minutes=11)
    assert any(record.levelno == logging.ERROR and "another host key" in record.message for record in caplog.records)
    folders.write("over-sftp", text)
    await once(db, folders, job, hours=9)
    [state] = await rows(db, STATE)
    assert (state["problem"], state["failures"]) == (None, 0)


async def test_no_secret_is_kept_or_logged(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching, caplog: pytest.LogCaptureFixture
) -> None:
    add_sftp(folders, hospital)
    text = (folders.home / "over-sftp.toml").read_text()
    folders.write("over-sftp", text.replace('key_file = "secrets/bvvt-key"', 'password_file = "word"'))
    (folders.home / "word").write_text("a secret word")
    with caplog.at_level(logging.DEBUG):
        await once(db, folders, job)
    [state] = await rows(db, "SELECT * FROM feed_fetch")
    assert state["problem"] == "login_refused"
    logged = " ".join(f"{record.getMessage()} {record.__dict__.get('facts')}" for record in caplog.records)
    for kept in (json.dumps(state, default=str), logged):
        assert "a secret word" not in kept


async def test_of_two_schedulers_one_fetches_and_a_late_one_writes_nothing(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching
) -> None:
    add_sftp(folders, hospital)
    feed = load_feed(folders.home / "over-sftp.toml")
    wish, now = fetch_exports._wish(feed), utc_now()
    async with db.transaction() as session:
        mine = await fetching.claim(session, wish, now=now)
    assert mine is not None
    async with db.transaction() as session:
        assert await fetching.claim(session, wish, now=now) is None
    await once(db, folders, job)
    assert hospital.sessions == 0
    async with db.transaction() as session:
        theirs = await fetching.claim(session, wish, now=now + wish.lease)
    assert theirs is not None
    with pytest.raises(ClaimLost):
        async with db.transaction() as session:
            await fetching.keep(session, mine, {}, "late.hl7", now=now)


async def test_a_feed_that_is_gone_is_forgotten_after_a_day(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching
) -> None:
    add_sftp(folders, hospital)
    await once(db, folders, job)
    (folders.home / "over-sftp.toml").unlink()
    await once(db, folders, job, hours=23)
    assert await value(db, "SELECT count(*) FROM feed_fetch") == 1
    await once(db, folders, job, hours=25)
    assert await value(db, "SELECT count(*) FROM feed_fetch") == 0


async def test_fetched_and_dropped_files_close_the_same_times(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching
) -> None:
    add_sftp(folders, hospital)
    lines = (folders.home / "over-sftp.toml").read_text()
    table = lines[lines.index("every_minutes") : lines.index("[columns]")]
    sample = (FEEDS / "gnuhealth-url.toml").read_text()
    assert "\n\n[csv]" in sample
    folders.write("fetched", sample.replace("\n\n[csv]", f"\n{table}\n[csv]", 1))
    (folders.home / "over-sftp.toml").unlink()
    shutil.copy(ROOT / "tests" / "data" / "his" / "t0.url.csv", hospital.folder / "out")
    await once(db, folders, job)
    [outcome] = await folders.look(db, now=NOW)
    assert outcome.applied is not None
    two_days_of_it = {time for time in truth() if time[1] < NOW + timedelta(days=2)}
    assert await closed_times(db) == two_days_of_it != set()


async def begun_by_two(db: Database, folders: Folders) -> None:
    """Two schedulers look at the same moment, and once more while one fetches; then all they began comes to its end."""
    both, now = (Fetching(), Fetching()), utc_now()
    for _ in range(2):
        await asyncio.gather(*(fetch_exports.begin(db, folders.home, now=now, memory=each) for each in both))
    for each in both:
        if each.running:
            await asyncio.wait(each.running.values())
        await each.end()


async def test_two_schedulers_at_once_fetch_once(
    db: Database, folders: Folders, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_sftp(folders, hospital)
    for sessions in (1, 2, 3):  # the first time, when there is no row yet, and then
        await begun_by_two(db, folders)
        assert hospital.sessions == sessions
        await run(db, "UPDATE feed_fetch SET next_at = now() - interval '1 minute'")

    claim = fetching.claim

    async def without_a_lease(session: AsyncSession, wish: fetching.Wish, *, now: datetime) -> fetching.Claim | None:
        given = await claim(session, replace(wish, lease=timedelta(0)), now=now)
        await session.execute(text("UPDATE feed_fetch SET claimed_until = NULL"))
        return given

    monkeypatch.setattr(fetching, "claim", without_a_lease)  # the control
    await begun_by_two(db, folders)
    assert hospital.sessions > 4


async def test_what_is_wrong_with_servers_is_watched(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching
) -> None:
    add_sftp(folders, hospital)
    for changed, expected in ((hospital.host_key.get_fingerprint(), 0.0), (key("another").get_fingerprint(), 1.0)):
        text_ = (folders.home / "over-sftp.toml").read_text()
        folders.write("over-sftp", text_.replace(hospital.host_key.get_fingerprint(), changed))
        await run(db, "UPDATE feed_fetch SET next_at = now()")
        await once(db, folders, job)
        async with db.transaction() as session:
            seen = {each.name: each.value for each in await watch.look(session, now=utc_now()) if each.labels}
        assert (seen["feed_fetch_failing"], seen["feed_host_key_changed"]) == (expected, expected)


async def test_the_same_content_under_another_name_is_fetched_and_done_once(
    db: Database, folders: Folders, hospital: Hospital, job: Fetching
) -> None:
    drop, there = add_sftp(folders, hospital), hospital.folder / "out"
    for number, name in enumerate(("one.hl7", "two.hl7")):
        shutil.copy(DATA / WAYS["over-sftp"], there / name)
        os.utime(there / name, (1000 + number, 1000 + number))
    await once(db, folders, job)
    first, second = await folders.look(db)
    assert (first.file, first.applied is not None, second.file, second.applied) == ("one.hl7", True, "two.hl7", None)
    assert names(drop / "done") == ["one.hl7", "two.hl7"]
    assert await value(db, "SELECT count(*) FROM feed_file") == 1
