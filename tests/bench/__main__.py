"""`make bench`: ours beside the bare endpoint, on the same PostgreSQL, in one run; then the time of each page.

    make bench ARGS="--pages --slots 1000000"      the pages alone, at a million slots
    make bench ARGS="--sms --messages 10000000"    SMS alone, beside ten million old messages
    make bench ARGS="--feeds"                      hospital exports alone: 100,000 rows; 19 feeds beside bookings
    make bench ARGS="--memory"                     the memory of web processes alone, once every page was opened
    make bench ARGS="--live"                       480 live pages alone: how soon they follow, and return after a kill

Bursts are interleaved (bare, ours, bare, ours ...) and the median counts, so that a busy neighbour of the machine
hits both alike. CPU is what the server's process and all PostgreSQL processes used, per request.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil

from booking import clock, embedded
from booking.embedded import Server
from tests.bench import bare, feed_forms, feeds, feeds_beside, live, load, memory, pages, sms
from tests.bench.load import Burst, Contestant, Path_
from tests.bench.processes import cpu, database, database_cpu, web
from tests.bench.seed import SLOTS, seed
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN
from tests.conftest import environment
from tests.outbox import BASE

POOL = 4
"""Connections of either contestant: two a core. More only wait for each other."""
GOALS = {"book": 0.5, "slots": 0.6}


@dataclass
class Measured:
    """All bursts of one contestant on one path, with the CPU seconds they took."""

    bursts: list[Burst] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    def median(self, name: str) -> float:
        """The median of one measure over the bursts."""
        values: list[float] = [getattr(burst, name) for burst in self.bursts]
        return statistics.median(values)

    def cpu_ms(self, which: list[float]) -> float:
        """Milliseconds of CPU per request."""
        return 1000 * statistics.median(cpu / burst.requests for cpu, burst in zip(which, self.bursts, strict=True))


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--pages", action="store_true", help="only the time of each page")
    parser.add_argument("--live", action="store_true", help="only the live pages: 480 streams, and a restart")
    parser.add_argument("--slots", type=int, default=SLOTS, help="how many slots the pages are read from")
    parser.add_argument("--sms", action="store_true", help="only SMS: ticks, receipts, waits")
    parser.add_argument("--messages", type=int, default=sms.MESSAGES, help="how many old messages lie beside them")
    parser.add_argument("--memory", action="store_true", help="only what memory web processes take")
    parser.add_argument("--feeds", action="store_true", help="only hospital exports")
    parser.add_argument("--rows", type=int, default=feeds.ROWS, help="of the large export")
    parser.add_argument("--form", default="csv", choices=["csv", *feed_forms.FORMS], help="of the large export")
    parser.add_argument("--pairs", type=int, default=3, help="minutes with 19 feeds and as many without")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder) / "data") as server:
            if asked.sms:
                _measure_sms(server, asked.messages)
                return
            if asked.memory:
                url = database(server, "memory")
                memory.measure(url, {**os.environ, **environment(url, HENKHAM_LOG_LEVEL="WARNING")})
                return
            if asked.feeds:
                _measure_feeds(server, Path(folder), asked.rows, asked.pairs, asked.form)
                return
            if not asked.pages and not asked.live:
                url = database(server, "bench")
                print(f"Seeding {SLOTS:,} slots ...", flush=True)
                asyncio.run(seed(url, bare.SCHEMA))
                _measure(server, url, rounds=asked.rounds, seconds=asked.seconds)
            if not asked.live:
                _measure_pages(server, asked.slots)
            if not asked.pages:
                _measure_live(server)


def _measure_pages(server: Server, slots: int) -> None:
    url = database(server, "pages")
    print(f"Seeding the directory and {slots:,} slots for its pages ...", flush=True)
    made = asyncio.run(pages.seed_pages(url, slots))
    variables = {**environment(url, HENKHAM_DATABASE_POOL=str(POOL), HENKHAM_LOG_LEVEL="WARNING"), "PORT": "18473"}
    with web("booking.cli.serving:application", "/readyz", variables) as (address, pid):
        ways, cookies = asyncio.run(pages.prepare(address, url))
        found = pages.ask_all(address, ways, cookies, lambda: (cpu(pid), database_cpu(server)))
        pages.print_pages(found, made)


def _measure_live(server: Server) -> None:
    limits = {"HENKHAM_LIMIT_STREAMS_PER_ADDRESS": "2000", "HENKHAM_DATABASE_POOL": "16"}  # as in production
    for name in ("live", "screens"):
        url = database(server, name)
        variables = {**environment(url, HENKHAM_LOG_LEVEL="WARNING", **limits), "PORT": str(live.PORT)}
        with contextlib.ExitStack() as running:

            def start(running: contextlib.ExitStack = running, variables: dict[str, str] = variables) -> int:
                return running.enter_context(web("booking.cli.serving:application", "/readyz", variables))[1]

            if name == "live":
                live.print_live(asyncio.run(live.measure(url, start)))
            else:
                live.print_steady(asyncio.run(live.steady(url, start)))


def _measure_sms(server: Server, messages: int) -> None:
    url = database(server, "sms")
    twilio = {
        "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": "HenKham", "PUBLIC_BASE_URL": BASE, "HENKHAM_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    variables = {**environment(url, **twilio), "PORT": "18478"}
    with web("booking.cli.serving:application", "/readyz", variables) as (address, _):
        sms.measure(url, address, messages)


def _measure_feeds(server: Server, folder: Path, rows: int, pairs: int, form: str) -> None:
    url = database(server, "feeds")
    large, others = feeds.big(rows, form), feeds_beside.places()
    print("Seeding hospitals and their slots ...", flush=True)
    asyncio.run(feeds.seed(url, [large, *others]))
    home = feeds.home(folder, [large, *others])
    variables = {**environment(url, HENKHAM_DATABASE_POOL=str(POOL), HENKHAM_LOG_LEVEL="WARNING"), "PORT": "18479"}
    with feeds.worker(url, home, lambda: database_cpu(server)) as worker:
        feeds.measure(large, home, rows, worker)
        if not pairs:
            return
        hospitals = feeds_beside.Hospitals(home, others, worker)
        for _ in others:
            hospitals.send()
        worker.look()
        with web("booking.cli.serving:application", "/readyz", variables) as (address, _):
            feeds_beside.measure(address, asyncio.run(feeds_beside.free_times(url)), hospitals, pairs)


def _measure(server: Server, url: str, *, rounds: int, seconds: int) -> None:
    variables = {**environment(url, HENKHAM_DATABASE_POOL=str(POOL), HENKHAM_LOG_LEVEL="WARNING")}
    first_day = clock.local_day(clock.utc_now()) + timedelta(days=2)
    measured: dict[tuple[Path_, Contestant], Measured] = {}
    with (
        web("tests.bench.bare:application", "/static", {**variables, "PORT": "18471"}) as bare_web,
        web("booking.cli.serving:application", "/readyz", {**variables, "PORT": "18472"}) as our_web,
    ):
        contestants: list[tuple[Contestant, tuple[str, int]]] = [("bare", bare_web), ("ours", our_web)]
        number = 0
        for path in ("slots", "book"):
            for turn in range(rounds + 1):
                for who, (address, pid) in contestants:
                    result = measured.setdefault((path, who), Measured())
                    before = cpu(pid), database_cpu(server)
                    burst = load.fire(
                        address, who, path, first_number=number, seconds=2 if turn == 0 else seconds,
                        first_day=first_day,
                    )  # fmt: skip
                    number += 1_000_000
                    if turn > 0:  # the first one warms caches and connections
                        result.bursts.append(burst)
                        result.server_cpu.append(cpu(pid) - before[0])
                        result.database_cpu.append(database_cpu(server) - before[1])
                    print(".", end="", flush=True)
        print()
        _print(measured, rss=psutil.Process(our_web[1]).memory_info().rss)


def _print(measured: dict[tuple[Path_, Contestant], Measured], *, rss: int) -> None:
    heads = f"{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'server CPU':>12}{'database CPU':>14}{'refused':>9}{'lost':>6}"
    print(f"\n{'':14}{heads}")
    for (path, who), result in measured.items():
        print(
            f"{path + ' ' + who:14}{result.median('per_second'):8.0f}{result.median('p50_ms'):9.1f}"
            f"{result.median('p99_ms'):9.1f}{result.cpu_ms(result.server_cpu):9.2f} ms"
            f"{result.cpu_ms(result.database_cpu):11.2f} ms"
            f"{sum(b.refused for b in result.bursts):9}{sum(b.lost for b in result.bursts):6}"
        )
    print()
    names: dict[Path_, str] = {"book": "booking", "slots": "availability"}
    for path, name in names.items():
        ratio = measured[path, "ours"].median("per_second") / measured[path, "bare"].median("per_second")
        print(f"{name}: {ratio:.2f} of bare (goal {GOALS[path]})")
    print(f"memory of our web process: {rss / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
