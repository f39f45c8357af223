"""One burst of load: wrk where it is there, else a small client of our own. Closed loop, 32 connections."""

import asyncio
import itertools
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import httpx

from tests.bench.seed import DAYS, SERVICES, SLOTS

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("requests.lua")
_RESULT = "RESULT "

Contestant = Literal["bare", "ours"]
Path_ = Literal["book", "slots"]


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst measured; times in milliseconds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    lost: int

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def fire(address: str, who: Contestant, path: Path_, *, first_number: int, seconds: int, first_day: date) -> Burst:
    """Load one endpoint for some seconds."""
    if shutil.which("wrk"):
        return _wrk(address, who, path, first_number=first_number, seconds=seconds, first_day=first_day)
    return asyncio.run(_own(address, who, path, first_number=first_number, seconds=seconds, first_day=first_day))


def _wrk(address: str, who: str, path: str, *, first_number: int, seconds: int, first_day: date) -> Burst:
    epoch = int(time.mktime((first_day.year, first_day.month, first_day.day, 12, 0, 0, 0, 0, 0)))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT), address, "--"]
    arguments = [who, path, first_number, SLOTS, SERVICES, DAYS, epoch]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith(_RESULT))
    return Burst(**json.loads(line.removeprefix(_RESULT)))


async def _own(address: str, who: str, path: str, *, first_number: int, seconds: int, first_day: date) -> Burst:
    numbers = itertools.count(first_number + 1)
    spent: list[float] = []
    refused = 0
    end = time.perf_counter() + seconds

    async def run(client: httpx.AsyncClient) -> None:
        nonlocal refused
        while time.perf_counter() < end:
            request = _request(client, who, path, next(numbers), first_day)
            started = time.perf_counter()
            answer = await client.send(request)
            spent.append((time.perf_counter() - started) * 1000)
            refused += answer.status_code >= 400

    started = time.perf_counter()
    async with httpx.AsyncClient(base_url=address, limits=httpx.Limits(max_connections=CONNECTIONS)) as client:
        await asyncio.gather(*(run(client) for _ in range(CONNECTIONS)))
    spent.sort()
    whole = time.perf_counter() - started
    return Burst(len(spent), whole, spent[len(spent) // 2], spent[len(spent) * 99 // 100], refused, 0)


def _request(client: httpx.AsyncClient, who: str, path: str, number: int, first_day: date) -> httpx.Request:
    if path == "book":
        slot = (number * 7919) % SLOTS + 1
        phone = f"09{number % 100_000_000:08d}"
        if who == "bare":
            return client.build_request(
                "POST", "/bookings", json={"slot": slot, "name": "Nguyễn Thị Mẫu", "phone": phone}
            )
        patient = {"name": "Nguyễn Thị Mẫu", "birth_year": 1980, "phone": phone}
        service = (slot - 1) // (SLOTS // SERVICES) + 1
        body = {"facility": "BENCH", "service": f"s{service}", "slot": slot, "patient": patient}
        headers = {"Idempotency-Key": f"bench-{number:012d}"}
        return client.build_request("POST", "/api/v1/appointments", json=body, headers=headers)
    day = first_day + timedelta(days=number % DAYS)
    service = number % SERVICES + 1
    if who == "bare":
        span = {
            "service": service,
            "start": f"{day}T00:00:00+07:00",
            "end": f"{day + timedelta(days=1)}T00:00:00+07:00",
        }
        return client.build_request("GET", "/slots", params={key: str(value) for key, value in span.items()})
    asked = {"facility": "BENCH", "service": f"s{service}", "from": str(day), "to": str(day)}
    return client.build_request("GET", "/api/v1/slots", params=asked)
