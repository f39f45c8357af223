"""What one row holds stops no other where slips are looked through, nor where holds are given back."""

import httpx
import pytest

from booking import sealed
from booking.appointments import service as appointments
from booking.clock import utc_now
from booking.db import Database
from booking.hot import Hot
from booking.ids import opaque_key
from booking.invitations import matching, service
from booking.sealed import UnsealError
from scheduler.jobs import lapse_invitations, release_holds
from tests import people, seeds
from tests.asking import BOOK, new_key
from tests.households import TODAY
from tests.seeds import World
from tests.slip_texts import CARD, NAME, person, slip, take
from tests.unreadable import BOTH, left_out, mis_keyed

pytestmark = pytest.mark.anyio
CARDS = (CARD, "077190000002")
_FLAGS = "SELECT count(*) FROM patient_flag WHERE kind = 'changed_hands' AND facts ? 'slips'"
_USED = "SELECT count(*) FROM invitation WHERE state = 'used'"


async def _claimed_twice(db: Database) -> int:
    """Two slips, each fitting people of two accounts; the patient of the first."""
    await seeds.seed(db)
    found = []
    for card, numbers in zip(CARDS, ((1, 2), (3, 4)), strict=True):
        found += [(await person(db, number, citizen_id=card))[1] for number in numbers]
        await take(db, slip(key=card, citizen_ids=(card,)))
    return int(found[0].patient_id)


async def test_one_who_cannot_be_read_keeps_no_other_from_being_shown_to_staff(db: Database) -> None:
    await mis_keyed(db, "patient", await _claimed_twice(db))
    assert await lapse_invitations.run(db) == 0
    assert await seeds.value(db, _FLAGS) == 2
    assert await left_out(db, "flag_contested") == 1
    sealed.install(BOTH)
    await lapse_invitations.run(db)
    assert (await seeds.value(db, _FLAGS), await left_out(db, "flag_contested")) == (4, 0)


async def test_control_as_one_batch_nobody_was_shown(db: Database) -> None:
    await mis_keyed(db, "patient", await _claimed_twice(db))
    async with db.transaction() as session:
        slips = await matching.claimed(session, today=TODAY)
    assert len(slips) == 2
    with pytest.raises(UnsealError):
        async with db.transaction() as session:
            await service.flag_contested(session, slips, now=utc_now())


async def _visit(client: httpx.AsyncClient, world: World, number: int) -> None:
    patient = {"name": NAME, "birth_date": "1990-05-17", "phone": people.phone(number)}
    answer = await client.post(BOOK, json=world.booking(world.slots[number - 1], patient), headers=new_key())
    assert answer.status_code == 201, answer.text


async def test_nor_another_visit_from_using_its_slip(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    patients = []
    for number, card in enumerate(CARDS, start=1):
        patients.append((await person(db, number, citizen_id=card))[1].patient_id)
        await take(db, slip(key=card, citizen_ids=(card,), due=world.day))
        await _visit(client, world, number)
    assert await seeds.value(db, _USED) == 2
    await seeds.run(db, "UPDATE invitation SET state = 'open', appointment_id = NULL")  # as if nobody had said so
    await mis_keyed(db, "patient", patients[0])
    await lapse_invitations.run(db)
    assert (await seeds.value(db, _USED), await left_out(db, "use_missed")) == (1, 1)
    sealed.install(BOTH)
    await lapse_invitations.run(db)
    assert (await seeds.value(db, _USED), await left_out(db, "use_missed")) == (2, 0)


async def test_nor_another_slot_from_getting_its_places_back(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    for slot in world.slots:
        headers = {"Idempotency-Key": opaque_key(), "Henkham-Device": opaque_key()}
        assert (await client.post("/api/v1/holds", json=world.hold(slot), headers=headers)).status_code == 201
    await seeds.age_holds(db)
    release = appointments.release_expired

    async def fails_once(hot: Hot, slot: int) -> int:
        if slot == world.slots[0]:
            raise ValueError
        return await release(hot, slot)

    with monkeypatch.context() as broken:
        broken.setattr(appointments, "release_expired", fails_once)
        assert (await release_holds.run(db), await left_out(db, "release_holds")) == (1, 1)
    assert (await release_holds.run(db), await left_out(db, "release_holds")) == (1, 0)
