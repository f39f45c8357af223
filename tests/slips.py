"""Slips for tests: a visit booked through the API, and what its patient sees of it.

slip = await booked(client, world)      # in-process
await stand(db, "begun")                # every visit of this database now stands like that
"""

from dataclasses import dataclass
from typing import Any

import httpx

from tests import people
from tests.places import SERVICE, STATION, World

DAY = "date_trunc('day', now() AT TIME ZONE 'Asia/Ho_Chi_Minh') AT TIME ZONE 'Asia/Ho_Chi_Minh'"
"""The midnight before, on the facility's clock."""

WHEN = {
    "tomorrow": f"{DAY} + interval '1 day 7 hours 30 minutes'",
    "soon": "now() + interval '20 minutes'",
    "begun": "now() - interval '10 minutes'",
    "yesterday": f"{DAY} - interval '10 hours'",
}
"""When a visit begins, as SQL. `soon` may lie in tomorrow and `begun` in yesterday, late in the evening."""


@dataclass(frozen=True)
class Slip:
    """A booked visit in the hands of its patient."""

    code: str
    token: str

    @property
    def path(self) -> str:
        """The address of its page."""
        return f"/t/{self.code}/{self.token}"


def wish(world: World, *, number: int = 1, at: int = 0, **patient: Any) -> dict[str, Any]:
    """The body that books the time of index `at` on the far day for a sample patient."""
    person = people.patient(number) | patient
    return {"facility": STATION, "service": SERVICE, "slot": world.slots[world.far][at], "patient": person}


async def booked(client: httpx.AsyncClient, world: World, *, number: int = 1, at: int = 0, **patient: Any) -> Slip:
    """Book as the API does."""
    answer = await client.post(
        "/api/v1/appointments",
        json=wish(world, number=number, at=at, **patient),
        headers={"Idempotency-Key": f"slip-{number:08d}-{at}"},
    )
    assert answer.status_code == 201, answer.text
    return Slip(answer.json()["code"], answer.json()["token"])


def standing(when: str, **columns: str) -> str:
    """SQL that makes every visit, and its slot, begin at WHEN[when] and last half an hour; holds are left alone.

    `columns` are SQL values to be set besides.
    """
    more = "".join(f", {name} = {value}" for name, value in columns.items())
    hours = f"starts_at = {WHEN[when]}, ends_at = {WHEN[when]} + interval '30 minutes'"
    held = "WHERE state NOT IN ('held', 'lapsed')"
    return (
        f"WITH moved AS (UPDATE slot SET {hours} WHERE id IN (SELECT slot_id FROM appointment {held}))"
        f" UPDATE appointment SET {hours}{more} {held}"
    )
