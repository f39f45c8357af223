"""How the scheduler ticks: every job on the timetable, failures told, a clean end. No database, no carrier."""

import asyncio
import logging
import pkgutil
from datetime import timedelta

import pytest

import scheduler.jobs
from booking.cli import terminal
from booking.db import Database
from booking.logs import JsonLines
from booking.messages.outbox import Pace
from booking.settings import load
from booking.sms.console import ConsoleGateway
from scheduler import timetable
from scheduler.__main__ import CANNOT_START, main, tick
from scheduler.timetable import Job
from tests.conftest import environment

SOON = timedelta(seconds=0.01)


def _timetable(**more: str) -> list[Job]:
    settings = load(environment("postgresql://nobody@127.0.0.1:1/none", **more))
    db = Database(settings.database_url)
    return timetable.jobs(db, ConsoleGateway(), settings, asyncio.Event(), Pace())


def test_every_job_is_on_the_timetable_under_a_name_of_its_own() -> None:
    jobs = _timetable(HENKHAM_FEEDS_DIR="feeds")
    assert len({job.name for job in jobs}) == len(jobs)
    assert all(job.every > timedelta(0) for job in jobs)
    files = {module.name for module in pkgutil.iter_modules(scheduler.jobs.__path__)}
    used = {name for job in jobs for name in job.work.__code__.co_names}
    assert files <= used
    assert {job.name for job in jobs} - {job.name for job in _timetable()} == {
        "read_exports", "fetch_exports", "write_bookings",
    }  # fmt: skip


def test_codes_are_looked_for_four_times_a_second_and_visits_every_second() -> None:
    cadence = {job.name: job.every.total_seconds() for job in _timetable()}
    assert (cadence["send_codes"], cadence["send_messages"]) == (0.25, 1.0)
    assert (cadence["release_holds"], cadence["plan_reminders"], cadence["check_invariants"]) == (15, 60, 60)


@pytest.mark.anyio
async def test_a_job_ticks_again_and_again_at_once_from_the_start() -> None:
    stop, ran = asyncio.Event(), asyncio.Semaphore(0)

    async def work() -> None:
        ran.release()

    ticking = asyncio.create_task(tick([Job("one", SOON, work)], stop))
    for _ in range(3):
        await ran.acquire()
    stop.set()
    await ticking


@pytest.mark.anyio
async def test_a_job_that_takes_longer_than_its_cadence_runs_once_at_a_time() -> None:
    stop, at_once, most = asyncio.Event(), 0, 0
    runs = 0

    async def work() -> None:
        nonlocal at_once, most, runs
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        runs += 1
        if runs == 3:
            stop.set()

    await tick([Job("slow", SOON, work)], stop)
    assert most == 1


@pytest.mark.anyio
async def test_a_failure_is_told_with_the_jobs_name_and_run_and_the_next_tick_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, lines = asyncio.Event(), []
    tries = 0

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            stop.set()
            return
        raise LookupError("Nguyễn Thị Mẫu, 0903000000")

    keep = Keep()
    logging.getLogger("scheduler").addHandler(keep)
    try:
        with caplog.at_level(logging.INFO, "scheduler"):
            await tick([Job("broken", SOON, work)], stop, rest=0.01)
    finally:
        logging.getLogger("scheduler").removeHandler(keep)
    told = [line for line in lines if '"job failed"' in line]
    assert len(told) == 2
    assert all('"job":"broken"' in line and '"request_id":"' in line and "LookupError" in line for line in told)
    assert "0903000000" not in "".join(lines)


@pytest.mark.anyio
async def test_the_end_waits_for_what_runs() -> None:
    stop, done = asyncio.Event(), []

    async def work() -> None:
        stop.set()
        await asyncio.sleep(0.1)
        done.append(1)

    await tick([Job("long", timedelta(hours=1), work)], stop)
    assert done == [1]


@pytest.mark.anyio
async def test_the_end_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    stop, ended = asyncio.Event(), []

    async def work() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("broken off")

    with caplog.at_level(logging.ERROR, "scheduler"):
        await tick([Job("endless", timedelta(hours=1), work)], stop, grace=0.05, rest=1)
    assert ended == ["broken off"]
    assert "jobs were broken off" in caplog.text


def test_it_refuses_to_start_without_a_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SystemExit) as refused:
        main()
    assert refused.value.code == CANNOT_START == terminal.CANNOT_START
    assert "DATABASE_URL is missing" in capsys.readouterr().err
