"""`make rush`: rushes on PostgreSQL from the wheel, two web processes, and one generator on a core of its own.

    make rush ARGS="steady --rate 300 --minutes 15"
    make rush ARGS="release --people 11000 --seconds 60"
    make rush ARGS="overload --seconds 10"
    make rush ARGS="past --appointments 10000000"

Everything runs on one machine, so the generator takes CPU from what it measures: the table says how late it was, and a
run in which it was too late counts for nothing.
"""

import argparse
import asyncio
import contextlib
import os
import random  # noqa: TID251  a seed of its own: the same people come in the same order
import tempfile
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from booking import clock, embedded
from booking.embedded import Server
from tests.bench import bare
from tests.bench.processes import cpu, database, database_cpu, web
from tests.bench.rush import front, overload, past, world
from tests.bench.rush.client import Client
from tests.bench.rush.open_loop import Run, drive
from tests.bench.rush.release import Release
from tests.bench.rush.steady import Mix
from tests.bench.rush.world import PLACES, People
from tests.bench.seed import seed
from tests.conftest import environment

_PORTS = (18491, 18492)
_SETTINGS = Path(__file__).parents[3] / "deploy/postgresql/henkham.conf"


def main() -> None:
    """Seed, start, run, print."""
    parser = argparse.ArgumentParser(prog="make rush", description=__doc__)
    parser.add_argument("which", choices=("steady", "release", "overload", "past"))
    parser.add_argument("--rate", type=float, default=300, help="requests a second of the steady mix")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--people", type=int, default=11_000)
    parser.add_argument("--seconds", type=float, default=None, help="of the release (60), or of a step (10)")
    parser.add_argument("--appointments", type=int, default=10_000_000, help="how many lie in the past of one city")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--nginx", action="store_true", help="through the site of deploy/nginx, as people come")
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder) / "data") as server:
            _as_installed(server)
        with embedded.running(Path(folder) / "data") as server:
            if asked.which == "past":
                _two_cities(asked, server)
            else:
                _one_city(asked, server, Path(folder) / "front")


def _as_installed(server: Server) -> None:
    """The settings of deploy/postgresql; they hold from the next start on."""
    for line in _SETTINGS.read_text("utf-8").splitlines():
        name, _, value = line.partition("#")[0].partition("=")
        if value:
            quoted = value.strip().strip("'")
            try:
                server.sql(f"ALTER SYSTEM SET {name.strip()} = '{quoted}'")
            except embedded.EmbeddedError:
                print(f"{name.strip()} = {quoted}: this build of PostgreSQL cannot; it stays at its default")


def _one_city(asked: argparse.Namespace, server: Server, front_home: Path) -> None:
    url = database(server, "rush")
    print("Seeding 200,000 slots ...", flush=True)
    asyncio.run(seed(url, bare.SCHEMA))
    ports = list(_PORTS[: asked.processes])
    with contextlib.ExitStack() as running:
        pids = [running.enter_context(_web(url, port)) for port in ports]
        before = sum(map(cpu, pids)), database_cpu(server)
        doors = [running.enter_context(front.nginx(front_home, ports))] if asked.nginx else ports
        _alone()
        uvloop.run(_run(asked, url, doors))
        print(
            f"CPU seconds: web {sum(map(cpu, pids)) - before[0]:.1f}, database"
            f" {database_cpu(server) - before[1]:.1f}, generator {sum(os.times()[:2]):.1f}"
        )


def _two_cities(asked: argparse.Namespace, server: Server) -> None:
    """A web process for each, because what is compared is the database alone."""
    urls = [database(server, name) for name in ("young", "old")]
    for url in urls:
        asyncio.run(seed(url, bare.SCHEMA))
    print(f"Filling a past of {asked.appointments:,} visits ...", flush=True)
    there = asyncio.run(past.fill(urls[1], asked.appointments))
    print(
        f"{there:,} visits, {server.sql('SELECT pg_size_pretty(pg_database_size(current_database()))', database='old')}"
    )
    with contextlib.ExitStack() as running:
        for url, port in zip(urls, _PORTS, strict=True):
            running.enter_context(_web(url, port))
        _alone()
        uvloop.run(_compare(asked))
    for url in urls:
        print(f"places that two have, or counts that are wrong: {asyncio.run(world.faults(url))}")


@contextlib.contextmanager
def _web(url: str, port: int) -> Iterator[int]:
    variables = environment(url, HENKHAM_DATABASE_POOL="4", HENKHAM_LOG_LEVEL="WARNING")
    with web("booking.cli.serving:application", "/readyz", {**variables, "PORT": str(port)}) as (_, pid):
        yield pid


def _alone() -> None:
    """The last core is the generator's, before everybody else who wants it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with contextlib.suppress(PermissionError):
        os.nice(-10)


def _run(asked: argparse.Namespace, url: str, ports: list[int]) -> Coroutine[Any, Any, None]:
    people = People(random.Random(asked.seed), clock.local_day(clock.utc_now()) + timedelta(days=2), f"r{asked.seed}")
    client = Client(ports)
    if asked.which == "steady":
        return _steady(asked, url, client, people)
    if asked.which == "release":
        return _release(asked, url, client, people)
    return _overload(asked, url, client, people)


async def _compare(asked: argparse.Namespace) -> None:
    day = clock.local_day(clock.utc_now()) + timedelta(days=2)
    clients = [Client([port]) for port in _PORTS]
    crowds = [People(random.Random(asked.seed), day, f"p{asked.seed}") for _ in clients]
    for client, people in zip(clients, crowds, strict=True):
        await _warm(client, people)
    mixes = [partial(Mix, client, people) for client, people in zip(clients, crowds, strict=True)]
    young, old = await past.beside(mixes, rate=asked.rate / 2, seconds=asked.seconds or 30, rounds=6)
    for name, run in (("no past", young), (f"{asked.appointments:,} visits in the past", old)):
        print(name)
        _table(run)
    for what in ("slots", "book"):
        shares = (f"p{cut} {old.ms(what, cut) / (young.ms(what, cut) or 1):.2f}" for cut in (50, 99))
        print(f"{what}: the old city's time by the young one's: {', '.join(shares)} (goal 1.2)")


async def _warm(client: Client, people: People) -> None:
    run = Run()
    await drive(Mix(client, people, run).arrivals(100, 5), run)


async def _steady(asked: argparse.Namespace, url: str, client: Client, people: People) -> None:
    await _warm(client, people)
    run = Run()
    await drive(Mix(client, people, run).arrivals(asked.rate, asked.minutes * 60), run)
    _table(run)
    print(f"goal: p99 of all within 200 ms; it is {run.all.get_value_at_percentile(99) / 1000:.0f} ms")
    await _verdict(url, run)


async def _release(asked: argparse.Namespace, url: str, client: Client, people: People) -> None:
    await _warm(client, people)
    days = await world.release(url, clock.utc_now())
    run = Run()
    rush = Release(client, people, run, days)
    await drive(rush.arrivals(asked.people, asked.seconds or 60), run)
    _table(run)
    stand = await world.booked(url, world.RUSH)
    print(
        f"{PLACES:,} places, {stand:,} booked, {len(rush.promised):,} promised, {len(set(rush.promised)):,} different"
    )
    print(f"goal: a definite answer within 5 s (p99); it is {run.ms('told', 99) / 1000:.2f} s")
    await _verdict(url, run)


async def _overload(asked: argparse.Namespace, url: str, client: Client, people: People) -> None:
    await _warm(client, people)
    found = await overload.measure(lambda run: Mix(client, people, run), seconds=asked.seconds or 10)
    for rate, done, slowest in found.steps:
        print(f"asked {rate:6.0f}/s, answered {done:6.0f}/s, p99 {slowest:7.0f} ms")
    print(f"peak {found.peak:.0f}/s; asked five times as much:")
    _table(found.over)
    share = found.over_goodput / found.peak if found.peak else 0.0
    print(f"goodput {found.over_goodput:.0f}/s, {share:.0%} of the peak (goal 80 %)")
    print("ten seconds later, at half the peak:")
    _table(found.after)
    await _verdict(url, found.over)


def _table(run: Run) -> None:
    print(f"{'':14}{'number':>10}{'p50 ms':>10}{'p99 ms':>10}{'p99.9 ms':>10}{'most ms':>10}")
    for what, took in sorted(run.took.items()):
        most = took.get_max_value() / 1000
        print(
            f"{what:14}{took.total_count:10,}{run.ms(what, 50):10.1f}{run.ms(what, 99):10.1f}"
            f"{run.ms(what, 99.9):10.1f}{most:10.0f}"
        )
    print("; ".join(f"{said}: {number:,}" for said, number in sorted(run.said.items())))
    late = f"the generator sent one in a hundred {run.lag_ms:.1f} ms late"
    print(f"{late}: THIS RUN IS VOID" if run.void else late)


async def _verdict(url: str, run: Run) -> None:
    broken = await world.faults(url)
    faults = run.count(" 500", " 502", " 504", "lost", "nothing within the patience")
    print(f"places that two have, or counts that are wrong: {broken}; answers 5xx or lost: {faults}")


if __name__ == "__main__":
    main()
