"""`henkham demo`: everything on one machine, with sample data and no carrier.

Three processes under this one: PostgreSQL, the web server, the scheduler. Each is asked by the kernel to end with us,
so nothing is left behind even after kill -9.
"""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fastapi import FastAPI

from booking import clock, embedded, logs, sealed
from booking.actor import system
from booking.availability.commands import PublishSlots
from booking.availability.seeding import seed_calendar, seed_sample_timetable
from booking.cli import demo_files, demo_slips, demo_staff
from booking.cli.demo_files import Folder
from booking.cli.terminal import say
from booking.db import Database
from booking.directory.seeding import seed_directory
from booking.embedded import EmbeddedError
from booking.exchange import service as exchange
from booking.main import create_app
from booking.migrations import upgrading
from booking.settings import Settings, SettingsError, load
from booking.training import service as training

_PROJECT = Path(__file__).resolve().parents[2]
_LAUNCH = Path(embedded.__file__).with_name("launch.py")
_DATABASE = "henkham"
_START_SECONDS = 60
_STOP_SECONDS = 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Stopped(Exception):
    """Somebody pressed Ctrl-C or asked us to end."""


def application() -> FastAPI:
    """The demo's web application: the only one that mounts the inbox."""
    settings = load()
    if settings.environment != "demo":
        raise SettingsError(["the SMS inbox is for `henkham demo` only"])
    logs.configure(settings.log_level)
    return create_app(settings, inbox=True)


def run(*, host: str, port: int | None, data: Path | None, reset: bool) -> None:
    """Start everything, say where it is, wait for Ctrl-C, stop everything."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    folder = data or embedded.default_data_dir(_PROJECT)
    try:
        with ExitStack() as stack:
            _run(stack, host=host, port=port, folder=folder, reset=reset)
    except Stopped:
        say("Everything is stopped. The data stays for the next start; --reset begins again.")
    except EmbeddedError as problem:
        say(f"The demo's database cannot start: {problem}")
        raise SystemExit(1) from None


def _run(stack: ExitStack, *, host: str, port: int | None, folder: Path, reset: bool) -> None:
    if reset:
        embedded.erase(folder)  # refuses while another demo runs on it: only then are its keys ours to throw away
    files = demo_files.claim(folder.with_name(f"{folder.name}-files"), reset=reset)
    listening = stack.enter_context(demo_files.listen(host, port))
    chosen = listening.getsockname()[1]
    say("1/5  Starting PostgreSQL ...")
    server = stack.enter_context(embedded.running(folder))
    if not server.has_database(_DATABASE):
        server.create_database(_DATABASE)
    environment = demo_files.environment(files, server.url(_DATABASE), host=host, port=chosen)
    settings = load(environment)
    sealed.install(settings.keyring())
    say("2/5  Bringing the schema up to date ...")
    upgrading.migrate(settings.database_url)
    say("3/5  Adding facilities, services and a sample timetable; publishing the coming weeks ...")
    slots = asyncio.run(_seed(settings))
    say(f"     {slots} times can be booked.")
    say("4/5  Handing over a sample export of a hospital's software ...")
    demo_files.hand_over_export(files, today=clock.local_day(clock.utc_now()))
    say("5/5  Starting the scheduler and the pages ...")
    number = listening.fileno()
    web = ["serve-demo", "--socket", str(number)]
    children = [
        stack.enter_context(_child(["scheduler"], environment, files.log("scheduler"))),
        stack.enter_context(_child(web, environment, files.log("web"), inherits=(number,))),
    ]
    listening.close()  # the web server has it now; held here, it would seem to answer after that one died
    _await_ready(f"http://{_reached(host)}:{chosen}", children, files)
    _say_addresses(settings.public_base_url, host, files)
    _wait(children, files)


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  the signature signal handlers have
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not break the stopping
    raise Stopped


async def _seed(settings: Settings) -> int:
    database = Database(settings.database_url, pool=1, application="henkham-demo")
    now = clock.utc_now()
    today = clock.local_day(now)
    try:
        async with database.transaction() as session:
            await seed_directory(session, now)
            await seed_calendar(session, today)
            await seed_sample_timetable(session, today)
            await demo_staff.add_missing(session, now=now)
            if not await training.is_there(session):
                await training.begin_anew(session, by=system("demo"), now=now)
        async with database.transaction() as session:
            command = PublishSlots(horizon_days=settings.horizon_days)
            await exchange.publish(session, command, by=system("demo"), now=now)
            return await demo_files.count_slots(session, now=now)
    finally:
        await database.close()


@contextmanager
def _child(
    arguments: list[str], environment: dict[str, str], log: Path, *, inherits: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that ends with us, its output in a log file."""
    launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(signal.SIGTERM)), "-1", "-1"]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  our own list, no shell
            [*launch, sys.executable, "-m", "booking", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**demo_files.inherited(), **environment},
            pass_fds=inherits,
            start_new_session=True,  # Ctrl-C is for us; we stop the others in their order
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reached(host: str) -> str:
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104  compared, not bound


def _await_ready(address: str, children: list[subprocess.Popen[bytes]], files: Folder) -> None:
    for _ in range(_START_SECONDS * 5):
        _check(children, files)
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310  our own address
                if answer.status == 200:  # noqa: PLR2004
                    return
        except OSError:
            clock.pause(0.2)
    say(f"The pages do not answer. Their log: {files.log('web')}")
    raise SystemExit(1)


def _check(children: list[subprocess.Popen[bytes]], files: Folder) -> None:
    for child, name in zip(children, ("scheduler", "web"), strict=True):
        if child.poll() is not None:
            say(f"The {name} ended with code {child.returncode}. The end of {files.log(name)}:")
            say(files.tail(name))
            raise SystemExit(1)


def _say_addresses(base: str, host: str, files: Folder) -> None:
    say()
    say("Hẹn Khám is running with sample data; no SMS leaves this machine.")
    say(f"  Pages for patients     {base}/")
    say(f"  Desk for staff         {base}/desk")
    say(f"                         {', '.join(each.username for each in demo_staff.ACCOUNTS)}")
    say(f"                         password of each: {demo_staff.PASSWORD}")
    say(f"  SMS inbox              {base}/inbox")
    say(f"                         a slip invites {demo_slips.NAME}, born {demo_slips.BORN}, CCCD {demo_slips.CARD}:")
    say("                         add her with both consents: she is shown it, and told by day")
    say(f"  API documentation      {base}/api/docs")
    say(f"  Hospital drop folder   {files.drop}")
    say(f"  Logs                   {files.logs}")
    if host not in _LOOPBACK:
        say("  Reached from other machines over plain HTTP: signing in needs HTTPS, and everybody who reaches this")
        say("  address can read the SMS inbox. Use it in a trusted network only.")
    say("Ctrl-C stops everything.")


def _wait(children: list[subprocess.Popen[bytes]], files: Folder) -> None:
    while True:
        _check(children, files)
        clock.pause(0.5)
