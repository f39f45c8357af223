"""A storm of texts against the sample carrier, whose log is the judge: `henkham sms simulate`, and the tests of it.

Real schedulers, each a process of its own, send what is due; some are killed with -9 on the way and started again. The
database is one that was made for this and holds nothing else. Nothing leaves the machine.
"""

import asyncio
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import insert, text

from booking import ids
from booking.clock import ZONE, pause, utc_now
from booking.db import Database
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.sealed import keys
from booking.sms.sample_carrier import ACCOUNT_SID, AUTH_TOKEN, AcceptedMessage, Carrier

BASE: Final = "https://henkham.example"
_BATCH: Final = 1_000
_ENDED: Final = "('sent', 'delivered')"
_LOOK: Final = 0.5

Start = Callable[[Mapping[str, str]], "subprocess.Popen[Any]"]
"""Starts one scheduler with these settings beside those of its database."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What is to happen.

    Attributes:
        messages: texts, all due at one moment.
        carrier_per_second: what the carrier takes; more gets 429.
        per_second: what the schedulers together let out.
        schedulers: how many run.
        kills: how many times one of them is killed with -9 and started again.
        lead: seconds between writing the texts and their moment: the schedulers start meanwhile.
        patience: seconds after which whatever is left counts as lost.
    """

    messages: int
    carrier_per_second: int = 200
    per_second: int = 180
    schedulers: int = 2
    kills: int = 0
    lead: float = 10.0
    patience: float = 900.0


@dataclass(slots=True)
class Figures:
    """What the carrier's log and the database say afterwards. Times are seconds."""

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    too_many: int = 0
    busiest_second: int = 0
    p50: float = 0.0
    p99: float = 0.0
    took: float = 0.0
    displaced: float = 0.0
    killed: int = 0
    states: Counter[str] = field(default_factory=Counter)


def run(url: str, storm: Storm, start: Start, *, say: Callable[[str], None]) -> Figures:
    """Let it happen on a migrated, empty database, with the keys installed."""
    say(f"Writing {storm.messages:,} texts ...")
    due = asyncio.run(_write(url, storm))
    with Carrier(per_second=storm.carrier_per_second) as carrier, ExitStack() as stack:
        settings = _settings(carrier, storm)
        running = [stack.enter_context(_Running(start, settings)) for _ in range(storm.schedulers)]
        say(f"{storm.schedulers} schedulers; all texts are due at {due.astimezone(ZONE):%H:%M:%S} ...")
        killed = _wait(url, storm, running, due, say)
        figures = judge(carrier, due, asyncio.run(_order(url)))
    figures.killed = killed
    figures.states = asyncio.run(_states(url))
    return figures


class _Running:
    """A scheduler that can be killed and started anew; the one that runs at the end is stopped."""

    def __init__(self, start: Start, settings: Mapping[str, str]) -> None:
        self._start, self._settings = start, settings
        self.process = start(settings)

    def __enter__(self) -> Self:
        return self

    def kill(self) -> None:
        """End it with -9, and put another one in its place."""
        self.process.kill()
        self.process.wait(30)
        self.process = self._start(self._settings)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(30)


def _settings(carrier: Carrier, storm: Storm) -> dict[str, str]:
    return {
        "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_FROM": "HenKham", "TWILIO_API_BASE_URL": carrier.url, "PUBLIC_BASE_URL": BASE,
        "HENKHAM_SMS_PER_SECOND": str(storm.per_second), "HENKHAM_SMS_PER_DAY": "10000000",
        "HENKHAM_SMS_FACILITY_PER_DAY": "10000000", "HENKHAM_SMS_USUAL_HOUR": "10000000",
        "HENKHAM_HORIZON_DAYS": "1", "HENKHAM_LOG_LEVEL": "ERROR",
    }  # fmt: skip


async def _write(url: str, storm: Storm) -> datetime:
    """Write the texts; the moment at which all of them are due."""
    database = Database(url, pool=1, application="henkham-simulate")
    now = utc_now()
    due = now + timedelta(seconds=storm.lead)
    try:
        for first in range(0, storm.messages, _BATCH):
            rows = [_row(number, now, due) for number in range(first, min(first + _BATCH, storm.messages))]
            async with database.transaction() as session:
                await session.execute(insert(Message), rows)
        late = utc_now() + timedelta(seconds=storm.lead) - due
        async with database.transaction() as session:  # so that the lead is the schedulers'
            await session.execute(text("UPDATE message SET due_at = due_at + :late"), {"late": late})
            await session.execute(text("ANALYZE message"))
    finally:
        await database.close()
    return due + late


def _row(number: int, now: datetime, due: datetime) -> dict[str, Any]:
    phone = f"+849{number:08d}"
    shuffled = number * 7919 % 100_003  # so that the order of visits is not that of ids
    starts = (due + timedelta(hours=3, seconds=shuffled)).astimezone(ZONE)
    facts = {"facility": "TYT Mau", "code": ids.booking_code(), "starts_at": starts.isoformat(), "token_version": 1}
    return {
        "public_id": ids.public_id(), "subject_kind": "appointment", "subject_id": ids.public_id(),
        "kind": MessageKind.BOOKED, "version": 1, "copy_number": 0, "lane": "visit", "language": "vi", "phone": phone,
        "phone_index": keys().index("phone", phone), "facts": facts, "state": MessageState.DUE, "due_at": due,
        "useful_until": starts, "attempts": 0, "sends": 0, "created_at": now, "changed_at": now,
    }  # fmt: skip


def _wait(url: str, storm: Storm, running: list[_Running], due: datetime, say: Callable[[str], None]) -> int:
    """Until everything has been sent; how many were killed on the way."""
    pause(max((due - utc_now()).total_seconds(), 0))
    until = time.monotonic() + storm.patience
    # Spread over what the texts take, so that every kill meets a scheduler at work.
    between = storm.messages / storm.per_second / (storm.kills + 1)
    next_kill, killed, told = time.monotonic() + between, 0, 0
    while (left := asyncio.run(_left(url))) and time.monotonic() < until:
        if killed < storm.kills and time.monotonic() >= next_kill:
            running[killed % len(running)].kill()
            killed += 1
            next_kill = time.monotonic() + between * ids.jitter(0.5, 1.5)
        tenth = (storm.messages - left) * 10 // storm.messages
        if tenth > told:
            told = tenth
            say(f"  {storm.messages - left:,} of {storm.messages:,}")
        pause(min(_LOOK, max(next_kill - time.monotonic(), 0.02)) if killed < storm.kills else _LOOK)
    return killed


async def _left(url: str) -> int:
    return int(await _value(url, f"SELECT count(*) FROM message WHERE state::text NOT IN {_ENDED}"))


async def _value(url: str, query: str) -> Any:
    database = Database(url, pool=1, application="henkham-simulate")
    try:
        async with database.transaction() as session:
            return await session.scalar(text(query))
    finally:
        await database.close()


async def _order(url: str) -> list[str]:
    """Our ids in the order in which they should go."""
    query = "SELECT array_agg(public_id::text ORDER BY due_at, facts->>'starts_at', id) FROM message"
    return list(await _value(url, query))


async def _states(url: str) -> Counter[str]:
    query = "SELECT coalesce(json_object_agg(state, number), '{}') FROM (SELECT state, count(*) AS number FROM message"
    return Counter(await _value(url, f"{query} GROUP BY state) AS counted"))


def judge(carrier: Carrier, due: datetime, order: list[str]) -> Figures:
    """What the carrier's log says of texts that should have gone once each, in this order."""
    taken = carrier.log.accepted
    first: dict[str, AcceptedMessage] = {}
    for one in taken:
        first.setdefault(str(one.message_id), one)
    waits = sorted((one.at - due).total_seconds() for one in first.values())
    ranks = {mine: rank for rank, mine in enumerate(order)}
    moved = [abs(place - ranks[mine]) for place, mine in enumerate(first) if mine in ranks]
    seconds = Counter(int(one.at.timestamp()) for one in taken)
    return Figures(
        sent=len(first),
        lost=sum(mine not in first for mine in order),
        doubled=len(taken) - len(first),
        too_many=sum(call.status == _TOO_MANY for call in carrier.log.calls),
        busiest_second=max(seconds.values(), default=0),
        p50=statistics.median(waits) if waits else 0.0,
        p99=waits[int(len(waits) * 0.99)] if waits else 0.0,
        took=waits[-1] if waits else 0.0,
        displaced=statistics.fmean(moved) / len(order) if moved else 0.0,
    )


_TOO_MANY: Final = 429
