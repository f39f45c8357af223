"""What went again by itself, because our configuration lost it, takes no turn from staff who send it once more."""

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.told import queries, service
from booking.db import Database
from tests import asking, pages, seeds, staff
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio

LOST = "state = 'undelivered', provider = 'twilio', posted_at = now(), sends = 1, once_more = true"
COPIED = """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language, phone,
        phone_index, facts, state, due_at, useful_until, attempts, sends, once_more, provider, created_at, posted_at,
        changed_at)
    SELECT gen_random_uuid(), subject_kind, subject_id, kind, version, number, lane, facility_id, language, phone,
        phone_index, facts, state, due_at, useful_until, 1, 1, true, provider, created_at, posted_at, changed_at
    FROM message, generate_series(1, :most) AS number
"""
AGAIN = "SELECT copy FROM message WHERE facts ? 'by_staff' ORDER BY copy"


@pytest.fixture
async def which(client: httpx.AsyncClient, db: Database) -> str:
    """A text that our outage lost as often as it went: its name on the page. A clerk is signed in."""
    world: World = await seeds.seed(db, capacities=[3])
    await staff.add(db, "clerk.mau", Role.CLERK, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "clerk.mau") or "")
    await asking.booked(client, world, world.slots[0])
    await seeds.run(db, f"UPDATE message SET {LOST}")
    await seeds.run(db, COPIED, most=service.COPIES_MOST + 1)
    return str(await seeds.value(db, "SELECT public_id FROM message WHERE copy = 0"))


async def _pressed(client: httpx.AsyncClient, which: str) -> httpx.Response | None:
    """The button of the page as it is now; None where it has none."""
    page = pages.read(await client.get(f"/desk/{FACILITY}/messages/{which}"))
    forms = [form for form in page.forms if f"/messages/{which}" in form.action]
    return await pages.send(client, forms[0], why="Chưa thấy tin") if forms else None


async def test_after_our_own_outage_staff_send_it_as_often_as_ever(
    client: httpx.AsyncClient, db: Database, which: str
) -> None:
    for _ in range(service.COPIES_MOST):
        answer = await _pressed(client, which)
        assert answer is not None
        assert answer.status_code == 200
        # Lost again: what staff wrote stays theirs, whatever became of it.
        await seeds.run(db, f"UPDATE message SET {LOST} WHERE state = 'due'")
    assert [row["copy"] for row in await seeds.rows(db, AGAIN)] == [5, 6, 7]
    assert await _pressed(client, which) is None


async def test_control_where_every_copy_counts_staff_have_no_button(
    client: httpx.AsyncClient, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "by_staff", queries.copies)
    assert await _pressed(client, which) is None
