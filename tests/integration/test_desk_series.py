"""Series booked from the desk: the earliest fitting time in each window, as many as can be, the rest with one press."""

from datetime import timedelta

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.directory import plans
from booking.directory.plans import Plan
from tests import pages, places, seeds, staff
from tests.pages import Page
from tests.places import STATION, World

pytestmark = pytest.mark.anyio

DESK = f"/desk/{STATION}"


@pytest.fixture(autouse=True)
async def world(client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """A doctor at the desk; a plan whose windows are the world's days, and one beyond all that is published."""
    due = [{"days": days, "before": 0, "after": 0} for days in (2, 3, 10)]
    far = {"months": 4, "before": 3, "after": 3}
    plan = Plan.model_validate(
        {"code": "mau", "name": "Lịch mẫu", "name_en": "Sample plan", "anchor": "day", "services": ["kham-tong-quat"],
         "dates": [*due, far]}
    )  # fmt: skip
    made = {"mau": plan}
    monkeypatch.setattr("booking.desk.booking.series.plans", lambda: made)
    monkeypatch.setattr("booking.appointments.series.plans", lambda: made)
    assert plans.plans() is not made
    async with db.transaction() as session:
        found = await places.make(session, clock.utc_now(), capacity=1)
    await staff.add(db, "bac-si.mau", Role.DOCTOR, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "bac-si.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"
    return found


async def _patient(client: httpx.AsyncClient, name: str = "Lê Mẫu") -> str:
    """Somebody who is in the facility's books: one visit, given up again."""
    form = pages.read(await client.get(f"{DESK}/patients/new")).form("/patients/new")
    page = pages.read(await pages.send(client, form, name=name, birth_year="1958"))
    slip = await pages.send(client, page.form("/visits"))
    code = slip.url.path.split("/")[-2]
    page = pages.read(await client.get(f"{DESK}/appointments/{code}/cancel"))
    done = pages.read(await pages.send(client, page.form("/cancel")))
    return done.link("/series")


async def _proposed(client: httpx.AsyncClient, path: str) -> Page:
    page = pages.read(await client.get(path))
    form = page.form("/propose")
    return pages.read(await pages.send(client, form, plan="mau", day=clock.local_day(clock.utc_now()).isoformat()))


async def test_each_window_gets_its_earliest_time_and_the_far_one_stays_open(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    page = await _proposed(client, await _patient(client))
    form = next(one for one in page.forms if "series" in one.fields)
    firsts = [str(slots[0]) for slots in world.slots.values()]
    assert [form.fields.get(f"date-{number}") for number in (1, 2, 3, 4)] == [*firsts, None]
    done = await pages.send(client, form)
    assert done.status_code == 200
    shown = pages.read(done)
    assert "đã đặt 3 trên 4 lần" in shown.text
    assert "chưa mở lịch" in shown.text
    row = "SELECT count(*) FROM series_date d JOIN appointment a ON a.id = d.appointment_id WHERE a.state = 'booked'"
    assert await seeds.value(db, row) == 3
    assert (await pages.send(client, form)).url.path == done.url.path
    assert await seeds.value(db, "SELECT count(*) FROM visit_series") == 1
    assert await seeds.value(db, row) == 3


async def test_a_series_of_somebody_else_is_not_taken_for_ones_own(client: httpx.AsyncClient, db: Database) -> None:
    form = next(one for one in (await _proposed(client, await _patient(client))).forms if "series" in one.fields)
    assert (await pages.send(client, form)).status_code == 200
    other = await _patient(client, "Phạm Thị Mẫu")
    due = "SELECT count(*) FROM audit_event"
    before = await seeds.value(db, due)
    wrong = await client.post(other, data=form.fields)
    assert wrong.status_code == 404
    assert await seeds.value(db, due) == before
    assert (await client.post(form.action, data=form.fields)).status_code == 303  # the control: her own, once more


async def test_a_time_taken_meanwhile_leaves_its_date_open_and_the_others_booked(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    page = await _proposed(client, await _patient(client))
    form = next(one for one in page.forms if "series" in one.fields)
    body = {
        "facility": STATION, "service": "kham-tong-quat", "slot": int(form.fields["date-2"]),
        "patient": {"name": "Kẻ Nhanh Mẫu", "birth_year": 1980, "phone": "0903 999 888"},
    }  # fmt: skip
    taken = await client.post("/api/v1/appointments", json=body, headers={"idempotency-key": "somebody-faster"})
    assert taken.status_code == 201
    done = pages.read(await pages.send(client, form))
    assert "đã đặt 2 trên 4 lần" in done.text
    again = done.form("/series/")
    assert again.fields["date-2"] != form.fields["date-2"]
    later = pages.read(await pages.send(client, again))
    assert "đã đặt 3 trên 4 lần" in later.text
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 4
    assert len(world.slots) == 3


async def test_a_visit_of_a_series_says_so_and_one_cancelled_is_open_again(
    client: httpx.AsyncClient, db: Database
) -> None:
    page = await _proposed(client, await _patient(client))
    form = next(one for one in page.forms if "series" in one.fields)
    shown = pages.read(await pages.send(client, form))
    visit = shown.link("/appointments/")
    assert "lần 1 của một đợt hẹn" in pages.read(await client.get(visit)).text
    asks = pages.read(await client.get(f"{visit}/cancel"))
    await pages.send(client, asks.form("/cancel"))
    series = await seeds.value(db, "SELECT public_id FROM visit_series")
    open_again = pages.read(await client.get(f"{shown.form('/series/').action}"))
    assert str(series) in shown.form("/series/").action
    assert "đã đặt 2 trên 4 lần" in open_again.text
    assert "date-1" in open_again.form("/series/").fields


async def test_a_time_outside_its_window_or_of_nobody_is_not_taken(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    page = await _proposed(client, await _patient(client))
    form = next(one for one in page.forms if "series" in one.fields)
    far = str(world.slots[world.near + timedelta(days=8)][0])
    done = pages.read(await pages.send(client, form, **{"date-1": far, "date-3": ""}))
    assert "đã đặt 1 trên 4 lần" in done.text
    strange = await pages.send(client, form, series="5a9d0f6e-0000-4000-8000-000000000000", **{"date-1": "99999"})
    assert strange.status_code == 404
    assert await seeds.value(db, "SELECT count(*) FROM visit_series") == 1
