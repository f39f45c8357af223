"""480 live pages on one server: how soon they show what was done, and when they are back after it was killed.

440 telephones of people who wait in one line, 30 desks and 10 displays listen as browsers do: they keep the position
they were told, and return after the time they were told. Nothing is asserted: a person reads the figures.
"""

import asyncio
import contextlib
import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import orjson
import psutil
from sqlalchemy import text

from booking import clock, sealed
from booking.access.kinds import Role
from booking.db import Database
from booking.queue import commands, displays, service
from booking.settings import load
from tests import people, seeds, staff
from tests.conftest import environment
from tests.queues import CLERK
from tests.seeds import FACILITY, SERVICE

PORT = 18474
TELEPHONES, DESKS, DISPLAYS, ACTS, AWAY = 440, 30, 10, 15, 3
SCREENS, A_SECOND, SECONDS = 300, 5, 30
"""The steady part: so many pages, and so many calls a second for so long."""
_ADDRESS = f"http://127.0.0.1:{PORT}"
_NOW = (
    "UPDATE session SET day = :day, starts_at = :start, ends_at = :close WHERE id = :session",
    "UPDATE slot SET starts_at = :start, ends_at = :end WHERE id = :slot",
    "UPDATE appointment SET starts_at = :start, ends_at = :end",
)
Position = tuple[int, int]


@dataclass
class Listener:
    """A page: when it was told what."""

    kind: str
    path: str
    cookie: str = ""
    told: list[tuple[float, Position]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    retry: float = 2.0
    last: str = ""

    async def listen(self) -> None:
        """For ever, as an EventSource does."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._once()
            await asyncio.sleep(self.retry)

    async def _once(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT, limit=2**22)
        try:
            headers = f"Last-Event-ID: {self.last}\r\n" if self.last else ""
            headers += f"Cookie: {self.cookie}\r\n" if self.cookie else ""
            request = f"GET {self.path} HTTP/1.1\r\nHost: bench\r\nAccept-Language: vi\r\n{headers}\r\n"
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(head[:40])
            while size := int((await reader.readline()).strip() or b"0", 16):
                self._hear((await reader.readexactly(size + 2)).decode())
        finally:
            writer.close()

    def _hear(self, block: str) -> None:
        if block.startswith("retry: "):
            self.retry = int(block.split()[1]) / 1000
        position = re.search(r"^id: (\d+)-(\d+)$", block, re.MULTILINE)
        if position is None:
            if block.startswith(": beat") and self.told:  # it looked, and nothing on this page is another
                self.told.append((time.perf_counter(), self.told[-1][1]))
            return
        self.last = f"{position[1]}-{position[2]}"
        self.told.append((time.perf_counter(), (int(position[1]), int(position[2]))))
        if self.kind == "display":
            told = orjson.loads(block.partition("data: ")[2])
            self.calls += [call["number"] for call in told.get("calls", ())]

    def reached(self, position: Position, since: float) -> float | None:
        """When it was right after a moment: told of everything up to a position, or that nothing has changed for it."""
        calm = self.kind == "telephone"
        return next((at for at, there in self.told if at >= since and (there >= position or calm)), None)


@dataclass(frozen=True)
class Found:
    """Seconds from an act to each page, by kind; from the new server's first answer to each page; calls of displays.

    `cpu` is what the server spent on one act, whatever else the machine did meanwhile.
    """

    follow: dict[str, list[float]]
    back: dict[str, list[float]]
    away: float
    cpu: float
    calls_told: int
    calls_missed: int
    calls_doubled: int


async def measure(url: str, start: Callable[[], int]) -> Found:
    """Fill, listen, act, kill, and listen again."""
    sealed.install(load(environment(url)).keyring())
    pid = start()
    database = Database(url, pool=4)
    listeners = await _filled(database)
    listening = [asyncio.create_task(one.listen()) for one in listeners]
    await _until(listeners, 0.0)
    await asyncio.sleep(2)
    follow: dict[str, list[float]] = {}
    called = []
    spent_before, acted = _cpu(pid), 0.0
    for _ in range(ACTS):
        began = time.perf_counter()
        called.append(await _call(database))
        for kind, spent in (await _reached(listeners, await _position(database), began)).items():
            follow.setdefault(kind, []).extend(spent)
        acted = _cpu(pid) - spent_before
        await asyncio.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    killed = time.perf_counter()
    called += [await _call(database) for _ in range(AWAY)]
    await asyncio.to_thread(start)
    answers = time.perf_counter()
    back = await _reached(listeners, await _position(database), killed)
    back = {kind: [max(0.0, spent - (answers - killed)) for spent in found] for kind, found in back.items()}
    await asyncio.sleep(1)
    heard = [one.calls for one in listeners if one.kind == "display"]
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await database.close()
    return Found(
        follow, back, answers - killed, acted / ACTS, len(called),
        sum(number not in calls for calls in heard for number in called),
        sum(calls.count(number) - 1 for calls in heard for number in set(calls)),
    )  # fmt: skip


def _cpu(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


async def steady(url: str, start: Callable[[], int]) -> dict[str, list[float]]:
    """Seconds from a call to each page that shows it, by kind, while calls come at their moments, answered or not."""
    sealed.install(load(environment(url)).keyring())
    pid = start()
    database = Database(url, pool=4)
    everybody = await _filled(database)
    listeners = everybody[: SCREENS - DESKS - DISPLAYS] + everybody[-DESKS - DISPLAYS :]
    listening = [asyncio.create_task(one.listen()) for one in listeners]
    await _until(listeners, 0.0)
    await asyncio.sleep(2)
    acts: list[tuple[float, Position]] = []
    began, spent = time.perf_counter(), _cpu(pid)
    for number in range(A_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
        intended = began + number / A_SECOND
        await _call(database)
        acts.append((intended, await _position(database)))
    found: dict[str, list[float]] = {"server CPU a call": [(_cpu(pid) - spent) / len(acts)] * 2}
    for since, position in acts:
        for kind, took in (await _reached(listeners, position, since)).items():
            found.setdefault(kind, []).extend(took)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await database.close()
    return found


async def _until(listeners: list[Listener], since: float) -> None:
    while not all(one.told and one.told[-1][0] > since for one in listeners):  # noqa: ASYNC110  a person waits
        await asyncio.sleep(0.05)


async def _reached(listeners: list[Listener], position: Position, since: float) -> dict[str, list[float]]:
    """When each page was right, by kind."""
    async with asyncio.timeout(120):
        while not all(one.reached(position, since) for one in listeners):  # noqa: ASYNC110  likewise
            await asyncio.sleep(0.05)
    found: dict[str, list[float]] = {}
    for one in listeners:
        found.setdefault(one.kind, []).append((one.reached(position, since) or since) - since)
    return found


async def _call(database: Database) -> str:
    async with database.transaction() as session:
        command = commands.CallNext(facility=FACILITY, service=SERVICE)
        return (await service.call_next(session, command, by=CLERK, now=clock.utc_now())).label


async def _position(database: Database) -> Position:
    async with database.hot() as hot:
        row = (await hot.fetch("SELECT xid, id FROM live_event ORDER BY xid DESC, id DESC LIMIT 1"))[0]
    return int(row["xid"]), int(row["id"])


async def _filled(database: Database) -> list[Listener]:
    """Everybody has booked and is there."""
    world = await seeds.seed(database, capacities=[TELEPHONES])
    visits = await _booked(world.booking, world.slots[0])
    now = clock.utc_now()
    values = {
        "day": clock.local_day(now), "start": now, "end": now + timedelta(minutes=15),
        "close": now + timedelta(hours=4), "session": world.session_id, "slot": world.slots[0],
    }  # fmt: skip
    async with database.transaction() as session:
        for statement in _NOW:
            await session.execute(text(statement), values)
    async with database.transaction() as session:
        for code, _ in visits:
            command = commands.CheckIn(facility=FACILITY, code=code)
            await service.check_in(session, command, by=CLERK, now=now)
        await displays.add(session, commands.AddDisplay(facility=FACILITY, name="Bench"), by=CLERK, now=now)
        token = (await displays.displays_of(session, world.facility_id))[0].token
    cookies = []
    for number in range(DESKS):
        await staff.add(database, f"quay-{number}.mau", Role.CLERK, [FACILITY])
        cookies.append(f"desk={await staff.sign_in(database, f'quay-{number}.mau')}")
    return [
        *(Listener("telephone", f"/t/{code}/{key}/live") for code, key in visits),
        *(Listener("desk", f"/desk/{FACILITY}/queue/live?service={SERVICE}", cookie) for cookie in cookies),
        *(Listener("display", f"/display/{FACILITY}/{token}/live") for _ in range(DISPLAYS)),
    ]


async def _booked(body: Callable[..., dict[str, object]], slot: int) -> list[tuple[str, str]]:
    gate = asyncio.Semaphore(16)
    async with httpx.AsyncClient(base_url=_ADDRESS, timeout=60) as client:

        async def one(number: int) -> tuple[str, str]:
            async with gate:
                answer = await client.post(
                    "/api/v1/appointments", json=body(slot, people.patient(number)),
                    headers={"Idempotency-Key": f"bench-live-{number:05}", "Henkham-Device": f"bench-{number:08}"},
                )  # fmt: skip
            made = answer.raise_for_status().json()
            return made["code"], made["token"]

        return await asyncio.gather(*(one(number) for number in range(TELEPHONES)))


def print_live(found: Found) -> None:
    """The table."""
    print(f"\n{TELEPHONES + DESKS + DISPLAYS} live pages of one line, {ACTS} calls; then the server was killed")
    print(f"{'seconds':12}{'followed p50':>14}{'p95':>8}{'most':>8}{'back p50':>12}{'p95':>8}{'most':>8}")
    for kind, spent in found.follow.items():
        print(f"{kind:12}{_cuts(spent, 14)}{_cuts(found.back[kind], 12)}")
    print(f"the server spent {found.cpu:.2f} s of CPU on one call")
    print(f"the new server answered {found.away:.1f} s after the kill; `back` counts from that answer")
    print(f"of {found.calls_told} calls: {found.calls_missed} missed by a display, {found.calls_doubled} told twice")


def print_steady(found: dict[str, list[float]]) -> None:
    """The table."""
    print(f"\n{SCREENS} live pages of one line, {A_SECOND} calls a second for {SECONDS} s")
    print(f"{'seconds':20}{'p50':>8}{'p95':>8}{'most':>8}{'within 1 s':>12}")
    for kind, spent in found.items():
        print(f"{kind:20}{_cuts(spent, 8)}{sum(each <= 1 for each in spent) / len(spent):12.2%}")


def _cuts(spent: list[float], width: int) -> str:
    cuts = statistics.quantiles(spent, n=20)
    return f"{cuts[9]:{width}.2f}{cuts[18]:8.2f}{max(spent):8.2f}"
