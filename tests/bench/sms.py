"""SMS: what a tick costs beside millions of old messages, how long texts and codes wait, how fast receipts are taken.

make bench ARGS="--sms --messages 10000000"     ten million are there after some minutes, and take 8 GB meanwhile
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import requests
from sqlalchemy import insert, text

from booking import sealed
from booking.cli.sms_storm_texts import row
from booking.clock import utc_now
from booking.db import Database
from booking.messages import claiming
from booking.messages.kinds import MessageKind
from booking.messages.models import Message
from booking.messages.preparing import RECEIPTS_PATH
from booking.settings import load
from tests.bench.old_messages import fill
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, signature
from tests.conftest import environment
from tests.outbox import BASE

MESSAGES = 1_000_000
TICKS = 500
PER_HOUR = 10_000
SECONDS = 60
RECEIPTS = 500


def measure(url: str, web: str, messages: int) -> None:
    """Print the figures. `web` is the address of a server on this database that knows the sample carrier's token."""
    sealed.install(load(environment(url)).keyring())
    print(f"Filling the outbox with {messages:,} old messages ...", flush=True)
    asyncio.run(fill(url, messages, told=True))
    asyncio.run(_ticks(url))
    _receipts(url, web)
    with Carrier() as carrier:
        _waits(url, carrier)


async def _ticks(url: str) -> None:
    database = Database(url, pool=1)
    took = []
    for _ in range(TICKS):
        before = time.perf_counter()
        async with database.transaction() as session:
            assert not await claiming.is_due(session, "visit", now=utc_now())
        took.append(1000 * (time.perf_counter() - before))
    async with database.transaction() as session:
        plan = await session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {_LOOK}"), {"now": utc_now()})
        lines = [row[0] for row in plan]
    await database.close()
    print(f"a tick when nothing is due: p50 {statistics.median(took):.2f} ms, p99 {_p99(took):.2f} ms; one statement")
    print("\n".join(f"    {line}" for line in lines))


_LOOK = "SELECT id FROM message WHERE state IN ('due') AND lane = 'visit' AND due_at <= :now LIMIT 1"


_LAST = "SELECT public_id::text FROM message WHERE state = 'delivered' ORDER BY id DESC"


def _receipts(url: str, web: str) -> None:
    ids = asyncio.run(_column(url, f"{_LAST} LIMIT {RECEIPTS}"))
    took = []
    with requests.Session() as session:
        for mine in ids:
            path = f"{RECEIPTS_PATH}/{mine}"
            form = [("MessageSid", f"SM{mine}"[:34]), ("MessageStatus", "delivered"), ("AccountSid", ACCOUNT_SID)]
            signed = {"X-Twilio-Signature": signature(AUTH_TOKEN, BASE + path, form)}
            before = time.perf_counter()
            answer = session.post(web + path, data=form, headers=signed, timeout=30)
            took.append(1000 * (time.perf_counter() - before))
            assert answer.status_code == 204, answer.status_code
    print(f"{RECEIPTS} signed receipts: p50 {statistics.median(took):.1f} ms, p99 {_p99(took):.1f} ms")


async def _column(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


def _waits(url: str, carrier: Carrier) -> None:
    """10,000 texts an hour, evenly, with a code every second, through a real scheduler; what each waited."""
    number = PER_HOUR * SECONDS // 3600
    more = {
        "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": "HenKham", "TWILIO_API_BASE_URL": carrier.url, "PUBLIC_BASE_URL": BASE,
        "HENKHAM_LOG_LEVEL": "ERROR", "HENKHAM_HORIZON_DAYS": "1", "HENKHAM_DATABASE_POOL": "8",
    }  # fmt: skip
    kept = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-m", "scheduler"], env=kept | environment(url, **more))
    try:
        due = asyncio.run(_due(url, number))
        end = time.monotonic() + SECONDS + 60
        while len(carrier.log.accepted) < len(due) and time.monotonic() < end:
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(60)
    waited: dict[str, list[float]] = {"visit": [], "code": []}
    for one in carrier.log.accepted:
        lane, moment = due[str(one.message_id)]
        waited[lane].append((one.at - moment).total_seconds())
    for lane, seconds in waited.items():
        at = f"{PER_HOUR:,} an hour" if lane == "visit" else "one a second, in their own lane"
        print(f"{lane}s, {at}: {len(seconds)} sent, due to POST p50 {statistics.median(seconds):.2f} s, "
              f"p99 {_p99(seconds):.2f} s")  # fmt: skip


async def _due(url: str, number: int) -> dict[str, tuple[str, Any]]:
    """Texts due evenly from eight seconds on, and codes beside them: our id → lane and moment."""
    database = Database(url, pool=1)
    start = utc_now() + timedelta(seconds=8)
    visits = [row(each, start, start + timedelta(seconds=SECONDS * each / number)) for each in range(number)]
    codes = [row(10_000_000 + each, start, start + timedelta(seconds=each * 1.037)) | _CODE for each in range(SECONDS)]
    async with database.transaction() as session:
        await session.execute(insert(Message), visits)
        await session.execute(insert(Message), codes)
    await database.close()
    return {str(row["public_id"]): (str(row["lane"]), row["due_at"]) for row in [*visits, *codes]}


_CODE = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456",
    "facts": json.loads('{"minutes": "10"}'),
}  # fmt: skip


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else float("nan")
