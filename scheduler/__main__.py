"""The scheduler's process: wire, run, stop cleanly on SIGTERM. `python -m scheduler`, or `henkham scheduler`."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from booking import ids, keyed, logs, sealed, tracing
from booking.clock import utc_now
from booking.db import Database
from booking.messages.outbox import Pace
from booking.settings import Settings, SettingsError, load
from booking.sms import open_gateway
from booking.sms.gateway import Gateway
from scheduler import timetable
from scheduler.soundness import Soundness
from scheduler.timetable import Job

if TYPE_CHECKING:
    from booking.tracing import Tracer

log = logging.getLogger("scheduler")

GRACE: Final = 30.0
"""Seconds that running jobs have to end: a post ends within 21."""

CANNOT_START: Final = 78
"""sysexits' EX_CONFIG, as of the command line: the settings are at fault, and starting again will not help."""

REST: Final = 5.0
"""Seconds a job rests after a failure, so that a database that is away is not asked four times a second."""


def main(settings: Settings | None = None, *, pace: Pace | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    Args:
        settings: None to read them from the environment; half-set ones end the process with what to put right.
        pace: the outbox's waits, where not the usual ones.
    """
    if settings is None:
        with _told_to_start():
            settings = load()
    logs.configure(settings.log_level)
    # A tick that finds its job still at work is skipped, which is what we want and not worth a line.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    for remark in settings.remarks:
        log.warning(remark)
    sealed.install(settings.keyring())
    with _told_to_start():
        gateway = open_gateway(settings)
    with _told_to_start():
        asyncio.run(serve(settings, gateway, pace=pace or Pace()))


@contextmanager
def _told_to_start() -> Iterator[None]:
    """End the process with what is to be put right, where the settings are at fault."""
    try:
        yield
    except SettingsError as problem:
        sys.stderr.write("The scheduler cannot start:\n" + "".join(f"  - {one}\n" for one in problem.problems))
        raise SystemExit(CANNOT_START) from None


async def serve(settings: Settings, gateway: Gateway, *, pace: Pace) -> None:
    """Open what jobs need, tick until a signal comes, end what runs, close.

    Raises:
        SettingsError: the keys are others than the database is written with.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    db = Database(settings.database_url, pool=settings.database_pool, application="henkham-scheduler")
    tracer = None
    if settings.otlp_endpoint is not None:
        tracer = tracing.tracer_to(settings.otlp_endpoint, of="henkham-scheduler")
        tracing.trace_statements(db, tracer)
    try:
        await _agreed(db, settings, stop)
        sound = Soundness()
        await tick(timetable.jobs(db, gateway, settings, stop, pace, sound), stop, tracer=tracer, sound=sound)
    finally:
        gateway.close()
        await db.close()


async def _agreed(db: Database, settings: Settings, stop: asyncio.Event) -> None:
    """Wait until the database has said that our keys are its keys: with others every text would fail for good."""
    while not stop.is_set():
        try:
            await keyed.agree(db, settings)
        except SettingsError:
            raise
        except Exception:
            log.exception("the keys could not be compared with the database's yet")
            await _rested(stop, REST)
        else:
            return


async def tick(
    jobs: Sequence[Job],
    stop: asyncio.Event,
    *,
    grace: float = GRACE,
    rest: float = REST,
    tracer: "Tracer | None" = None,
    sound: Soundness | None = None,
) -> None:
    """Run each job at its cadence until `stop`, then wait at most `grace` seconds for what runs.

    The ticking library only ticks: it keeps nothing, runs each job once at a time, and a tick that comes late comes
    all the same. With a `tracer` each run is a trace.
    """
    running: set[asyncio.Task[Any]] = set()
    ticking = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    ticking.add_listener(_lost, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    for job in jobs:
        seconds = job.every.total_seconds()
        if sound is not None:
            sound.expect(job.name, job.every)
        work = _told(job, stop, running, rest, tracer, sound or Soundness())
        ticking.add_job(work, "interval", seconds=seconds, id=job.name, next_run_time=utc_now())
    ticking.start()
    log.info("scheduler started", extra={"facts": {"count": len(jobs)}})
    await stop.wait()
    ticking.pause()
    await asyncio.sleep(0)  # a job that was just handed over begins, so that it is among those waited for
    left = set(running)
    if left:
        _, left = await asyncio.wait(left, timeout=grace)
    ticking.shutdown(wait=False)
    if left:
        log.error("jobs were broken off", extra={"facts": {"count": len(left)}})
        await asyncio.wait(left, timeout=rest)
    log.info("scheduler stopped")


def _told(
    job: Job,
    stop: asyncio.Event,
    running: set[asyncio.Task[Any]],
    rest: float,
    tracer: "Tracer | None",
    sound: Soundness,
) -> Callable[[], Coroutine[Any, Any, None]]:
    """The job as it is ticked: under a request id of its own, its failure told with its name, then a rest."""

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        logs.request_id.set(ids.opaque_key(9))
        well = False
        sound.begins(job.name, utc_now())
        try:
            with tracing.traced(tracer, f"job {job.name}"):
                await job.work()
            well = True
        except Exception:
            log.exception("job failed", extra={"facts": {"job": job.name}})
            sound.ends(job.name, utc_now(), well=False)
            await _rested(stop, rest)
        finally:
            sound.ends(job.name, utc_now(), well=well)
            running.discard(task)

    return work


async def _rested(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _lost(event: JobExecutionEvent) -> None:
    """What no job could tell itself: it was broken off, or never started."""
    log.error("job did not run to its end", extra={"facts": {"job": event.job_id, "code": event.code}})


if __name__ == "__main__":
    main()
