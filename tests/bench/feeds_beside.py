"""19 feeds every five minutes, and people who book meanwhile: their p99 with the feeds and without, in one run.

Bookings arrive at a fixed rate whatever becomes of those before (open loop), so that a server that stops is seen.
Spells with feeds and without follow each other, and the median of each kind counts.
"""

import asyncio
import statistics
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import asyncpg
import httpx

from booking import clock
from tests.bench.feeds import Place, Worker

FEEDS = 19
EVERY = 300
"""Seconds in which each feed sends one file."""
SPELL = 64
PER_SECOND = 30
PEOPLE = 5
ROWS = 4_500
GOAL = 1.1


def places() -> list[Place]:
    """A hospital a feed, of five practitioners and 4,500 rows."""
    first = clock.local_day(clock.utc_now()) + timedelta(days=2)
    return [Place(f"B{number:02}", PEOPLE, first) for number in range(1, FEEDS + 1)]


@dataclass
class Spell:
    """What the bookings of a minute took, in milliseconds."""

    took: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    files: int = 0

    def at(self, share: float) -> float:
        """The time in which this share was answered."""
        return sorted(self.took)[int(len(self.took) * share)]


@dataclass
class Crowd:
    """People who book: a free time each, one after the other."""

    address: str
    times: list[tuple[int, str]]
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def spell(self, seconds: float, spell: Spell) -> None:
        """So many seconds at the fixed rate."""
        async with httpx.AsyncClient(base_url=self.address, timeout=30) as client:
            start, waiting = time.perf_counter(), set()
            for turn in range(int(seconds * PER_SECOND)):
                due = start + turn / PER_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                one = asyncio.create_task(self._book(client, due, spell))
                waiting.add(one)
                one.add_done_callback(waiting.discard)
            await asyncio.gather(*waiting)

    async def _book(self, client: httpx.AsyncClient, due: float, spell: Spell) -> None:
        number = next(self.numbers)
        slot, facility = self.times[number * 7919 % len(self.times)]
        patient = {"name": "Nguyễn Thị Mẫu", "birth_year": 1980, "phone": f"09{number:08d}"}
        body = {"facility": facility, "service": "kham", "slot": slot, "patient": patient}
        headers = {"Idempotency-Key": f"bench-feeds-{number:012d}"}
        try:
            answer = await client.post("/api/v1/appointments", json=body, headers=headers)
        except httpx.TransportError:
            spell.lost += 1
            return
        # From when it was due: a client that could not send is a person who waits.
        spell.took.append(1000 * (time.perf_counter() - due))
        spell.refused += answer.status_code >= 400


async def free_times(url: str) -> list[tuple[int, str]]:
    """The times that the hospitals leave open."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT slot.id, facility.code FROM slot JOIN facility ON facility.id = slot.facility_id"
            " WHERE slot.open AND slot.taken = 0 AND facility.code LIKE 'B__' ORDER BY slot.id"
        )
        return [(row[0], row[1]) for row in found]
    finally:
        await connection.close()


@dataclass
class Hospitals:
    """They send their files in turn, and the scheduler looks every ten seconds."""

    feeds: Path
    places: list[Place]
    worker: Worker
    turn: int = 0

    def send(self) -> None:
        """The next hospital's next file, with one row of fifty changed."""
        place = self.places[self.turn % len(self.places)]
        round_ = self.turn // len(self.places)
        self.turn += 1
        place.write(self.feeds / "in" / place.code / f"{self.turn}.csv", ROWS, turn=round_)

    def work(self, spell: Spell, stop: threading.Event) -> None:
        """Until it is told to stop."""
        started, sent, looked = time.monotonic(), 0, 0
        while not stop.wait(0.05):
            here = time.monotonic() - started
            if here >= sent * EVERY / FEEDS:
                self.send()
                sent += 1
            if here >= looked * 10:
                spell.files += len(self.worker.look()["files"])
                looked += 1


def measure(address: str, times: list[tuple[int, str]], hospitals: Hospitals, pairs: int) -> None:
    """Spells with and without in turns; print what each took. Without pairs there is nothing to compare."""
    if not pairs:
        return
    crowd = Crowd(address, times)
    asyncio.run(crowd.spell(5, Spell()))  # warms caches and connections
    found: dict[bool, list[Spell]] = {False: [], True: []}
    for turn in range(2 * pairs):
        with_feeds, spell, stop = turn % 4 in (1, 2), Spell(), threading.Event()
        beside = threading.Thread(target=hospitals.work, args=(spell, stop))
        if with_feeds:
            beside.start()
        asyncio.run(crowd.spell(SPELL, spell))
        stop.set()
        with suppress(RuntimeError):
            beside.join()
        found[with_feeds].append(spell)
        told = f"p50 {spell.at(0.5):.1f} ms, p99 {spell.at(0.99):.1f} ms, {spell.files} files"
        told += f", {spell.refused} refused, {spell.lost} lost"
        print(f"    {'with' if with_feeds else 'without':8} {told}", flush=True)
    quiet, busy = (statistics.median(spell.at(0.99) for spell in found[kind]) for kind in (False, True))
    print(f"19 feeds every 5 minutes: booking p99 {quiet:.1f} ms without, {busy:.1f} ms with: {busy / quiet:.2f}"
          f" (goal {GOAL}), {PER_SECOND} bookings a second")  # fmt: skip
