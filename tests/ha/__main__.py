"""`make test-ha`: bookings through HTTP while parts of the cluster fail; ends with 1 where one was lost.

make test-ha                          twenty trials, and the controls
make test-ha ARGS="--trials 6 --no-controls"
make test-ha ARGS=--restore           the way back to a moment, and nothing else
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path

import asyncpg

from booking import clock
from booking.migrations.upgrading import migrate_async
from tests.bench import bare
from tests.bench.seed import seed
from tests.ha import faults, network, replays, restoring
from tests.ha.cluster import PASSWORD, PORTS, Cluster
from tests.ha.faults import FAULTS
from tests.ha.writers import Told, Writers, people

URL = f"postgresql://postgres:{PASSWORD}@127.0.0.1:5432/henkham"
GAP_MOST = 30.0
_NEEDED = ("ip", "setpriv", "etcd", "haproxy")


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault: seconds without a promise, promises made in it, how many of them are not there, what else was said."""

    fault: str
    gap: float
    promised: int
    lost: int
    twice: int
    told: Told


def main() -> None:
    """Build, run, print, take down."""
    parser = argparse.ArgumentParser(prog="make test-ha", description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--patroni", type=Path, default=Path(sys.executable).with_name("patroni"))
    parser.add_argument("--restore", action="store_true", help="put the cluster back to a moment; needs pgbackrest")
    parser.add_argument("--keep", action="store_true", help="leave data and logs where they are")
    asked = parser.parse_args()
    needed = (*_NEEDED, "pgbackrest") if asked.restore else _NEEDED
    missing = [each for each in needed if shutil.which(each) is None] + [
        str(each) for each in (asked.patroni, Path("/usr/lib/postgresql/15/bin/postgres")) if not each.exists()
    ]
    if os.geteuid() != 0 or missing:
        raise SystemExit(f"make test-ha needs root and {', '.join(missing) or 'nothing else'}")
    as_postgres = [
        "setpriv",
        "--reuid",
        "postgres",
        "--regid",
        "postgres",
        "--init-groups",
        str(asked.patroni.resolve()),
    ]
    if subprocess.run([*as_postgres, "--version"], check=False, capture_output=True).returncode != 0:
        raise SystemExit(f"the user postgres cannot start {asked.patroni}: its Python lies where only others may read")
    home = Path(tempfile.mkdtemp(prefix="hkha-", dir="/var/tmp"))
    home.chmod(0o755)
    good = False
    try:
        with network.network():
            network.move_to(network.CLIENT)
            cluster = Cluster(home, asked.patroni.absolute())
            if asked.restore:
                cluster.archives = lambda machine: (
                    f"pgbackrest --config={restoring.settings_of(home, machine)} --stanza=henkham archive-push %p"
                )
            try:
                cluster.start()
                work = (
                    _restore(cluster) if asked.restore else _run(cluster, asked.trials, controls=not asked.no_controls)
                )
                good = asyncio.run(work)
            finally:
                cluster.stop()
    finally:
        if asked.keep or not good:
            print(f"data and logs: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    raise SystemExit(0 if good else 1)


async def _restore(cluster: Cluster) -> bool:
    await _create()
    return await restoring.run(cluster, URL, _connected)


async def _create() -> None:
    connection = await _connected(URL.replace("/henkham", "/postgres"))
    await connection.execute("CREATE DATABASE henkham")
    await connection.close()
    for _ in range(5):  # see `_connected`: until the proxy knows better, one after another may be a standby
        await (await _connected(URL)).close()
        await asyncio.sleep(0.5)


async def _run(cluster: Cluster, trials: int, *, controls: bool) -> bool:
    await _create()
    await migrate_async(URL)
    await seed(URL, bare.SCHEMA)
    await asyncio.to_thread(cluster.start_web, sys.executable, URL)
    print(f"{'fault':20}{'gap s':>8}{'promised':>10}{'lost':>6}{'twice':>7}  said meanwhile", flush=True)
    found = [await _trial(cluster, name, number) for number, name in enumerate(islice(cycle(FAULTS), trials), start=1)]
    gaps = sorted(one.gap for one in found)
    slowest = gaps[min(len(gaps) - 1, int(len(gaps) * 0.95))]
    lost, twice = sum(one.lost for one in found), sum(one.twice for one in found)
    print(f"{trials} trials: {lost} lost, {twice} twice, gap p95 {slowest:.1f} s (goal: 0, 0, {GAP_MOST:.0f} s)")
    good = lost == 0 and twice == 0 and slowest <= GAP_MOST
    return await _controls(cluster) and good if controls else good


async def _trial(cluster: Cluster, name: str, number: int) -> Trial:
    fault = FAULTS.get(name) or faults.behind_and_killed
    await asyncio.to_thread(cluster.healthy)
    first_day = clock.local_day(clock.utc_now()) + timedelta(days=2)
    writers = Writers(people(number, f"t{number}", first_day), PORTS)
    await asyncio.sleep(4)
    began = asyncio.get_running_loop().time()
    await fault(cluster)
    await asyncio.to_thread(cluster.healthy)
    await asyncio.sleep(3)
    told = await writers.stop()
    lost, twice = await _missing(told)
    made = Trial(name, told.gap(began), len(told.promised), lost, twice, told)
    said = ", ".join(f"{word} {times}" for word, times in sorted(told.said.items()) if word != "promised")
    open_ = f", {told.open} never knew" if told.open else ""
    print(f"{name:20}{made.gap:8.1f}{made.promised:10,}{lost:6}{twice:7}  {said}{open_}", flush=True)
    return made


async def _missing(told: Told) -> tuple[int, int]:
    """Promises that are not there, and people who have two visits for one key."""
    connection = await _connected(URL)
    codes = [code for _, code in told.promised]
    found = await connection.fetch("SELECT code FROM appointment WHERE code = ANY($1) AND state = 'booked'", codes)
    twice = await connection.fetchval(
        "SELECT count(*) FROM (SELECT slot_id, place FROM appointment WHERE state IN ('held', 'booked')"
        " GROUP BY 1, 2 HAVING count(*) > 1) taken_twice"
    )
    await connection.close()
    return len(set(codes) - {row["code"] for row in found}), twice + len(codes) - len(set(codes))


async def _connected(url: str) -> asyncpg.Connection:
    """The primary, once the proxy has found it."""
    for _ in range(30):
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
            connection = await asyncpg.connect(url, timeout=5)
            if not await connection.fetchval("SELECT pg_is_in_recovery()"):
                return connection
            await connection.close()  # a proxy that has just started takes every server for the primary
        await asyncio.sleep(1)
    raise AssertionError("no primary answers")


async def _controls(cluster: Cluster) -> bool:
    """Each must come out as it says: a rig in which nothing can be lost would prove nothing."""
    with_standby = await _trial(cluster, "behind, then killed", 1001)
    read, read_lost = await _replays(cluster, "reading", 1)
    wrote, wrote_lost = await _replays(cluster, "writing", 2)
    cluster.configure(synchronous_mode=False, synchronous_mode_strict=False)
    await asyncio.sleep(8)
    without = await _trial(cluster, "behind, asynchronous", 1002)
    cluster.configure(synchronous_mode=True, synchronous_mode_strict=True)
    print(f"commits that wait: {with_standby.lost} lost (must be 0); that do not: {without.lost} (must be some)")
    print(f"cancelled and replayed by reading: {read_lost} of {read} believed lost (must be some)")
    print(f"cancelled and replayed by writing: {wrote_lost} of {wrote} believed lost (must be 0 of some)")
    return with_standby.lost == 0 and without.lost > 0 and read_lost > 0 and wrote > 0 and wrote_lost == 0


async def _replays(cluster: Cluster, replay: str, number: int) -> tuple[int, int]:
    await asyncio.to_thread(cluster.healthy)
    await replays.prepare(URL)
    await asyncio.to_thread(cluster.healthy)
    fault = asyncio.ensure_future(faults.behind_and_killed(cluster, seconds=4.0))
    await asyncio.sleep(0.3)
    believed = await replays.believers(URL, replay, f"{replay}{number}")
    await fault
    await asyncio.to_thread(cluster.healthy)
    return len(believed), await replays.missing(URL, believed)


if __name__ == "__main__":
    main()
