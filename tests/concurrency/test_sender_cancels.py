"""Cancelled or moved in the last second: random pairs of a change against the sending of what it makes untrue.

    make test        60 pairs
    make test-all    10,000 pairs

Nothing untrue is taken by the carrier more than a second after the change was committed; what slipped is followed by
the correction, never the other way round. The carrier's log is the judge. Real visits, the patients' own verbs.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col

from booking.appointments import changing
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.clock import ZONE, utc_now
from booking.db import Database
from booking.ids import jitter
from booking.messages import outbox
from booking.messages.models import Message
from booking.messages.outbox import Claim
from booking.sealed import keys
from scheduler.jobs import send_messages
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import Carrier
from tests.closings import STAFF, Crowd, crowd
from tests.conftest import FULL
from tests.outbox import send, sender, write

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]
PAIRS = 10_000 if FULL else 60
VISITS = 200 if FULL else 20
SECOND = timedelta(seconds=1)


@dataclass
class Changes:
    """When each change of a visit was committed, by the visit's id; the first one made version 2."""

    committed: dict[str, list[datetime]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)


async def _announce(db: Database) -> list[dict[str, Any]]:
    """A confirmation of each visit, due now; the visits."""
    visits = await seeds.rows(
        db,
        "SELECT a.code, a.public_id, a.version, a.token_version, a.starts_at,"
        " a.facility_id FROM appointment a ORDER BY a.id",
    )
    await seeds.run(db, "DELETE FROM message")
    for number, visit in enumerate(visits):
        facts = {
            "facility": "TYT Mau", "code": visit["code"], "token_version": visit["token_version"],
            "starts_at": visit["starts_at"].astimezone(ZONE).isoformat(),
        }  # fmt: skip
        await write(db, subject=visit["public_id"], phone=f"+8490155{number:04}", facts=facts)
    return visits


async def _change(db: Database, made: Crowd, visit: dict[str, Any], times: int, changes: Changes) -> None:
    """Move the visit so many times at random moments, back and forth, then perhaps cancel it."""
    public_id, committed = str(visit["public_id"]), changes.committed.setdefault(str(visit["public_id"]), [])
    free = [slots[visit["number"] % len(slots)] for slots in made.later.values()]
    for turn in range(times):
        await asyncio.sleep(jitter(0, 0.1))
        token = keys().link_token(public_id, await _token_version(db, visit))
        async with db.transaction() as session:
            if turn == times - 1 and visit["number"] % 2:
                await changing.cancel(session, visit["code"], token, CancelAppointment(), by=STAFF, now=utc_now())
                changes.cancelled.add(public_id)
            else:
                wish = RescheduleAppointment(slot=free[turn % len(free)])
                await changing.reschedule(
                    session, visit["code"], token, wish, by=STAFF, now=utc_now(), per_phone=10_000_000
                )
        committed.append(utc_now())


async def _token_version(db: Database, visit: dict[str, Any]) -> int:
    query = "SELECT token_version FROM appointment WHERE code = :code"
    return int(await seeds.value(db, query, code=visit["code"]))


@asynccontextmanager
async def _sending(*senders: Sender) -> AsyncIterator[None]:
    """Senders at work, as long as the block lasts."""
    stop = asyncio.Event()

    async def work(one: Sender) -> None:
        while not stop.is_set():
            await send_messages.run(one, stop=stop, poll=0.05)
            await asyncio.sleep(0.01)

    working = [asyncio.create_task(work(one)) for one in senders]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*working)


async def _versions(db: Database) -> dict[str, tuple[str, int, str]]:
    """Our message id → visit, version, kind."""
    rows = await seeds.rows(db, "SELECT public_id, subject_id, version, kind::text FROM message")
    return {str(row["public_id"]): (str(row["subject_id"]), row["version"], row["kind"]) for row in rows}


def judge(carrier: Carrier, versions: dict[str, tuple[str, int, str]], changes: Changes) -> tuple[int, list[str]]:
    """How many texts were untrue when they were taken, and each that breaks the promise."""
    slipped, broken = 0, []
    heard: dict[str, tuple[int, str]] = {}
    for one in carrier.log.accepted:
        visit, version, kind = versions[str(one.message_id)]
        later = changes.committed.get(visit, [])[version - 1 :]  # the change that made this version untrue, if any
        if later and one.at > later[0]:
            slipped += 1
            if one.at > later[0] + SECOND:
                broken.append(f"{kind} of version {version} was taken {one.at - later[0]} after the change")
        if version < heard.get(visit, (0, ""))[0]:
            broken.append(f"{kind} of version {version} came after version {heard[visit][0]}")
        heard[visit] = (version, kind)
    for visit, committed in changes.committed.items():
        true = (len(committed) + 1, "cancelled" if visit in changes.cancelled else "moved")
        if heard.get(visit) != true:
            broken.append(f"the last word is {heard.get(visit)}, true is {true}")
    return slipped, broken


_ROOM = """
    UPDATE slot SET capacity = 50, free_places = (SELECT array_agg(p) FROM generate_series(1, 50) p
        WHERE p NOT IN (SELECT place FROM appointment WHERE slot_id = slot.id AND state = 'booked'))
"""
"""So that a move is never refused: what is tried here is the telling."""


async def _world(db: Database) -> tuple[Crowd, list[dict[str, Any]]]:
    made = await crowd(db, VISITS, per_slot=5)
    visits = await _announce(db)
    for number, visit in enumerate(visits):
        visit["number"] = number
    await seeds.run(db, _ROOM)
    return made, visits


async def test_nothing_untrue_goes_a_second_after_the_change_and_the_last_word_is_true(
    db: Database, database_url: str
) -> None:
    made, visits = await _world(db)
    changes = Changes()
    other = Database(database_url, pool=8)
    with Carrier() as carrier:
        async with _sending(sender(db, carrier.url), sender(other, carrier.url)):
            await asyncio.gather(*(_change(db, made, visit, PAIRS // VISITS, changes) for visit in visits))
        await seeds.run(db, "UPDATE message SET due_at = due_at - interval '1 hour' WHERE state = 'due'")
        await send(sender(db, carrier.url))
        slipped, broken = judge(carrier, await _versions(db), changes)
        assert sum(len(each) for each in changes.committed.values()) == PAIRS
        assert broken == []
        print(f"{PAIRS} pairs, {len(carrier.log.accepted)} texts, {slipped} slipped and were corrected")
    await other.close()


def _any_claim(claim: Claim) -> list[Any]:
    return [col(Message.id) == claim.id]


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "control without the look at the row"])
async def test_a_change_between_claim_and_post_wins(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    made, visits = await _world(db)
    changes = Changes()
    with Carrier() as carrier:
        late = sender(db, carrier.url)
        claims: Sequence[Claim] = await late.claim(VISITS)
        await asyncio.gather(*(_change(db, made, visit, 1, changes) for visit in visits))
        for committed in changes.committed.values():  # the sender wakes up two seconds later
            committed[0] -= 2 * SECOND
        if not guarded:
            monkeypatch.setattr(outbox, "ours", _any_claim)
        await asyncio.gather(*(late.carry(one) for one in claims))
        monkeypatch.undo()
        await send(sender(db, carrier.url))
        _, broken = judge(carrier, await _versions(db), changes)
    assert bool(broken) is not guarded, broken
