"""Two schedulers, killed with -9 again and again: while claimed, while posting, while answered, and at any time.

    make test        8 kills, two at each point
    make test-all    200 kills, 50 at each point

A kill counts for a point when its scheduler stood there: it said so, or had a post out. The carrier's log is the judge:
nothing is lost, nothing goes twice. What does not belong here: one kill looked at closely (test_sender_kill.py).
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from sqlalchemy import text

from booking.clock import utc_now
from booking.db import Database
from booking.ids import jitter
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from tests import seeds
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, plans
from tests.conftest import FULL, environment
from tests.forking import Forked
from tests.outbox import BASE, mine, until, write

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
POINTS = ("claimed", "posting", "answered", "any")
LEFT = {"claimed": "claimed", "posting": "sending", "answered": "sending"}
"""In which state a kill at each point leaves its texts."""
ROUNDS = 100 if FULL else 4
"""Two kills each."""
EACH = 8
"""New texts in a round: one scheduler claims them all, or two share them."""


class Nursery:
    """The process that forks schedulers, and what each of them says."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder, self._number = process, folder, 0

    def start(self, point: str) -> tuple[int, Path]:
        """A scheduler that stands still at a point; its pid and the file in which it says so."""
        self._number += 1
        said = self._folder / str(self._number)
        said.touch()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{point} {said}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), said


@contextmanager
def _nursery(url: str, carrier: Carrier, folder: Path) -> Iterator[Nursery]:
    more = {
        "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": "HenKham", "TWILIO_API_BASE_URL": carrier.url, "PUBLIC_BASE_URL": BASE,
        "HENKHAM_SMS_PER_SECOND": "1000", "HENKHAM_DATABASE_POOL": "10",
        "HENKHAM_HORIZON_DAYS": "1",
        "HENKHAM_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
    process = Forked[str](
        [sys.executable, "-m", "tests.forked_schedulers"], env=kept | environment(url, **more), cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Nursery(process, folder)
    finally:
        assert process.stdin is not None
        process.stdin.close()  # it ends its children, and itself
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


async def _at_its_point(point: str, carrier: Carrier, said: list[Path]) -> None:
    """Until at least one of the two is there; at any time is at any time."""
    if point == "any":
        await asyncio.sleep(jitter(0, 0.5))
    elif point == "posting":
        assert await asyncio.to_thread(carrier.wait_for_stall, 60)
    else:
        for _ in range(6000):
            if any(one.stat().st_size for one in said):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("nobody came to the point")


STALLS = (
    plans.stall_after_accepting(),
    plans.stall_before_accepting(),
    plans.stall_before_accepting(accepts_late=True),
)
"""The carrier has it already, never gets it, or takes it once its sender is dead."""


async def _round(db: Database, nursery: Nursery, carrier: Carrier, number: int) -> tuple[list[Message], int, bool]:
    """New texts, two schedulers, both killed; the texts, how many stood at the point, whether it left a text so."""
    point, turn = POINTS[number % len(POINTS)], number // len(POINTS)
    carrier.hold()
    carrier.decide = (lambda _: STALLS[turn % len(STALLS)]) if point == "posting" else None
    messages = [await write(db, phone=f"+849{number:04}{each:04}") for each in range(EACH)]
    while carrier.wait_for_stall(0):  # of an earlier round, which waited for one of several
        continue
    since = utc_now()
    victims = [nursery.start("run" if point in ("posting", "any") else point) for _ in range(2)]
    await _at_its_point(point, carrier, [said for _, said in victims])
    stood = sum(_is_posting(pid, carrier) if point == "posting" else said.stat().st_size > 0 for pid, said in victims)
    for pid, _ in victims:
        os.kill(pid, signal.SIGKILL)
    async with db.transaction() as session:
        query = text("SELECT count(*) FROM message WHERE changed_at >= :since AND state::text = :state")
        left = await session.scalar(query, {"since": since, "state": LEFT.get(point, "")})
    carrier.decide = None
    carrier.release()
    return messages, stood, bool(left)


async def _all_sent(db: Database) -> None:
    """Until every text was sent; many are looked up one after the other."""
    query = "SELECT state::text, sends, reason, count(*) FROM message WHERE state <> 'sent' GROUP BY 1, 2, 3"
    for _ in range(1500):
        left = await seeds.rows(db, query)
        if not left:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not sent: {left}")


def _is_posting(pid: int, carrier: Carrier) -> bool:
    """Whether this process is connected to the carrier, all of whose answers are held up."""
    port = urlsplit(carrier.url).port
    return any(getattr(one.raddr, "port", None) == port for one in psutil.Process(pid).net_connections("tcp"))


async def test_two_schedulers_killed_again_and_again_lose_and_double_nothing(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    messages: list[Message] = []
    stood, left = Counter[str](), Counter[str]()
    with Carrier() as carrier, _nursery(database_url, carrier, tmp_path) as nursery:
        for number in range(ROUNDS):
            point = POINTS[number % len(POINTS)]
            more, there, so = await _round(db, nursery, carrier, number)
            messages += more
            stood[point] += there
            left[point] += so
        for _ in range(2):
            nursery.start("finish")
        await _all_sent(db)
        assert carrier.log.times_accepted() == dict.fromkeys(mine(messages), 1)
    print(f"{2 * ROUNDS} kills; at their points {dict(stood)}; rounds that left a text so {dict(left)}")
    for point in LEFT:
        assert stood[point] >= (20 if FULL else 1), stood
        assert left[point] >= (20 if FULL else 1), left


async def test_control_what_was_being_posted_taken_for_due_goes_twice(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    with Carrier() as carrier, _nursery(database_url, carrier, tmp_path) as nursery:
        messages, *_ = await _round(db, nursery, carrier, POINTS.index("answered"))
        nursery.start("careless")
        for message in messages:
            await until(db, message, MessageState.SENT)
        assert max(carrier.log.times_accepted().values()) == 2
