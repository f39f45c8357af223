"""A storm of texts against the sample carrier, whose log is the judge: `henkham sms simulate`, and the tests of it.

Real schedulers, each a process of its own, send what is due; some are killed with -9 on the way and started again. The
caps are those of an installation, raised only where the storm is larger than a city's day. The database is one that was
made for this and holds nothing else. Nothing leaves the machine.
"""

import asyncio
import math
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import text

from booking import ids
from booking.cli import sms_storm_texts as texts
from booking.cli.sms_storm_texts import Expected
from booking.clock import ZONE, pause, utc_now
from booking.db import Database
from booking.messages.rules import is_quiet
from booking.sms.sample_carrier import ACCOUNT_SID, AUTH_TOKEN, AcceptedMessage, Carrier, CarrierLog

BASE: Final = "https://henkham.example"
_ENDED: Final = "('sent', 'delivered', 'suppressed')"
_LOOK: Final = 0.5
_TOO_MANY: Final = 429

Start = Callable[[Mapping[str, str]], "subprocess.Popen[Any]"]
"""Starts one scheduler with these settings beside those of its database."""


@dataclass(frozen=True, slots=True)
class Storm:
    """What is to happen.

    Attributes:
        messages: texts about visits, half of them due at one moment.
        carrier_per_second: what the carrier takes; more gets 429.
        per_second: what the schedulers together let out.
        schedulers: how many run.
        kills: how many times one of them is killed with -9 and started again.
        lead: seconds between writing the texts and their moment: the schedulers start meanwhile.
        within: seconds in which the others are due, one after the other, and codes beside them.
        reminders: whether there are reminders and families; not in the night, in which none is sent.
        patience: seconds in which nothing more was sent, after which whatever is left counts as lost.
    """

    messages: int
    carrier_per_second: int = 200
    per_second: int = 180
    schedulers: int = 2
    kills: int = 0
    lead: float = 10.0
    within: float = 60.0
    reminders: bool = True
    patience: float = 300.0

    @property
    def codes(self) -> int:
        """Codes in their lane beside the texts; none where somebody is killed: one that hung then never goes again."""
        return 0 if self.kills else max(self.messages // 100, 1)


@dataclass(slots=True)
class Figures:
    """What the carrier's log and the database say afterwards. Times are seconds.

    `sent` counts texts about visits, `lost` whatever never came to the carrier, `doubled` what came to it once too
    often; `shared` visits were told of by the text of another of the family.
    """

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    shared: int = 0
    too_many: int = 0
    busiest_second: int = 0
    p50: float = 0.0
    p99: float = 0.0
    codes: int = 0
    codes_p99: float = 0.0
    took: float = 0.0
    displaced: float = 0.0
    killed: int = 0
    states: Counter[str] = field(default_factory=Counter)


def run(url: str, storm: Storm, start: Start, *, say: Callable[[str], None]) -> Figures:
    """Let it happen on a migrated, empty database, with the keys installed."""
    say(f"Writing {storm.messages:,} texts ...")
    written = texts.write(
        url, storm.messages, storm.codes, lead=storm.lead, within=storm.within, reminders=storm.reminders
    )
    expected = asyncio.run(written)
    with Carrier(per_second=storm.carrier_per_second) as carrier, ExitStack() as stack:
        settings = _settings(carrier, storm)
        running = [stack.enter_context(_Running(start, settings)) for _ in range(storm.schedulers)]
        say(f"{storm.schedulers} schedulers; texts are due from {expected.due.astimezone(ZONE):%H:%M:%S} on ...")
        killed = _wait(url, storm, running, expected.due, say)
        figures = judge(carrier.log, expected)
    figures.killed = killed
    figures.states = asyncio.run(_states(url))
    return figures


def reminders_go(seconds: float) -> bool:
    """Whether reminders may be sent from now on for so many seconds and some minutes: none is in the night."""
    now = utc_now()
    return not any(is_quiet(now + timedelta(seconds=more), ZONE) for more in (0, seconds + 600))


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
        "HENKHAM_SMS_PER_SECOND": str(storm.per_second), "HENKHAM_SMS_PER_DAY": str(max(20_000, storm.messages)),
        "HENKHAM_SMS_FACILITY_PER_DAY": str(max(6_000, 2 * storm.messages // texts.FACILITIES)),
        "HENKHAM_HORIZON_DAYS": "1", "HENKHAM_LOG_LEVEL": "ERROR",
    }  # fmt: skip


def _wait(url: str, storm: Storm, running: list[_Running], due: datetime, say: Callable[[str], None]) -> int:
    """Until everything has been sent; how many were killed on the way."""
    pause(max((due - utc_now()).total_seconds(), 0))
    lasts = max(storm.messages / storm.per_second, storm.within)
    # Spread over what the texts take, so that every kill meets a scheduler at work.
    between = lasts / (storm.kills + 1)
    next_kill, killed, told = time.monotonic() + between, 0, 0
    least, moved = math.inf, time.monotonic()
    while (left := asyncio.run(_left(url))) and time.monotonic() < moved + storm.patience:
        if left < least:
            least, moved = left, time.monotonic()
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


async def _states(url: str) -> Counter[str]:
    query = "SELECT coalesce(json_object_agg(state, number), '{}') FROM (SELECT state, count(*) AS number FROM message"
    return Counter(await _value(url, f"{query} GROUP BY state) AS counted"))


def judge(log: CarrierLog, expected: Expected) -> Figures:
    """What the carrier's log says of texts that should have gone once each, in this order."""
    taken, first = log.accepted, dict[str, AcceptedMessage]()
    for one in taken:
        first.setdefault(str(one.message_id), one)
    gone = [[mine for mine in unit if mine in first] for unit in expected.units]
    codes = [mine for mine in expected.codes if mine in first]
    sent = sum(bool(each) for each in gone)
    waits = _waits(first, expected, [mine for each in gone for mine in each])
    codes_waits = _waits(first, expected, codes)
    return Figures(
        sent=sent,
        lost=len(expected.units) - sent + len(expected.codes) - len(codes),
        doubled=len(taken) - sent - len(codes),
        shared=sum(len(unit) - 1 for unit in expected.units),
        too_many=sum(call.status == _TOO_MANY for call in log.calls),
        busiest_second=max(Counter(int(one.at.timestamp()) for one in taken).values(), default=0),
        p50=statistics.median(waits) if waits else 0.0,
        p99=_p99(waits),
        codes=len(codes),
        codes_p99=_p99(codes_waits),
        took=(taken[-1].at - expected.due).total_seconds() if taken else 0.0,
        displaced=_displaced(list(first), gone, expected.news),
    )


def _waits(first: Mapping[str, AcceptedMessage], expected: Expected, mine: Sequence[str]) -> list[float]:
    return sorted((first[one].at - expected.due_at[one]).total_seconds() for one in mine)


def _p99(waits: Sequence[float]) -> float:
    return waits[int(len(waits) * 0.99)] if waits else 0.0


def _displaced(order: Sequence[str], gone: Sequence[Sequence[str]], news: Collection[str]) -> float:
    """How far from its place in its line a text went, in parts of the line; by chance it were a third.

    There are two lines: news of a change by the facility goes before the rest, whenever it comes.
    """
    moved: list[float] = []
    for first in (True, False):
        line = [each for each in gone if any(mine in news for mine in each) is first]
        ranks = {mine: rank for rank, each in enumerate(line) for mine in each}
        places = enumerate(one for one in order if one in ranks)
        moved += [abs(place - ranks[mine]) / len(ranks) for place, mine in places]
    return statistics.fmean(moved) if moved else 0.0
