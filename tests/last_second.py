"""Changes of visits against the sending of what they make untrue: how a test makes them meet, and who judges.

    made = await world(db, visits=20)
    async with sending(...): await change_all(db, made, ...)
    found = await judged(db, carrier, made)

Moments are the seed's (`HENKHAM_TESTS_SEED`, printed); who meets whom within them is the machine's. That is why it is
noted in the database itself in which state each change found the text that it called back: by a trigger, under the
row's lock.
"""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 (the seed is the test's)
from typing import Any

from booking.appointments import changing
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.clock import ZONE, pause, utc_now
from booking.db import Database
from booking.messages.channel.rules import Allowance
from booking.messages.claiming import Claim
from booking.messages.outbox import Pace, Posting
from booking.messages.preparing import Channel
from booking.sealed import keys
from booking.sms.gateway import STALE, Outcome
from scheduler.jobs import send_messages
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import Carrier, Plan, plans
from tests.carrier.client import gateway_to
from tests.closings import STAFF, Crowd, crowd
from tests.outbox import BASE, PATIENT, write

SEED = os.environ.get("HENKHAM_TESTS_SEED", "2026")
SECOND = timedelta(seconds=1)

_NOTED = (
    "CREATE TABLE found_in (message_id uuid PRIMARY KEY, state text NOT NULL)",
    """
    CREATE FUNCTION note_state() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO found_in VALUES (OLD.public_id, OLD.state);
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER note_state BEFORE UPDATE ON message FOR EACH ROW
        WHEN (NEW.called_back AND NOT OLD.called_back) EXECUTE FUNCTION note_state()
    """,
)

_ROOM = """
    UPDATE slot SET capacity = 400, free_places = (SELECT array_agg(p) FROM generate_series(1, 400) p
        WHERE p NOT IN (SELECT place FROM appointment WHERE slot_id = slot.id AND state = 'booked'))
"""
"""So that a move is never refused: what is tried here is the telling."""


@dataclass
class World:
    """Visits, and what was done to them: when each change was about to be committed, by the visit's id.

    The first change of a visit made its version 2.
    """

    crowd: Crowd
    visits: list[dict[str, Any]]
    committed: dict[str, list[datetime]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    @property
    def changes(self) -> int:
        """How many there were."""
        return sum(len(each) for each in self.committed.values())


async def world(db: Database, visits: int) -> World:
    """So many visits nobody has told of yet, and free mornings to move them to."""
    made = await crowd(db, visits, per_slot=min(max(visits // 4, 1), 100))
    found = await seeds.rows(
        db, "SELECT code, public_id, version, token_version, starts_at, facility_id FROM appointment ORDER BY id"
    )
    for statement in ("DELETE FROM message", _ROOM, *_NOTED):
        await seeds.run(db, statement)
    return World(made, [visit | {"number": number} for number, visit in enumerate(found)])


async def change_all(db: Database, made: World, *, times: int, at_once: int) -> None:
    """Tell of each visit, and change it so many times at moments of the seed; so many visits at once."""
    room = asyncio.Semaphore(at_once)

    async def one(visit: dict[str, Any]) -> None:
        async with room:
            await announce(db, visit)
            await _change_often(db, made, visit, times, Random(f"{SEED} {visit['number']}"))

    await asyncio.gather(*(one(visit) for visit in made.visits))


async def announce(db: Database, visit: dict[str, Any]) -> None:
    """A confirmation of a visit, due now."""
    facts = {
        "facility": "TYT Mau", "code": visit["code"], "token_version": visit["token_version"],
        "starts_at": visit["starts_at"].astimezone(ZONE).isoformat(),
    }  # fmt: skip
    phone, facility = f"+849{visit['number']:08}", visit["facility_id"]
    await write(db, subject=visit["public_id"], phone=phone, facts=facts, facility_id=facility)


async def _change_often(db: Database, made: World, visit: dict[str, Any], times: int, chance: Random) -> None:
    """Move the visit back and forth; half of all are cancelled at the end."""
    for turn in range(times):
        await _moment(db, str(visit["public_id"]), turn + 1, chance)
        await change(db, made, visit, last=turn == times - 1)


async def change(db: Database, made: World, visit: dict[str, Any], *, last: bool) -> None:
    """Move the visit to a free morning, or cancel it."""
    public_id, committed = str(visit["public_id"]), made.committed.setdefault(str(visit["public_id"]), [])
    token_version = "SELECT token_version FROM appointment WHERE code = :code"
    token = keys().link_token(public_id, int(await seeds.value(db, token_version, code=visit["code"])))
    async with db.transaction() as session:
        if last and visit["number"] % 2:
            await changing.cancel(session, visit["code"], token, CancelAppointment(), by=STAFF, now=utc_now())
            made.cancelled.add(public_id)
        else:
            days = list(made.crowd.later.values())
            free = days[len(committed) % len(days)]
            wish = RescheduleAppointment(slot=free[visit["number"] % len(free)])
            await changing.reschedule(
                session, visit["code"], token, wish, by=STAFF, now=utc_now(), per_phone=10_000_000
            )
        committed.append(utc_now())


_WAY = ("due", "claimed", "sending", "sent")


async def _moment(db: Database, public_id: str, version: int, chance: Random) -> None:
    """Any moment, or as soon as the text about this version has come to a state; by then it may have come further."""
    aim = chance.choice(("any", *_WAY[1:]))
    if aim == "any":
        await asyncio.sleep(chance.uniform(0, 0.6))
        return
    query = "SELECT state::text FROM message WHERE subject_id = :visit AND version = :version"
    for _ in range(30):
        state = await seeds.value(db, query, visit=public_id, version=version)
        if state not in _WAY or _WAY.index(state) >= _WAY.index(aim):
            return
        await asyncio.sleep(0.08)


_LONG = 1.5
"""Seconds: what is posted after that is late, if a change was committed in the first third of it."""


class HeldUp(Sender):
    """A sender whose process is held up now and then: between claiming and looking, and between looking and posting.

    Of so many claims, and of so many posts (`often`), one is held up for long. `stale` counts posts that were not made
    because the look was too old.
    """

    def __init__(
        self, db: Database, url: str, number: int, *, pace: Pace, allowance: Allowance, often: tuple[int, int]
    ) -> None:
        channel = Channel("twilio", BASE, production=False, allowance=allowance)
        together = min(32, max(8, allowance.per_second // 4))  # as the scheduler's timetable has it
        super().__init__(db, gateway_to(url, PATIENT), channel, lane="visit", together=together, pace=pace)
        self._chance = Random(f"{SEED} sender {number}")
        self._often, self._begun, self._made = often, 0, 0
        self.stale = 0

    async def _begin(self, claimed: Claim) -> tuple[Posting | None, float]:
        self._begun += 1
        await asyncio.sleep(_LONG if self._begun % self._often[0] == 0 else self._chance.uniform(0.05, 0.3))
        return await super()._begin(claimed)

    def _post(self, posting: Posting, looked: float) -> Outcome:
        self._made += 1
        pause(_LONG if self._made % self._often[1] == 0 else max(0, self._chance.uniform(-2, 0.3)))
        outcome = super()._post(posting, looked)
        self.stale += outcome is STALE
        return outcome


class Slow:
    """What a slow carrier does: about every third text it takes after `late` seconds, and its answers are late too."""

    def __init__(self, late: float = 0.3) -> None:
        self._late, self._chance, self._lock = late, Random(f"{SEED} carrier"), threading.Lock()

    def __call__(self, form: dict[str, str]) -> Plan:  # noqa: ARG002
        with self._lock:
            before, after = self._chance.choice((0.0, 0.0, self._late)), self._chance.uniform(0, 0.3)
        return plans.slow(before, after)


@asynccontextmanager
async def sending(db: Database, *senders: Sender) -> AsyncIterator[None]:
    """Senders at work as long as the block lasts, and then until nothing waits any more."""
    stop = asyncio.Event()

    async def work(one: Sender) -> None:
        while not stop.is_set():
            await send_messages.run(one, stop=stop, poll=0.05)
            await asyncio.sleep(0.01)

    working = [asyncio.create_task(work(one)) for one in senders]
    try:
        yield
        for _ in range(3000):
            if not await seeds.value(db, "SELECT count(*) FROM message WHERE state IN ('due', 'claimed', 'sending')"):
                break
            await asyncio.sleep(0.02)
    finally:
        stop.set()
        await asyncio.gather(*working)


@dataclass
class Found:
    """What the carrier's log says.

    Attributes:
        met: how many changes found the text that they made untrue in which state; `sent` where it had gone.
        slipped: texts that were taken after the change that made them untrue; each was followed by the correction.
        longest: the longest time by which one was late.
        broken: each that breaks the promise.
    """

    met: "Counter[str]" = field(default_factory=Counter)
    slipped: int = 0
    longest: timedelta = timedelta(0)
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        met = ", ".join(f"{number:,} {state}" for state, number in sorted(self.met.items()))
        return f"found the text {met}; {self.slipped:,} slipped, the latest {self.longest.total_seconds():.2f} s after"


async def judged(db: Database, carrier: Carrier, made: World) -> Found:
    """What became of it all, by the carrier's own log."""
    rows = await seeds.rows(
        db,
        "SELECT m.public_id::text, subject_id::text, version, kind::text, m.state::text, f.state AS found"
        " FROM message m LEFT JOIN found_in f ON f.message_id = m.public_id",
    )
    found, texts = Found(), {row["public_id"]: row for row in rows}
    for row in rows:
        if row["version"] <= len(made.committed[row["subject_id"]]):
            found.met[row["found"] or row["state"]] += 1
    for mine, times in carrier.log.times_accepted().items():
        if times > 1:
            found.broken.append(f"{texts[str(mine)]['kind']} was taken {times} times")
    _judge_moments(found, carrier, texts, made)
    return found


def _judge_moments(found: Found, carrier: Carrier, texts: dict[str, dict[str, Any]], made: World) -> None:
    heard: dict[str, tuple[int, str]] = {}
    for one in carrier.log.accepted:
        row = texts[str(one.message_id)]
        visit, version, kind = row["subject_id"], row["version"], row["kind"]
        later = made.committed[visit][version - 1 :]  # the change that made this version untrue, if any
        if later and one.at > later[0]:
            found.slipped += 1
            found.longest = max(found.longest, one.at - later[0])
            if one.at > later[0] + SECOND:
                found.broken.append(f"{kind} of version {version} was taken {one.at - later[0]} after the change")
        if version < heard.get(visit, (0, ""))[0]:
            found.broken.append(f"{kind} of version {version} came after version {heard[visit][0]}")
        heard[visit] = (version, kind)
    for visit, committed in made.committed.items():
        true = (len(committed) + 1, "cancelled" if visit in made.cancelled else "moved")
        if heard.get(visit) != true:
            found.broken.append(f"the last word is {heard.get(visit)}, true is {true}")
