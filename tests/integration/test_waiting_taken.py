"""An offer is taken under the conditions under which it was made: what changed in its half hour counts."""

from dataclasses import replace
from typing import Any

import pytest

from booking.actor import Actor, ActorKind
from booking.appointments.caps import Caps
from booking.appointments.errors import TooManyUpcoming
from booking.appointments.waitlist import answering, queries
from booking.appointments.waitlist.errors import OfferOver
from booking.appointments.waitlist.queries import Silence
from booking.db import Database
from booking.sealed import keys
from scheduler.jobs import make_offers
from tests import seeds, waiters
from tests.seeds import World
from tests.waiters import noon, offers_of, visit_in, waits

pytestmark = pytest.mark.anyio
ANYONE = Actor(ActorKind.ANYONE)
GROWN_UP = (
    "WITH p AS (UPDATE profile SET relation = 'child', as_child = true WHERE patient_id = {who}) "
    "UPDATE patient SET birth_date = (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date - interval '18 years', "
    "birth_year = extract(year FROM now() AT TIME ZONE 'Asia/Ho_Chi_Minh') - 18 WHERE id = {who}"
)
"""A child who has her eighteenth birthday today."""
WITHDRAWN = (
    "INSERT INTO consent (patient_id, account_id, purpose, granted, wording, language, channel, at) "
    "SELECT {who}, {account}, 'booking', false, 1, 'vi', 'mobile', now()"
)
SPOILT = {
    "consent withdrawn": (WITHDRAWN, "no_consent"),
    "taken off the list": ("UPDATE profile SET ended_at = now() WHERE patient_id = {who}", "not_listed"),
    "grown up": (GROWN_UP, "own_say"),
    "wrong number": ("UPDATE patient SET wrong_number_at = now() WHERE id = {who}", "wrong_number"),
    "no messages": ("UPDATE patient SET no_sms = true WHERE id = {who}", "no_sms"),
    "account ended": ("UPDATE account SET ended_at = now() WHERE id = {account}", None),
}  # fmt: skip


async def accept(
    db: Database, offer: dict[str, Any], *, caps: Caps = waiters.CAPS, device: bytes | None = None
) -> None:
    async with db.transaction() as session:
        await answering.accept(
            session, offer["code"], offer["token"], by=ANYONE, now=noon(), caps=caps, device=device
        )  # fmt: skip


@pytest.fixture
async def world(db: Database) -> World:
    return await seeds.seed(db, capacities=[1, 1])


async def offered(db: Database, world: World) -> tuple[waiters.Waiter, dict[str, Any]]:
    """Somebody waits and is told of the first of two places."""
    await visit_in(db, world.slots[1])
    waiter = await waits(db, world, 1)
    await make_offers.run(db, now=noon())
    (offer,) = await offers_of(db)
    return waiter, offer


@pytest.mark.parametrize("why", SPOILT)
async def test_what_changed_since_the_offer_closes_it(db: Database, world: World, why: str) -> None:
    waiter, offer = await offered(db, world)
    spoil, silence = SPOILT[why]
    await seeds.run(db, spoil.format(who=waiter.who.patient_id, account=waiter.account))
    async with db.transaction() as session:
        seen = await queries.standing(session, offer["code"], now=noon())
        wait = await queries.entry(session, waiter.account, waiter.entry, now=noon())
    assert seen is not None
    assert not seen.live
    assert wait.silence == silence
    with pytest.raises(OfferOver):
        await accept(db, offer)
    assert [one["visit"] for one in await offers_of(db)] == ["held"]


async def test_control_without_the_conditions_it_is_taken_for_one_who_withdrew(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiter, offer = await offered(db, world)
    spoil, _ = SPOILT["consent withdrawn"]
    await seeds.run(db, spoil.format(who=waiter.who.patient_id, account=waiter.account))
    monkeypatch.setattr(answering, "may_be_served", lambda _now: [])
    await accept(db, offer)
    assert [one["visit"] for one in await offers_of(db)] == ["booked"]


async def test_a_child_who_comes_of_age_while_waiting_is_not_offered_a_place_before_she_agrees(
    db: Database, world: World
) -> None:
    waiter = await waits(db, world, 1)
    await seeds.run(db, GROWN_UP.format(who=waiter.who.patient_id))
    await make_offers.run(db, now=noon())
    assert await offers_of(db) == []
    await seeds.run(db, "UPDATE profile SET agreed_at = now()")
    await make_offers.run(db, now=noon())
    (offer,) = await offers_of(db)
    await accept(db, offer)


async def test_the_day_before_she_comes_of_age_her_parent_is_told(db: Database, world: World) -> None:
    waiter = await waits(db, world, 1)
    await seeds.run(db, GROWN_UP.format(who=waiter.who.patient_id))
    await seeds.run(db, "UPDATE patient SET birth_date = birth_date + 1")
    await make_offers.run(db, now=noon())
    (offer,) = await offers_of(db)
    await accept(db, offer)


@pytest.mark.parametrize("years", [18, 19])
async def test_of_a_year_alone_she_is_of_age_when_it_is_certain(db: Database, world: World, years: int) -> None:
    waiter = await waits(db, world, 1)
    await seeds.run(db, GROWN_UP.format(who=waiter.who.patient_id))
    year = waiters.noon().year - years
    await seeds.run(db, "UPDATE patient SET birth_date = NULL, birth_year = :year", year=year)
    await make_offers.run(db, now=noon())
    async with db.transaction() as session:
        wait = await queries.entry(session, waiter.account, waiter.entry, now=noon())
    last_day = (noon().month, noon().day) == (12, 31)
    assert (wait.silence is Silence.OWN_SAY) is (years == 19 or last_day)
    assert (len(await offers_of(db)) == 0) is (years == 19 or last_day)


async def test_a_visit_of_the_number_without_an_account_counts_as_it_does_when_booking(
    db: Database, world: World
) -> None:
    waiter, offer = await offered(db, world)
    await seeds.run(
        db, "UPDATE patient SET phone_index = (SELECT phone_index FROM account WHERE id = :id) WHERE id <> :who",
        id=waiter.account, who=waiter.who.patient_id,
    )  # fmt: skip
    await seeds.run(db, "UPDATE appointment SET account_id = NULL WHERE state = 'booked'")
    with pytest.raises(TooManyUpcoming):
        await accept(db, offer, caps=replace(waiters.CAPS, phone=1))
    await accept(db, offer, caps=replace(waiters.CAPS, phone=2))


async def test_the_browser_that_takes_it_counts_too(db: Database, world: World) -> None:
    _, offer = await offered(db, world)
    here = keys().index("device", "here")
    await seeds.run(db, "UPDATE appointment SET device = :here WHERE state = 'booked'", here=here)
    with pytest.raises(TooManyUpcoming):
        await accept(db, offer, caps=replace(waiters.CAPS, device=1), device=here)
    await accept(db, offer, caps=replace(waiters.CAPS, device=2), device=here)
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE device = :here", here=here) == 2
