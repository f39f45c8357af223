"""A morning to look at: serves the pages with a queue that moves, until Ctrl-C.

    python -m tests.queue_feed [--speed 10] [--minute 20]

Everything is made by the product's own verbs on a database of its own. The product is told that it is the day of the
session, so many minutes after it opened, and that time runs so many times as fast as on the wall.
"""

import argparse
import asyncio
import socket
import sys
import time
from datetime import timedelta
from typing import Any

import httpx
import uvicorn

from booking import clock as booking_clock
from booking.db import Database
from booking.main import create_app
from booking.migrations.upgrading import migrate
from booking.patients.kinds import PriorityClass
from booking.queue.errors import NobodyWaiting
from booking.settings import load
from tests import postgres, queues
from tests.conftest import environment
from tests.queues import Clock, Morning


async def fill(morning: Morning) -> list[dict[str, Any]]:
    """Twelve booked patients of four times, nine of them there, two walk-ins, three served; the visits booked."""
    visits = [await morning.booked(number // 3, number + 1) for number in range(12)]
    clock = morning.clock
    for number, visit in enumerate(visits[:9]):
        clock.set(number - 15)
        await morning.check_in(visit)
    clock.set(2)
    await morning.walk_in()
    first = await morning.walk_in()
    await morning.verify(first, PriorityClass.OVER_75)
    for _ in range(3):
        await morning.served(6, "P1")
    return visits


async def move(morning: Morning) -> None:
    """One more served, or nobody there."""
    try:
        called = await morning.call("P1")
    except NobodyWaiting:
        return
    await morning.step("enter", called)


class Running:
    """Takes the clock on, faster than the wall's."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock, self._speed = clock, speed
        self._from, self._began = clock.moment, time.monotonic()

    def tick(self) -> None:
        """To where it should be now."""
        self._clock.moment = self._from + timedelta(seconds=(time.monotonic() - self._began) * self._speed)


async def _serve(url: str, *, speed: float, minute: float) -> None:
    clock = queues.new_clock()
    booking_clock.utc_now = clock.now
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = create_app(load(environment(url, PUBLIC_BASE_URL=address)))
    db = Database(url, pool=4)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=address) as client:
        morning = await queues.make(db, client, clock)
        visits = await fill(morning)
        clock.set(minute)
        for number, visit in enumerate(visits, 1):
            sys.stdout.write(f"{number:2}  {visit['slot']['start'][11:16]}  {visit['link']}/today\n")
        sys.stdout.flush()
        running, last = Running(clock, speed), clock.moment
        while not serving.done():
            await asyncio.sleep(0.5)
            running.tick()
            if clock.moment - last >= timedelta(minutes=6):
                last = clock.moment
                await move(morning)
    await db.close()


def main() -> None:
    """Until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--speed", type=float, default=10)
    parser.add_argument("--minute", type=float, default=20)
    chosen = parser.parse_args()
    with postgres.running() as cluster, cluster.database(cluster.template(migrate)) as url:
        try:
            asyncio.run(_serve(url, speed=chosen.speed, minute=chosen.minute))
        except KeyboardInterrupt:
            sys.stdout.write("Stopped.\n")


if __name__ == "__main__":
    main()
