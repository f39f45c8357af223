"""When each may expect to be called, as the desk sees it: what the patient's own page says, and kept up to date."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from booking import clock as booking_clock
from booking.access.kinds import Role
from booking.clock import local_day
from booking.db import Database
from booking.desk.queue import page
from booking.queue.estimating import Band
from booking.queue.queries import board, visit_of
from booking.queue.service import POLICY
from booking.queue.sheet import sheet
from booking.queue.standing import standing
from tests import queues, seeds, staff, streams
from tests.queues import Clock, Morning
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    monkeypatch.setattr(page, "CHECK", 0.1)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    return await queues.make(db, client, clock)


async def _both(morning: Morning, codes: list[str]) -> tuple[dict[str, Band | None], dict[str, Band]]:
    """What the patients' pages say of those who wait, and what the desk says of them; by number."""
    now = morning.clock.moment
    async with morning.db.transaction() as session:
        whole = await sheet(session, await _service(morning), local_day(now))
        patients: dict[str, Band | None] = {}
        for code in codes:
            visit = await visit_of(session, code)
            assert visit is not None
            seen = standing(
                await board(session, visit.service_id, visit.day), visit, now=now, today=True, policy=POLICY
            )
            if seen.band is not None and seen.number is not None:
                patients[seen.number] = seen.band
    return patients, whole.bands(now=now, policy=POLICY)


async def _service(morning: Morning) -> int:
    found: int = await seeds.value(morning.db, "SELECT service_id FROM queue LIMIT 1")
    return found


async def test_the_desk_says_of_each_what_her_own_page_says(morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(number // 3, number + 1) for number in range(9)]
    codes = [visit["code"] for visit in visits]
    for number, visit in enumerate(visits[:7]):
        clock.set(number - 20)
        await morning.check_in(visit)
    clock.set(1)
    await morning.walk_in()
    compared = 0

    async def same() -> None:
        nonlocal compared
        patients, desk = await _both(morning, codes)
        assert patients == {number: desk[number] for number in patients}
        assert len(desk) > len(patients)  # the walk-in has a band as well
        compared += len(patients)

    await same()
    for _ in range(3):
        await morning.served(6, "P1")
        await same()
    await morning.late(40)
    await same()
    assert compared > 15


async def test_the_page_shows_the_band_and_the_stream_tells_when_it_changes(
    app: FastAPI, client: httpx.AsyncClient, morning: Morning, clock: Clock
) -> None:
    clock.set(5)
    for _ in range(3):
        await morning.walk_in()
    await staff.add(morning.db, "clerk.mau", Role.CLERK, [FACILITY])
    token = await staff.sign_in(morning.db, "clerk.mau")
    client.cookies.set("desk", token or "")
    shown = (await client.get(f"/desk/{FACILITY}/queue")).text
    bands = re.findall(r"<td data-band>(\d\d:\d\d–\d\d:\d\d)</td>", shown)
    assert len(bands) == 3
    assert bands == sorted(bands)
    headers = {"cookie": f"desk={token}", "accept-language": "en"}
    async with streams.opened(app, f"/desk/{FACILITY}/queue/live", headers) as stream:
        first = await stream.event()
        assert first is not None
        assert [*first.data["bands"].values()] == bands
        clock.moment += timedelta(minutes=10)  # nothing was done; time alone changes what may be expected
        while (found := await stream.event()) is not None and not found.data.get("bands"):
            pass
        assert found is not None
        assert set(found.data["bands"]) == {"A001", "A002", "A003"}
        assert found.data["rows"] == {}
        await morning.call("P1")
        told = await stream.until("'called'")
        assert "A001" not in told.data["bands"]
