"""Requests about data: taken from a telephone or at a desk, in the register with their days, answered once, watched."""

from datetime import timedelta

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.requests import queries, service
from booking.requests.commands import EndRequest
from booking.requests.errors import RequestAnswered, RequestUnknown
from booking.requests.kinds import RequestKind, RequestState
from booking.watch import queries as watch
from tests import pages, requested, seeds, staff
from tests.browsing import Patient
from tests.places import OTHER, STATION
from tests.requested import BY
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio

BASE = f"/desk/{STATION}/requests"
SAID = "Xóa tên tôi khỏi sổ khám năm ngoái."


async def _sit_down(client: httpx.AsyncClient, db: Database, role: Role) -> None:
    name = f"{role.value}.mau"
    await staff.add(db, name, role, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, name) or "")


async def _asked(patient: Patient) -> str:
    """A person who has booked asks her facility from her telephone; the address of the page."""
    await patient.book()
    who = await seeds.value(patient.db, "SELECT public_id FROM profile")
    shown = await patient.get(f"/me/data/{who}")
    address = shown.link("/request")
    form = pages.read(await patient.client.get(address)).form("/request")
    for _ in range(2):  # a second tap
        sent = await patient.client.post(
            form.action, data=form.fields | {"kind": "delete", "facility": STATION, "said": SAID}
        )
        assert sent.status_code == 303
    return address


async def test_from_the_telephone_to_the_answer(patient: Patient) -> None:
    address = await _asked(patient)
    assert await seeds.value(patient.db, "SELECT count(*) FROM data_request") == 1
    mine = await patient.get(address)
    assert "Cơ sở y tế trả lời chậm nhất" in mine.text
    await _sit_down(patient.client, patient.db, Role.MANAGER)
    register = await patient.get(BASE)
    assert "còn 20 ngày" in register.text
    assert SAID not in register.text, "the list names nobody and quotes nothing"
    which = await seeds.value(patient.db, "SELECT public_id FROM data_request")
    one = await patient.get(register.link(f"{BASE}/{which}"))
    reads = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts ->> 'reason' = 'request'"
    assert SAID in one.text
    assert await seeds.value(patient.db, reads) == 1
    empty = await pages.send(patient.client, one.form(f"{BASE}/"), step="end")
    assert empty.status_code == 422
    wrong = await pages.send(patient.client, one.form(f"{BASE}/"), step="end", state="done")
    assert wrong.status_code == 422
    done = await pages.send(patient.client, one.form(f"{BASE}/"), step="end", state="done", answer="Đã xóa tên mẫu.")
    assert "Đã trả lời yêu cầu" in done.text
    mine = await patient.get(address)
    assert "Đã xóa tên mẫu." in mine.text
    held = await patient.client.get(address.replace("/request", "/download"))
    assert held.json()["requests"][0]["answer"] == "Đã xóa tên mẫu."
    trail = await seeds.rows(
        patient.db,
        "SELECT action, facts::text AS facts FROM audit_event WHERE object_kind = 'data_request' ORDER BY id",
    )
    assert [row["action"] for row in trail] == ["request.make", *["request.read"] * 3, "request.end"]
    assert not any("Mẫu" in row["facts"] or "mẫu" in row["facts"] for row in trail)


async def test_what_is_said_and_answered_is_sealed(patient: Patient) -> None:
    await _asked(patient)
    row = (await seeds.rows(patient.db, "SELECT t::text AS row, said FROM data_request t"))[0]
    assert SAID not in row["row"]
    assert SAID.encode() not in row["said"]


async def test_a_stranger_asks_no_facility_and_about_nobody(patient: Patient) -> None:
    address = await _asked(patient)
    form = pages.read(await patient.client.get(address)).form("/request")
    told = form.fields | {"kind": "delete", "said": "x"}
    assert (await patient.client.post(form.action, data=told | {"facility": OTHER})).status_code == 422
    assert (await patient.client.post(form.action, data=told | {"facility": STATION, "kind": ""})).status_code == 422
    long = await patient.client.post(form.action, data=told | {"facility": STATION, "said": "x" * 5_000})
    assert "Tối đa 2.000 ký tự" in long.text or "Tối đa 2000 ký tự" in long.text
    nobody = await patient.client.get("/me/data/00000000-0000-4000-8000-000000000000/request")
    assert nobody.status_code == 404
    assert await seeds.value(patient.db, "SELECT count(*) FROM data_request") == 1


async def test_a_clerk_takes_one_and_sees_no_register(patient: Patient) -> None:
    client, db = patient.client, patient.db
    await _sit_down(client, db, Role.CLERK)
    assert (await client.get(BASE)).status_code == 403
    form = pages.read(await client.get(f"{BASE}/new")).form(f"{BASE}/new")
    told = {"kind": "object", "name": "Lê Mẫu", "phone": "0903 000 009", "said": "Không gọi điện cho tôi."}
    for field, value in (("kind", ""), ("name", ""), ("phone", "12"), ("said", ""), ("said", "x" * 5_000)):
        refused = await client.post(form.action, data=form.fields | told | {field: value})
        assert refused.status_code == 422, field
        assert f'href="#{field}"' in refused.text
    assert (await client.post(form.action, data=form.fields | told)).status_code == 303
    assert await seeds.value(db, "SELECT door::text || kind::text FROM data_request") == "deskobject"


async def test_the_same_answer_again_changes_nothing_and_another_is_refused(db: Database) -> None:
    world = await seeds.seed(db)
    which = await requested.make(db, FACILITY)
    done = EndRequest(state=RequestState.DONE, answer="Đã xóa.")
    for _ in range(2):
        async with db.transaction() as session:
            await service.end(session, world.facility_id, which, done, by=BY, now=clock.utc_now())
    other = EndRequest(state=RequestState.REFUSED, answer="Không.")
    async with db.transaction() as session:
        with pytest.raises(RequestAnswered):
            await service.end(session, world.facility_id, which, other, by=BY, now=clock.utc_now())
        with pytest.raises(RequestUnknown):
            await service.end(session, world.facility_id + 1, which, done, by=BY, now=clock.utc_now())
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'request.end'") == 1


@pytest.mark.parametrize(("days", "told", "overdue"), [(20, True, 0), (21, True, 1), (0, False, 0), (9, False, 1)])
async def test_one_whose_day_is_over_is_watched(db: Database, *, days: int, told: bool, overdue: int) -> None:
    """Told, it is late after its own last day; not told that it was received, after the two working days."""
    world = await seeds.seed(db)
    now = clock.utc_now()
    which = await requested.make(db, FACILITY, RequestKind.DELETE, at=now - timedelta(days=days))
    async with db.transaction() as session:
        if told:
            await service.reply(session, world.facility_id, which, by=BY, now=now)
        readings = {each.name: each.value for each in await watch.look(session, now=now)}
        waiting, _ = await queries.listed(session, world.facility_id, today=clock.local_day(now))
    assert (readings["requests_open"], readings["requests_overdue"]) == (1, overdue)
    assert [one.overdue for one in waiting] == [bool(overdue)]
