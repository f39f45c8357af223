"""Booking for people of one's account: what is kept, what is written, what is refused."""

import dataclasses

import pytest

from booking.appointments import party, service
from booking.appointments.errors import (
    AlreadyBooked,
    AppointmentUnknown,
    JustGivenUp,
    KeyReused,
    PartyTooLarge,
    SlotClosed,
    SlotFull,
    TooManyHolds,
    TooManyUpcoming,
)
from booking.clock import utc_now
from booking.db import Database
from booking.patients.errors import ConsentNeeded, ProfileUnknown
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from tests import families, people, seeds, waiters
from tests.families import CAPS, book, family, hold, keep
from tests.races import trace

pytestmark = pytest.mark.anyio


async def test_one_person_gets_the_kept_place_and_is_told_at_the_proven_number(db: Database) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = await family(db, 1)
    held = await hold(db, world.slots[0], home)
    (ticket,) = await book(db, home, held, [world.slots[0]])
    assert (ticket.code, ticket.token) == (held.code, held.token)
    found = await trace(db, ticket.code)
    assert found | {"slot": 0} == {
        "state": "booked", "slot": 0, "version": 1, "told": ["booked"], "due": ["booked"], "done": ["hold", "book"],
    }  # fmt: skip
    (row,) = await seeds.rows(db, "SELECT account_id, party_id, patient_id, device, expires_at FROM appointment")
    assert (row["account_id"], row["party_id"]) == (home.who.account_id, None)
    assert (row["patient_id"], row["device"], row["expires_at"]) == (home.people[0].patient_id, home.device, None)
    assert await seeds.value(db, "SELECT tries FROM rate_counter WHERE limit_name = 'phone'") == 1
    assert await seeds.value(db, "SELECT actor_kind FROM audit_event WHERE action = 'appointment.book'") == "account"
    assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=world.slots[0]) == 1


async def test_a_family_keeps_places_side_by_side_then_close_by_and_books_them_in_one_go(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 3, 2, 3])
    home = await family(db, 1, people_=4)
    held = await hold(db, world.slots[2], home)
    proposal = await keep(db, home, held, 4)
    assert proposal == [world.slots[1], world.slots[1], world.slots[2], world.slots[2]]
    assert await keep(db, home, held, 4) == proposal  # again is the same
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 4
    assert await keep(db, home, held, 3) == proposal[1:]  # one fewer: one is given back
    tickets = await book(db, home, held, proposal)  # and taken again, in the booking itself
    assert len({ticket.code for ticket in tickets}) == 4
    rows = await seeds.rows(db, "SELECT slot_id, patient_id, party_id FROM appointment WHERE state = 'booked'")
    assert len({row["party_id"] for row in rows}) == 1
    assert {row["patient_id"] for row in rows} == {one.patient_id for one in home.people}
    assert sorted(row["slot_id"] for row in rows) == proposal
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE kind = 'booked' AND state = 'due'") == 4
    assert await seeds.value(db, "SELECT count(*) FROM idempotency_record") == 2  # the hold's and this
    assert await seeds.value(db, "SELECT tries FROM rate_counter WHERE limit_name = 'phone'") == 4


async def test_a_day_without_room_for_all_keeps_and_books_nothing_more(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    home = await family(db, 1, people_=3)
    held = await hold(db, world.slots[0], home)
    before = await seeds.everything(db)
    with pytest.raises(SlotFull) as refused:
        await keep(db, home, held, 3)
    assert refused.value.facts["left"] == 2
    with pytest.raises(SlotFull):
        await book(db, home, held, [world.slots[0], world.slots[1], world.slots[1]])
    assert await seeds.everything(db) == before
    with pytest.raises(PartyTooLarge):
        await keep(db, home, held, CAPS.party + 1)


async def test_places_for_walk_ins_are_not_a_family_s(db: Database) -> None:
    world = await seeds.seed(db, capacities=[])
    slot = await seeds.add_slot(db, world, capacity=4, reserved=2)
    home = await family(db, 1, people_=3)
    held = await hold(db, slot, home)
    for ask in (keep(db, home, held, 3), book(db, home, held, [slot] * 3)):
        with pytest.raises(SlotFull):
            await ask
    assert len(await book(db, home, held, [slot] * 2)) == 2


async def test_a_place_whose_time_ran_out_is_taken_again_while_it_is_free(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    home, other = await family(db, 1), await family(db, 2)
    held = await hold(db, world.slots[0], home)
    await seeds.age_holds(db)
    (ticket,) = await book(db, home, held, [world.slots[0]])
    assert ticket.code == held.code  # the address of the form leads to the truth
    late = await hold(db, world.slots[1], home)
    await seeds.age_holds(db)
    theirs = await hold(db, world.slots[1], other)
    with pytest.raises(SlotFull) as refused:
        await book(db, (await family(db, 3)), late, [world.slots[1]])
    assert refused.value.facts["nearest"] == []
    assert len(await book(db, other, theirs, [world.slots[1]])) == 1


async def test_a_family_whose_time_ran_out_may_be_kept_again(db: Database) -> None:
    world = await seeds.seed(db, capacities=[3])
    home = await family(db, 1, people_=3)
    held = await hold(db, world.slots[0], home)
    await keep(db, home, held, 3)
    await seeds.age_holds(db)
    assert await keep(db, home, held, 2) == world.slots[:1] * 2
    assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=world.slots[0]) == 2
    await seeds.age_holds(db)
    assert {ticket.code for ticket in await book(db, home, held, world.slots[:1] * 3)} >= {held.code}


async def test_the_same_key_gives_the_same_tickets_and_another_body_is_refused(db: Database) -> None:
    world = await seeds.seed(db, capacities=[3])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    slots = world.slots[:1] * 2
    first = await book(db, home, held, slots, key="one-key-1")
    again = await book(db, home, held, slots, key="one-key-1")
    assert [(one.code, one.token) for one in again] == [(one.code, one.token) for one in first]
    assert all(one.replayed for one in again)
    assert await seeds.value(db, "SELECT replays FROM idempotency_record WHERE scope = 'test:together'") == 1
    with pytest.raises(KeyReused):
        await book(db, home, held, slots[:1], key="one-key-1")
    with pytest.raises(AlreadyBooked):  # another key: the hold is a visit by now
        await book(db, home, held, slots)
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 2


async def test_only_success_is_remembered(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    slots = world.slots[:1] * 2
    with pytest.raises(SlotFull):
        await book(db, home, held, slots, key="full-key-1")
    await seeds.run(db, "UPDATE slot SET capacity = 2, free_places = '{2}' WHERE id = :id", id=slots[0])
    assert len(await book(db, home, held, slots, key="full-key-1")) == 2


async def test_only_one_s_own_people_who_agreed_are_booked_for(db: Database) -> None:
    world = await seeds.seed(db, capacities=[3])
    home, other = await family(db, 1), await family(db, 2)
    held = await hold(db, world.slots[0], home)
    before = await seeds.everything(db)
    theirs = dataclasses.replace(home, people=other.people)
    with pytest.raises(ProfileUnknown):
        await book(db, theirs, held, world.slots[:1])
    with pytest.raises(AppointmentUnknown):
        await book(db, home, dataclasses.replace(held, token="A" * 27), world.slots[:1])
    assert await seeds.everything(db) == before
    await seeds.run(db, "UPDATE consent SET granted = false WHERE purpose = 'booking'")
    with pytest.raises(ConsentNeeded):
        await book(db, home, held, world.slots[:1])


async def test_a_closed_time_and_a_second_visit_that_day_are_refused(db: Database) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    home = await family(db, 1)
    held = await hold(db, world.slots[0], home)
    await seeds.run(db, "UPDATE slot SET open = false WHERE id = :id", id=world.slots[0])
    await seeds.run(
        db, "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:id, 'x', 'x', now())",
        id=world.slots[0],
    )  # fmt: skip
    with pytest.raises(SlotClosed):
        await book(db, home, held, world.slots[:1])
    await book(db, home, await hold(db, world.slots[1], home), world.slots[1:2])
    third = await seeds.add_slot(db, world, capacity=1)
    with pytest.raises(AlreadyBooked):
        await book(db, home, await hold(db, third, home), [third])


@pytest.mark.parametrize(("sms", "reason"), [(False, "no_consent"), (True, None)])
async def test_who_wants_no_sms_gets_none_and_the_row_says_why(db: Database, *, sms: bool, reason: str | None) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = await family(db, 1, sms=sms)
    await book(db, home, await hold(db, world.slots[0], home), world.slots[:1])
    (row,) = await seeds.rows(db, "SELECT reason, state::text FROM message WHERE kind = 'booked'")
    assert (row["reason"], row["state"]) == (reason, "suppressed" if reason else "due")


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        ({"phone": 1}, "phone"), ({"profile": 1}, "profile"), ({"device": 1}, "device"), ({"per_day": 1}, None),
        ({}, "none"),
    ],
)  # fmt: skip
async def test_what_one_may_have_ahead_is_limited(db: Database, caps: dict[str, int], reason: str | None) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = (await family(db, 1)).within(dataclasses.replace(CAPS, **caps))
    await book(db, home, await hold(db, world.slots[0], home), world.slots[:1])
    later = world.other_slot
    held = await hold(db, later, home, service_code=seeds.OTHER_SERVICE)
    if reason == "none":  # the control
        assert len(await book(db, home, held, [later])) == 1
    else:
        with pytest.raises(TriedTooOften if reason is None else TooManyUpcoming) as refused:
            await book(db, home, held, [later])
        assert refused.value.facts.get("reason") == reason
        assert refused.value.facts["most"] == 1


async def test_a_place_given_up_is_not_for_the_same_hands_for_some_minutes(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1])
    home, other = await family(db, 1, people_=2), await family(db, 2)
    slot = world.slots[0]
    (ticket,) = await book(db, home, await hold(db, slot, home), [slot])
    waiting = await seeds.add_slot(db, world, capacity=1)
    held = await hold(db, waiting, home)
    await families.cancel(db, home, ticket)
    with pytest.raises(JustGivenUp):
        await hold(db, slot, home)
    with pytest.raises(JustGivenUp):  # nor for another of the family, through a place kept elsewhere
        await book(db, home, held, [slot])
    assert (await hold(db, slot, other)).code
    await seeds.age_holds(db)
    await seeds.run(
        db, "UPDATE appointment SET cancelled_at = cancelled_at - interval '11 min' WHERE state = 'cancelled'"
    )
    assert (await hold(db, slot, home)).code  # the control: after a while she may


async def test_beside_others_free_places_what_one_gave_up_is_no_matter(db: Database) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = await family(db, 1)
    (ticket,) = await book(db, home, await hold(db, world.slots[0], home), world.slots[:1])
    await families.cancel(db, home, ticket)
    assert (await hold(db, world.slots[0], home)).code


async def test_an_account_that_books_for_very_many_people_is_shown_to_staff(db: Database) -> None:
    world = await seeds.seed(db, capacities=[20])
    home = await family(db, 1, people_=14, caps=families.WIDE)
    for start in range(0, 14, 2):
        pair = dataclasses.replace(home, people=home.people[start : start + 2])
        assert await seeds.value(db, "SELECT count(*) FROM patient_flag") == 0, start
        await book(db, pair, await hold(db, world.slots[0], pair), world.slots[:1] * 2)
    (flag,) = await seeds.rows(db, "SELECT kind::text, facts FROM patient_flag")
    assert flag["kind"] == "changed_hands"
    assert flag["facts"]["people"] == 14
    assert set(flag["facts"]) == {"account", "people", "days"}


async def test_the_number_that_is_told_is_the_account_s_also_in_a_reminder(db: Database) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = await family(db, 1)
    await book(db, home, await hold(db, world.slots[0], home), world.slots[:1])
    await waiters.agreed(db, home.who.account_id, home.people[0])
    rows = await seeds.rows(db, "SELECT phone_index FROM message WHERE subject_kind = 'appointment'")
    mine = await seeds.value(db, "SELECT phone_index FROM account WHERE id = :id", id=home.who.account_id)
    assert {row["phone_index"] for row in rows} == {mine}
    assert people.phone(1)


async def test_a_move_counts_for_the_number_that_a_booking_counts_for(db: Database) -> None:
    """The account's, also where the patient has a number of her own: else each number would have a day of its own."""
    world = await seeds.seed(db, capacities=[2, 2, 2])
    home = (await family(db, 1)).within(dataclasses.replace(CAPS, per_day=2))
    await seeds.run(db, "UPDATE patient SET phone_index = '\\x01'")
    (ticket,) = await book(db, home, await hold(db, world.slots[0], home), world.slots[:1])
    await families.move(db, home, ticket, world.slots[1])
    with pytest.raises(TriedTooOften):
        await families.move(db, home, ticket, world.slots[2])
    counted = await seeds.rows(db, "SELECT subject, tries FROM rate_counter WHERE limit_name = 'phone'")
    mine = await seeds.value(db, "SELECT phone_index FROM account WHERE id = :id", id=home.who.account_id)
    assert counted == [{"subject": mine, "tries": 2}]
    # The control: what nobody signed in booked counts for the number of the patient, whose day is new.
    await seeds.run(db, "UPDATE appointment SET account_id = NULL")
    await families.move(db, home, ticket, world.slots[2])


async def test_a_visit_is_not_moved_into_a_place_the_same_hands_gave_up_but_back_to_where_it_was_itself(
    db: Database,
) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    home = await family(db, 1, people_=2)
    good, other = world.slots
    (ticket,) = await book(db, home, await hold(db, good, home), [good])
    second = dataclasses.replace(home, people=home.people[1:])
    (buyer,) = await book(db, second, await hold(db, other, second), [other])
    await families.cancel(db, home, ticket)
    with pytest.raises(JustGivenUp):
        await families.move(db, second, buyer, good)
    await seeds.run(
        db, "UPDATE appointment SET cancelled_at = cancelled_at - interval '11 min' WHERE state = 'cancelled'"
    )
    await families.move(db, second, buyer, good)  # the control
    await families.move(db, second, buyer, other)  # and back: what this visit left itself is not kept from it
    assert await seeds.value(db, "SELECT version FROM appointment WHERE code = :code", code=buyer.code) == 3


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_place_one_moves_away_from_is_not_for_another_of_the_same_hands(db: Database, *, guarded: bool) -> None:
    world = await seeds.seed(db, capacities=[1, 3, 3])
    home, stranger = await family(db, 1, people_=2), await family(db, 2)
    good, empty, farther = world.slots
    (client,) = await book(db, home, await hold(db, good, home), [good])
    second = dataclasses.replace(home, people=home.people[1:])
    held = await hold(db, empty, second)
    await families.move(db, home, client, empty)
    await families.move(db, home, client, farther)  # one more move does not wash it
    if not guarded:  # the control: nothing remembers what was left
        await seeds.run(db, "DELETE FROM place_left")
        assert len(await book(db, second, held, [good])) == 1
        return
    with pytest.raises(JustGivenUp):  # the browser
        await hold(db, good, second)
    with pytest.raises(JustGivenUp):  # the account, through a place kept elsewhere
        await book(db, second, held, [good])
    (buyer,) = await book(db, second, held, [empty])
    with pytest.raises(JustGivenUp):  # nor by moving
        await families.move(db, second, buyer, good)
    theirs = await hold(db, good, stranger)  # everybody else may
    async with db.transaction() as session:
        await service.let_go(session, theirs.code, theirs.token, by=stranger.asker().by, now=utc_now())
    await families.move(db, home, client, good)  # and the visit itself may come back
    await families.move(db, home, client, farther)
    await seeds.run(db, "UPDATE place_left SET left_at = left_at - interval '11 min'")
    assert (await hold(db, good, second)).code  # for some minutes, not for ever
    assert await seeds.value(db, "SELECT count(*) FROM place_left") == 2


@pytest.mark.parametrize("guarded", [True, False])
async def test_an_account_keeps_places_for_two_parties_whatever_browsers_it_makes_up(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    world = await seeds.seed(db, capacities=[40])
    home = await family(db, 1, people_=6)

    async def nothing(*_: object) -> None:
        pass

    if not guarded:  # the control
        monkeypatch.setattr(party, "check_holds", nothing)
    refused = 0
    for number in range(4):
        browser = dataclasses.replace(home, device=keys().index("device", f"made-up-{number}"))
        held = await hold(db, world.slots[0], browser)
        try:
            await keep(db, browser, held, 6)
        except TooManyHolds:
            refused += 1
        else:
            assert len(await keep(db, browser, held, 6)) == 6  # again is the same party
    kept = await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'held' AND account_id IS NOT NULL")
    assert (refused, kept) == ((2, 12) if guarded else (0, 24))
    await seeds.age_holds(db)
    other = await hold(db, world.slots[0], home)
    assert len(await keep(db, home, other, 6)) == 6  # what has run out counts for nothing
