"""What memory a web process takes once every page was opened in it, as deploy/ runs them: two, each on its port.

RSS counts what is shared with other processes in full, PSS shares it out among them, "own" leaves it out. The pages
are asked for one after another, of patients and of the desk in each role, and the times of a day by the API; live
pages, which end never, are left out. Both languages are read.
"""

import asyncio
import collections
import contextlib
import http.client
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from booking.access.kinds import Role
from booking.db import Database
from booking.i18n import LANGUAGES
from booking.main import create_app
from booking.settings import load
from tests import staff
from tests.bench import pages
from tests.bench.processes import await_answer
from tests.conftest import environment
from tests.routes import routes

GOAL: Final = 120
"""MiB a process may take."""
SLOTS: Final = 20_000
_PORTS: Final = (18474, 18475)
_ROUNDS: Final = 3
_FACILITY: Final = "BVVT"


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB."""

    rss: float
    pss: float
    own: float

    def __str__(self) -> str:
        return f"RSS {self.rss:6.1f}   PSS {self.pss:6.1f}   own {self.own:6.1f} MiB"


def of(pid: int) -> Memory:
    """As the kernel tells it now."""
    told = dict(re.findall(r"(?m)^(\w+):\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")))
    own = int(told["Private_Clean"]) + int(told["Private_Dirty"])
    return Memory(int(told["Rss"]) / 1024, int(told["Pss"]) / 1024, own / 1024)


def measure(url: str, variables: dict[str, str]) -> None:
    """Start two, open everything in both, print the table. Of a migrated database without rows."""
    asyncio.run(pages.seed_pages(url, SLOTS))
    with contextlib.ExitStack() as running:
        served = [running.enter_context(_served(port, variables)) for port in _PORTS]
        print(f"\n{'memory of web processes':32}{'first':>44}{'second':>48}")
        _say("started", served)
        patients, cookies = asyncio.run(pages.prepare(served[0][0], url))
        desks = asyncio.run(_desks(url))
        for number in range(_ROUNDS):
            for address, _ in served:
                statuses = _ask(address, {(cookies, next(paths)) for paths in patients.values()})
                statuses += _ask(address, desks | {("", path) for path in _api(patients)})
            _say(f"after round {number + 1}", served)
        told = ", ".join(f"{number} times {status}" for status, number in sorted(statuses.items()))
        print(f"a round is {sum(statuses.values())} addresses: {told}; the goal is {GOAL} MiB")


def _say(when: str, served: list[tuple[str, int]]) -> None:
    print(f"{when:32}" + "   ".join(str(of(pid)) for _, pid in served), flush=True)


@contextlib.contextmanager
def _served(port: int, variables: dict[str, str]) -> Iterator[tuple[str, int]]:
    """One process as the unit starts it."""
    command = [sys.executable, "-m", "booking", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=variables)
    address = f"http://127.0.0.1:{port}"
    try:
        await_answer(f"{address}/readyz")
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(40)


async def _desks(url: str) -> set[tuple[str, str]]:
    """Each page of the desk for each role: a cookie, a path."""
    database = Database(url, pool=1)
    try:
        cookies = []
        for role in Role:
            name = f"{role.value.replace('_', '.')}.bench"
            await staff.add(database, name, role, [] if role in (Role.CITY_ADMIN, Role.AUDITOR) else [_FACILITY])
            cookies.append(f"desk={await staff.sign_in(database, name)}")
    finally:
        await database.close()
    app = create_app(load(environment(url)))
    found = {path.replace("{facility}", _FACILITY) for path, methods in routes(app) if "GET" in methods}
    pages_of_desk = {path for path in found if path.startswith("/desk") and "{" not in path}
    return {(cookie, path) for cookie in cookies for path in pages_of_desk if not path.endswith("/live")}


def _api(patients: dict[str, Iterator[str]]) -> list[str]:
    """The times of some days, as a program asks for them."""
    days = [next(patients["times"]).split("/")[2:] for _ in range(20)]
    return [f"/api/v1/slots?facility={place}&service={what}&from={day}&to={day}" for place, what, day in days]


def _ask(address: str, asked: set[tuple[str, str]]) -> collections.Counter[int]:
    there = urlsplit(address)
    assert there.hostname
    connection = http.client.HTTPConnection(there.hostname, there.port, timeout=60)
    statuses: collections.Counter[int] = collections.Counter()
    for (cookie, path), language in itertools.product(sorted(asked), LANGUAGES):
        headers = {"Cookie": cookie, "Accept-Language": language, "Accept-Encoding": "gzip"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
    connection.close()
    return statuses
