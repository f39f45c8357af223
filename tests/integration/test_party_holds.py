"""A browser that keeps two places: numbers of its holds when one is kept anew, beside others or at the same moment."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from booking.appointments import party, places
from booking.appointments.errors import TooManyHolds
from booking.appointments.service import Ticket
from booking.availability.models import Slot
from booking.db import Database
from tests import seeds
from tests.families import family, hold, keep

pytestmark = pytest.mark.anyio

NUMBERS = "SELECT array_agg(hold_number ORDER BY hold_number) FROM appointment WHERE state = 'held'"


async def test_what_has_run_out_elsewhere_does_not_count(db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1, 1, 1])
    home = await family(db, 1)
    held = await hold(db, world.slots[0], home)
    await seeds.age_holds(db)
    others = [await hold(db, slot, home) for slot in world.slots[1:3]]
    with pytest.raises(TooManyHolds):  # the control: as long as they last they do
        await keep(db, home, held, 1)
    await seeds.age_holds(db)
    assert await keep(db, home, held, 1) == world.slots[:1]
    assert len(others) == 2
    assert (await hold(db, world.slots[3], home)).code


@pytest.mark.parametrize("guarded", [True, False])
async def test_another_place_kept_at_the_same_moment_leaves_the_other_number(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    world = await seeds.seed(db, capacities=[2])
    home = await family(db, 1, people_=2)
    held = await hold(db, world.slots[0], home)
    await seeds.age_holds(db)
    async with db.transaction() as session:  # or the other tab would wait for this slot, to sweep it
        await places.release_expired(session, await session.get_one(Slot, world.slots[0], with_for_update=True))
    real = party._hold_number
    meanwhile: list[Ticket] = []

    async def overtaken(*asked: Any) -> int:
        number = await real(*asked)
        if not meanwhile:  # the other tab is faster
            meanwhile.append(await hold(db, world.other_slot, home, service_code=seeds.OTHER_SERVICE))
        return number

    monkeypatch.setattr(party, "_hold_number", overtaken)
    if not guarded:  # the control: nobody asks which rule refused
        monkeypatch.setattr(party, "constraint_of", lambda _: None)
        with pytest.raises(IntegrityError):
            await keep(db, home, held, 2)
        return
    assert await keep(db, home, held, 2) == world.slots[:1] * 2
    assert await seeds.value(db, NUMBERS) == [1, 2, None]
