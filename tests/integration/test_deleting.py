"""Deleting a person's data is refused before anything is given up, or it is done."""

from uuid import UUID

import pytest

from booking.records import service
from tests import households, people, seeds
from tests.browsing import Patient
from tests.pages import read, send

pytestmark = pytest.mark.anyio

STATES = "SELECT string_agg(state::text, ' ' ORDER BY id) FROM appointment"
GOES_ON = "UPDATE appointment SET state = 'arrived' WHERE id = (SELECT max(id) FROM appointment)"
OF_ANOTHER = (
    "UPDATE appointment SET account_id = (SELECT max(id) FROM account) WHERE id = (SELECT max(id) FROM appointment)"
)
BEGUN = "Đang trong giờ khám,"
ELSEWHERE = "Có người khác đã đặt lịch khám"


async def _two_visits(patient: Patient) -> str:
    """The address that deletes a person with two visits to come."""
    second = next(day for day in patient.world.slots if day != patient.world.far and patient.world.slots[day])
    await patient.sign_in()
    await patient.book()
    await patient.run("UPDATE profile SET relation = 'parent'")
    who: UUID = await seeds.value(patient.db, "SELECT public_id FROM profile")
    held = await patient.hold(patient.world.slots[second][0], second)
    await send(patient.client, read(held).form("/h/"), who=str(who))
    assert await seeds.value(patient.db, STATES) == "booked booked"
    return f"/me/data/{who}/delete"


@pytest.mark.parametrize(("change", "said"), [(GOES_ON, BEGUN), (OF_ANOTHER, ELSEWHERE)])
@pytest.mark.parametrize("asked_first", [True, False])
async def test_what_stands_in_the_way_is_said_and_nothing_is_given_up(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, change: str, said: str, *, asked_first: bool
) -> None:
    address = await _two_visits(patient)
    await households.account(patient.db, people.phone(7))
    await patient.run(change)
    before = await seeds.value(patient.db, STATES)
    page = await patient.client.get(address)
    assert said in page.text
    assert 'method="post" action="/me/data/' not in page.text
    if not asked_first:  # the control: what was given up before the refusal is gone

        async def nothing(*_: object, **__: object) -> list[str]:
            return []

        monkeypatch.setattr(service, "what_blocks", nothing)
    answer = await patient.client.post(address)
    assert answer.status_code == 409
    after = await seeds.value(patient.db, STATES)
    assert (after == before) == asked_first
    assert await seeds.value(patient.db, "SELECT erased_at FROM patient ORDER BY id LIMIT 1") is None
    if asked_first:
        assert said in answer.text
        await patient.run("UPDATE appointment SET state = 'fulfilled' WHERE id = (SELECT max(id) FROM appointment)")
        assert (await patient.client.post(address)).status_code == 303
        assert await seeds.value(patient.db, STATES) == "cancelled fulfilled"
