"""Cancelled or moved in the last second: random pairs of a change against the sending of what it makes untrue.

    make test        60 pairs at 200 texts a second, 24 as an installation has it
    make test-all    10,000 pairs and 600

Nothing untrue is taken by the carrier more than a second after the change was committed; what slipped is followed by
the correction, never the other way round, and the last word is the true one. The carrier's log is the judge; it is
slow, and so are the senders now and then. Real visits, the patients' own verbs, the production's waits.
"""

import asyncio
from typing import Any

import pytest
from sqlmodel import col

from booking.db import Database
from booking.messages import looking, outbox
from booking.messages.channel.rules import Allowance
from booking.messages.claiming import Claim
from booking.messages.models import Message
from booking.messages.outbox import Pace
from tests import last_second, seeds
from tests.carrier import Carrier, plans
from tests.conftest import FULL
from tests.last_second import Found, HeldUp, Slow
from tests.outbox import BUSY, make_due, send, sender

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1800)]
MANY = Allowance(per_second=200, per_day=1_000_000, per_facility=1_000_000, usual_hour=1_000_000)
"""A faster carrier, and no cap but that of a number."""


NEVER = 1_000_000


async def _storm(
    db: Database,
    url: str,
    *,
    visits: int,
    times: int,
    at_once: int = 24,
    pace: Pace | None = None,
    allowance: Allowance = MANY,
    often: tuple[int, int] = (6, 6),
) -> tuple[Found, int, int]:
    """So many visits told of and changed so many times; what the log says, how many looks were stale, what it took."""
    made = await last_second.world(db, visits)
    databases = [Database(url, pool=pool) for pool in (at_once, 12, 12)]  # of those who change, and of two senders
    print(f"seed {last_second.SEED}")
    try:
        with Carrier(per_second=allowance.per_second) as carrier:
            carrier.decide = Slow()
            senders = [
                HeldUp(each, carrier.url, number, pace=pace or Pace(), allowance=allowance, often=often)
                for number, each in enumerate(databases[1:])
            ]
            async with last_second.sending(db, *senders):
                await last_second.change_all(databases[0], made, times=times, at_once=at_once)
            found, stale = await last_second.judged(db, carrier, made), sum(each.stale for each in senders)
            taken = len(carrier.log.accepted)
    finally:
        for each in databases:
            await each.close()
    assert made.changes == visits * times
    print(f"{made.changes:,} changes {found}; {stale} looks were too old; the carrier took {taken:,} texts")
    return found, stale, taken


async def test_nothing_untrue_goes_a_second_after_the_change_and_the_last_word_is_true(
    db: Database, database_url: str
) -> None:
    visits, times = (2_000, 5) if FULL else (15, 4)
    found, stale, _ = await _storm(db, database_url, visits=visits, times=times, at_once=40)
    assert found.broken == []
    # They really met: while claimed, while it was being posted, and after the carrier had taken it.
    for state in ("claimed", "sending", "sent"):
        assert found.met[state] >= visits * times * 0.03, found
    assert found.slipped >= (visits * times * 0.01 if FULL else 0), found
    assert stale >= 1


async def test_with_the_caps_of_an_installation_every_correction_goes_in_time(db: Database, database_url: str) -> None:
    """Ten a second, twenty a number: what waits, is set aside or looked at anew is no text, and counts for no cap."""
    visits, times = (100, 6) if FULL else (8, 3)
    found, _, taken = await _storm(
        db, database_url, visits=visits, times=times, at_once=visits // 8 + 3, allowance=Allowance()
    )
    assert found.broken == []
    assert found.met["claimed"] + found.met["sending"] >= visits * times * 0.1, found
    counted = await seeds.value(db, "SELECT day_posts FROM sms_channel")
    assert counted <= taken
    assert not await seeds.value(db, "SELECT count(*) FROM message WHERE reason IN ('number_cap', 'facility_cap')")


def _any_claim(claim: Claim) -> list[Any]:
    return [col(Message.id) == claim.id]


async def test_control_without_the_look_at_the_row_what_is_untrue_goes(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ours", _any_claim)
    found, *_ = await _storm(db, database_url, visits=8, times=2, often=(1, NEVER))
    assert found.broken != []


async def test_control_an_old_look_that_is_believed_sends_what_is_untrue(db: Database, database_url: str) -> None:
    found, *_ = await _storm(db, database_url, visits=8, times=2, often=(NEVER, 1), pace=Pace(fresh=BUSY))
    assert any("after the change" in each for each in found.broken), found.broken


async def _corrected_while_it_is_out(db: Database, url: str) -> list[str]:
    """A visit is moved while its confirmation hangs on the way to the carrier; the kinds in the order it took them."""
    made, other = await last_second.world(db, 1), Database(url, pool=4)
    query = "SELECT count(*) FROM message WHERE version = 2 AND (state = 'sent' OR due_at > created_at)"
    with Carrier() as carrier:
        carrier.plan(plans.stall_before_accepting(accepts_late=True))
        await last_second.announce(db, made.visits[0])
        first = asyncio.create_task(send(sender(db, carrier.url)))
        assert await asyncio.to_thread(carrier.wait_for_stall)
        await last_second.change(db, made, made.visits[0], last=False)
        second = asyncio.create_task(send(sender(other, carrier.url)))
        for _ in range(1000):  # until the correction went, or waits
            if await seeds.value(db, query):
                break
            await asyncio.sleep(0.01)
        carrier.release()
        await asyncio.gather(first, second)
        await make_due(db)
        await send(sender(other, carrier.url))
        order = [one.body.split()[2] for one in carrier.log.accepted]
    await other.close()
    return order


async def test_a_correction_never_overtakes_what_it_corrects(db: Database, database_url: str) -> None:
    assert await _corrected_while_it_is_out(db, database_url) == ["dat", "doi"]


async def _never(*_: object, **__: object) -> None:
    return None


async def test_control_a_correction_that_waits_for_nothing_comes_first(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_behind", _never)
    assert await _corrected_while_it_is_out(db, database_url) == ["doi", "dat"]
