"""A place that is given up is offered to whoever has waited longest, and to nobody twice; what nobody takes goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking import clock
from booking.actor import Actor, ActorKind
from booking.appointments import service as visits
from booking.appointments.caps import Caps
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.appointments.errors import AppointmentUnknown, SlotClosed, TooManyUpcoming
from booking.appointments.waitlist import answering, service
from booking.appointments.waitlist.errors import EntryUnknown, OfferOver
from booking.db import Database
from booking.messages.kinds import MessageState
from booking.sealed import keys
from scheduler.jobs import housekeeping, make_offers, release_holds
from tests import households, seeds, waiters
from tests.seeds import World
from tests.waiters import Waiter, night, noon, offers_of, visit_in, waits

pytestmark = pytest.mark.anyio
ANYONE = Actor(ActorKind.ANYONE)


async def give_up(db: Database, visit: dict[str, Any], *, now: datetime | None = None) -> None:
    """Its holder cancels."""
    async with db.transaction() as session:
        await visits.cancel(session, visit["code"], visit["token"], CancelAppointment(), by=ANYONE, now=now or noon())


async def accept(db: Database, offer: dict[str, Any], *, now: datetime | None = None, caps: Caps | None = None) -> None:
    async with db.transaction() as session:
        await answering.accept(
            session, offer["code"], offer["token"], by=ANYONE, now=now or noon(), caps=caps or waiters.CAPS
        )


async def refuse(db: Database, offer: dict[str, Any], *, stays: bool = True) -> None:
    async with db.transaction() as session:
        await answering.refuse(session, offer["code"], offer["token"], by=ANYONE, now=noon(), stays=stays)


async def states(db: Database) -> list[tuple[str, str]]:
    """Offer and visit, each in order."""
    return [(one["state"], one["visit"]) for one in await offers_of(db)]


@pytest.fixture
async def world(db: Database) -> World:
    return await seeds.seed(db, capacities=[1, 1])


async def full(db: Database, world: World, *, waiting: int = 1) -> tuple[dict[str, Any], list[Waiter]]:
    """The first slot is full, so many wait; the visit in it."""
    visit = await visit_in(db, world.slots[0])
    return visit, [await waits(db, world, number) for number in range(1, waiting + 1)]


async def test_who_gives_a_place_up_passes_it_to_the_longest_waiting(db: Database, world: World) -> None:
    visit, (first, _) = await full(db, world, waiting=2)
    await give_up(db, visit)
    (offer,) = await offers_of(db)
    assert (offer["state"], offer["visit"], offer["stands"]) == ("live", "held", "offered")
    assert offer["entry"] == first.entry
    assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=world.slots[0]) == 1
    (told,) = await seeds.rows(
        db, "SELECT state::text, facts, useful_until, phone_index FROM message WHERE kind = 'offer'"
    )
    assert told["state"] == MessageState.DUE
    assert told["phone_index"] == keys().index("phone", "+84903000001")
    until = told["useful_until"].astimezone(clock.ZONE)
    assert told["facts"]["until"] == f"{until:%H:%M}"
    left = await seeds.value(db, "SELECT expires_at - now() FROM offer")
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


async def test_what_is_offered_cannot_be_booked_or_held_by_another_way(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    (offer,) = await offers_of(db)
    assert await seeds.value(db, "SELECT free_places FROM slot WHERE id = :id", id=world.slots[0]) == []
    await waiters.run_out(db)
    async with db.hot() as hot:
        assert await visits.release_expired(hot, world.slots[0]) == 0
        assert await visits.expired_slots(hot) == []
    assert await release_holds.run(db) == 0
    assert (await offers_of(db))[0]["state"] == "live"
    assert offer["visit"] == "held"


async def test_taking_the_offer_makes_a_visit_once(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    (offer,) = await offers_of(db)
    for _ in range(2):
        await accept(db, offer)
    assert await states(db) == [("accepted", "booked")]
    told = await seeds.rows(db, "SELECT kind::text, state::text FROM message WHERE subject_id = :id ORDER BY id",
                            id=offer["public_id"])  # fmt: skip
    assert told == [{"kind": "offer", "state": "superseded"}, {"kind": "booked", "state": "due"}]
    assert (await offers_of(db))[0]["stands"] == "served"


@pytest.mark.postgres15
async def test_refused_it_goes_to_the_next_and_not_back(db: Database, world: World) -> None:
    visit, (first, second) = await full(db, world, waiting=2)
    await give_up(db, visit)
    await refuse(db, (await offers_of(db))[0])
    one, two = await offers_of(db)
    assert (one["state"], one["stands"]) == ("refused", "waiting")
    assert (two["state"], two["entry"]) == ("live", second.entry)
    await refuse(db, two, stays=False)
    await refuse(db, one)  # again: nothing changes
    assert await states(db) == [("refused", "lapsed"), ("refused", "lapsed")]
    assert [one["stands"] for one in await offers_of(db)] == ["waiting", "left"]
    await make_offers.run(db, now=noon())
    told = [(one["entry"], one["slot_id"]) for one in await offers_of(db)]
    assert told[2:] == [(first.entry, world.slots[1])], "another time is offered, the refused one is not"


@pytest.mark.postgres15
async def test_lapsed_it_goes_to_the_next(db: Database, world: World) -> None:
    visit, (_, second) = await full(db, world, waiting=2)
    await seeds.run(db, "UPDATE slot SET open = false WHERE id = :id", id=world.slots[1])
    await seeds.run(db, "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:id, 't', 't', now())",
                    id=world.slots[1])  # fmt: skip
    await give_up(db, visit)
    assert await make_offers.run(db, now=noon()) == 0  # its time is not over
    await waiters.run_out(db)
    assert await make_offers.run(db, now=noon()) == 1
    assert await states(db) == [("lapsed", "lapsed"), ("live", "held")]
    assert (await offers_of(db))[1]["entry"] == second.entry
    with pytest.raises(OfferOver):
        await accept(db, (await offers_of(db))[0])
    await waiters.run_out(db)
    await make_offers.run(db, now=noon())
    assert await states(db) == [("lapsed", "lapsed")] * 2
    assert await seeds.value(db, "SELECT free_places FROM slot WHERE id = :id", id=world.slots[0]) == [1]
    assert await make_offers.run(db, now=noon()) == 0, "nobody is asked twice about one time"


async def test_time_is_over_by_the_databases_clock(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    await waiters.run_out(db)
    with pytest.raises(OfferOver):
        await accept(db, (await offers_of(db))[0])
    assert await states(db) == [("live", "held")]


async def test_at_night_the_place_is_public_and_offered_at_seven(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await seeds.run(db, "UPDATE slot SET reserved = 1, release_at = starts_at WHERE id = :id", id=world.slots[1])
    await give_up(db, visit, now=night())
    assert await offers_of(db) == []
    assert await seeds.value(db, "SELECT free_places FROM slot WHERE id = :id", id=world.slots[0]) == [1]
    assert await make_offers.run(db, now=night()) == 0
    assert await make_offers.run(db, now=night() + timedelta(hours=8)) == 1
    assert await states(db) == [("live", "held")]


async def test_a_place_somebody_took_in_the_night_is_not_offered(db: Database, world: World) -> None:
    await seeds.run(db, "UPDATE slot SET reserved = 1, release_at = starts_at WHERE id = :id", id=world.slots[1])
    visit, _ = await full(db, world)
    await give_up(db, visit, now=night())
    await visit_in(db, world.slots[0], 901)
    assert await make_offers.run(db, now=night() + timedelta(hours=8)) == 0


@pytest.mark.postgres15
async def test_a_move_offers_the_old_place(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    async with db.transaction() as session:
        await visits.reschedule(
            session, visit["code"], visit["token"], RescheduleAppointment(slot=world.slots[1]), by=ANYONE, now=noon(),
            per_phone=12,
        )  # fmt: skip
    assert [(one["slot_id"], one["state"]) for one in await offers_of(db)] == [(world.slots[0], "live")]


async def test_declining_offers_the_place(db: Database, world: World) -> None:
    from booking.appointments import attending

    visit, _ = await full(db, world)
    async with db.transaction() as session:
        await attending.decline(session, visit["code"], visit["token"], by=ANYONE, now=noon())
    assert await states(db) == [("live", "held")]


async def test_an_offer_is_let_go_of_by_the_old_links_too(db: Database, world: World) -> None:
    visit, _ = await full(db, world, waiting=2)
    await give_up(db, visit)
    offer = (await offers_of(db))[0]
    async with db.transaction() as session:
        assert await visits.let_go(session, offer["code"], offer["token"], by=ANYONE, now=noon())
    assert await states(db) == [("refused", "lapsed"), ("live", "held")]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE patient SET no_sms = true",
        "UPDATE patient SET wrong_number_at = now()",
        "UPDATE patient SET erased_at = now()",
        "UPDATE account SET ended_at = now()",
        "UPDATE profile SET ended_at = now()",
        "UPDATE consent SET granted = false WHERE purpose = 'booking'",
        "UPDATE waitlist_entry SET day_from = day_from + 1, day_to = day_to + 1",
        "UPDATE waitlist_target SET service_id = (SELECT id FROM service WHERE code = 'tiem-mau')",
        "UPDATE slot SET bookable_until = now() + interval '9 minutes'",
    ],
)
async def test_who_cannot_be_told_or_helped_is_passed_over(db: Database, world: World, spoil: str) -> None:
    visit, _ = await full(db, world)
    await seeds.run(db, spoil)
    now = clock.utc_now() if "bookable" in spoil else noon()
    await give_up(db, visit, now=now)
    assert await offers_of(db) == []
    if "tiem-mau" not in spoil and "day_from" not in spoil:
        assert await make_offers.run(db, now=now) == 0


async def test_a_visit_that_day_is_enough(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await seeds.run(
        db, "UPDATE waitlist_entry SET patient_id = (SELECT patient_id FROM appointment WHERE code = :c)",
        c=visit["code"],
    )  # fmt: skip
    mine = await visit_in(db, world.slots[1], 902)
    await seeds.run(
        db, "UPDATE waitlist_entry SET patient_id = (SELECT patient_id FROM appointment WHERE code = :c), account_id = "
        "(SELECT account_id FROM appointment WHERE code = :c)", c=mine["code"],
    )  # fmt: skip
    await give_up(db, visit)
    assert await offers_of(db) == []


async def test_who_gave_a_place_up_is_not_offered_it(db: Database, world: World) -> None:
    visit = await visit_in(db, world.slots[0])
    account = await seeds.value(db, "SELECT account_id FROM appointment WHERE code = :c", c=visit["code"])
    who = (await _people(db, account))[0]
    await waiters.join(db, account, waiters.wish(world, who))
    await seeds.run(db, "UPDATE slot SET reserved = 1, release_at = starts_at WHERE id = :id", id=world.slots[1])
    await give_up(db, visit)
    assert await make_offers.run(db, now=noon()) == 0
    assert await offers_of(db) == []


async def _people(db: Database, account: int) -> Any:
    from booking.patients import queries

    async with db.transaction() as session:
        return await queries.profiles(session, account, today=households.TODAY)


async def test_nobody_is_offered_more_than_four_places_a_day(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1] * 6)
    await waits(db, world, 1)
    for _ in range(6):
        await make_offers.run(db, now=noon())
        await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'")
        await waiters.run_out(db)
    assert [state for state, _ in await states(db)] == ["lapsed"] * 4
    await make_offers.run(db, now=noon() + timedelta(days=1))
    assert len(await offers_of(db)) == 5


@pytest.mark.postgres15
async def test_while_texts_do_not_go_out_places_stay_public(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1, 1])
    for number in (1, 2, 3):
        await waits(db, world, number)
    early = noon()
    await make_offers.run(db, now=early)
    assert len(await offers_of(db)) == 3
    await waiters.run_out(db)
    await make_offers.run(db, now=early + timedelta(minutes=31))  # their texts still wait: nobody heard
    assert await states(db) == [("lapsed", "lapsed")] * 3
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 0
    await make_offers.run(db, now=early + timedelta(minutes=62))
    assert [state for state, _ in await states(db)] == ["lapsed"] * 3 + ["live"] * 2  # the third knows what is left


@pytest.mark.parametrize(("unheard", "offered"), [(2, 1), (3, 0)])
async def test_a_text_that_does_not_leave_silences_the_list_only_where_it_is_not_the_only_one(
    db: Database, unheard: int, offered: int
) -> None:
    """Of the last five offers; what is older than them no longer counts."""
    world = await seeds.seed(db, capacities=[1] * 8)
    for number in range(1, 9):
        await waits(db, world, number)
    await seeds.run(db, "UPDATE slot SET open = false WHERE id = :id", id=world.slots[7])
    await make_offers.run(db, now=noon())
    assert len(await offers_of(db)) == 7
    heard = "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer' AND id IN ({})"
    last = "SELECT id FROM message WHERE kind = 'offer' ORDER BY id DESC OFFSET :most LIMIT :number"
    await seeds.run(db, heard.format(last), most=unheard, number=5 - unheard)
    await seeds.run(db, "UPDATE slot SET open = true WHERE id = :id", id=world.slots[7])
    await make_offers.run(db, now=noon() + timedelta(minutes=3))
    assert len(await offers_of(db)) == 7 + offered


async def test_new_places_are_offered_the_earliest_to_the_longest_waiting(db: Database) -> None:
    world = await seeds.seed(db, capacities=[])
    waiting = [await waits(db, world, number) for number in (1, 2, 3)]
    assert await make_offers.run(db, now=noon()) == 0
    slots = [await seeds.add_slot(db, world, capacity=1), await seeds.add_slot(db, world, capacity=1)]
    assert await make_offers.run(db, now=noon()) == 2
    told = [(one["entry"], one["slot_id"]) for one in await offers_of(db)]
    assert told == [(waiting[0].entry, slots[0]), (waiting[1].entry, slots[1])]


async def test_an_entry_is_over_after_its_last_day(db: Database, world: World) -> None:
    await waits(db, world, 1)
    await make_offers.run(db, now=night())
    await make_offers.run(db, now=night() + timedelta(days=3))
    assert await seeds.value(db, "SELECT state::text FROM waitlist_entry") == "over"


async def test_a_slot_that_closed_meanwhile_is_not_promised(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    await seeds.run(db, "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:id, 't', 't', now())",
                    id=world.slots[0])  # fmt: skip
    await seeds.run(db, "UPDATE slot SET open = false WHERE id = :id", id=world.slots[0])
    with pytest.raises(SlotClosed):
        await accept(db, (await offers_of(db))[0])


async def test_an_offer_counts_among_the_visits_ahead(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    (offer,) = await offers_of(db)
    for caps in (replace(waiters.CAPS, profile=0), replace(waiters.CAPS, phone=0)):
        with pytest.raises(TooManyUpcoming):
            await accept(db, offer, caps=caps)
    assert await states(db) == [("live", "held")]
    await accept(db, offer, caps=replace(waiters.CAPS, profile=1, phone=1))


@pytest.mark.postgres15
async def test_leaving_gives_the_offered_place_to_the_next(db: Database, world: World) -> None:
    visit, (first, second) = await full(db, world, waiting=2)
    await give_up(db, visit)
    for _ in range(2):
        async with db.transaction() as session:
            await service.leave(session, first.account, first.entry, by=households.actor(first.account), now=noon())
    assert [(one["state"], one["stands"]) for one in await offers_of(db)] == [("refused", "left"), ("live", "offered")]
    with pytest.raises(EntryUnknown):
        async with db.transaction() as session:
            await service.leave(session, first.account, second.entry, by=households.actor(first.account), now=noon())
    assert [one["stands"] for one in await offers_of(db)] == ["left", "offered"]


async def test_a_wrong_token_opens_no_offer(db: Database, world: World) -> None:
    visit, _ = await full(db, world)
    await give_up(db, visit)
    (offer,) = await offers_of(db)
    for wrong in (offer | {"token": visit["token"]}, {"code": visit["code"], "token": visit["token"]}):
        with pytest.raises(AppointmentUnknown):
            await accept(db, wrong)
        with pytest.raises(AppointmentUnknown):
            await refuse(db, wrong)
    await accept(db, offer)


@pytest.mark.postgres15
async def test_what_ended_long_ago_is_forgotten_and_the_visit_stays(db: Database, world: World) -> None:
    visit, _ = await full(db, world, waiting=2)
    await give_up(db, visit)
    await refuse(db, (await offers_of(db))[0], stays=False)
    await accept(db, (await offers_of(db))[1])
    await seeds.run(db, "UPDATE waitlist_entry SET ended_at = now() - interval '91 days'")
    await housekeeping.run(db, now=noon())
    assert await seeds.value(db, "SELECT count(*) FROM waitlist_entry") == 0
    assert await seeds.value(db, "SELECT count(*) FROM offer") == 0
    left = await seeds.rows(db, "SELECT state::text FROM appointment WHERE offered")
    assert left == [{"state": "booked"}]
