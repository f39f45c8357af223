"""The slip in each state: what it says, what it offers, how long a phone may keep it."""

from datetime import datetime

import httpx
import pytest

from booking.clock import local_day, utc_now
from booking.db import Database
from tests import places, seeds, slips
from tests.pages import read
from tests.places import SERVICE, STATION, World
from tests.slips import Slip

pytestmark = pytest.mark.anyio

BOOK_ANEW = f"/f/{STATION}/{SERVICE}"


@pytest.fixture
async def world(db: Database) -> World:
    async with db.transaction() as session:
        return await places.make(session, utc_now())


@pytest.fixture
async def slip(client: httpx.AsyncClient, world: World) -> Slip:
    return await slips.booked(client, world)


STATES = [
    # when, state, says, offers, does not offer, kept by the phone
    ("tomorrow", "booked", "Đổi lịch hẹn", ["/move", "/visit.ics", "/not-coming"], ["/cancel", "/today"], True),
    ("soon", "booked", "Đã quá hạn đổi giờ ở đây.", ["/not-coming", "tel:02543000000"], ["/move", "/cancel"], True),
    ("begun", "booked", "Đến ngay quầy tiếp đón", ["/visit.ics"], ["/move", "/cancel", "/not-coming"], True),
    ("yesterday", "booked", "Ngày khám đã qua", [BOOK_ANEW], ["/move", "/cancel", "/visit.ics", "/today"], False),
    ("begun", "arrived", "Đã được tiếp nhận. Xin ngồi chờ gọi số.", ["/visit.ics"], ["/move", "/cancel"], True),
    ("yesterday", "arrived", "Đã khám xong.", [BOOK_ANEW], ["/move", "/today"], False),
    ("begun", "fulfilled", "Đã khám xong.", [BOOK_ANEW], ["/move", "/cancel", "/today"], False),
    ("yesterday", "noshow", "quầy tiếp đón chưa ghi nhận lượt khám này", [BOOK_ANEW], ["/move", "/cancel"], False),
]


@pytest.mark.parametrize(("when", "state", "says", "offers", "withholds", "kept"), STATES)
async def test_each_state_says_what_is_true_and_what_to_do(
    client: httpx.AsyncClient, db: Database, slip: Slip, when: str, state: str, says: str, offers: list[str],
    withholds: list[str], *, kept: bool,
) -> None:  # fmt: skip
    await seeds.run(db, slips.standing(when, state=f"'{state}'"))
    starts = await seeds.value(db, "SELECT starts_at FROM appointment")
    if when == "begun" and local_day(starts) != local_day(utc_now()):
        pytest.skip("ten minutes ago was yesterday")
    answer = await client.get(slip.path)
    page = read(answer)
    assert says in page.text
    links = [href for href, _ in page.links]
    assert all(any(part in href for href in links) for part in offers), links
    assert not [part for part in withholds if any(part in href for href in links)]
    until = answer.headers.get("henkham-keep-until")
    assert (until is not None) is kept
    assert ("data-made" in answer.text) is kept
    if until is not None:
        midnight = datetime.fromisoformat(until)
        assert starts < midnight
        assert local_day(midnight) > local_day(starts)
        assert f'data-made="{answer.headers["henkham-made"]}"' in answer.text


async def test_a_station_without_a_telephone_names_its_parents(
    client: httpx.AsyncClient, db: Database, slip: Slip
) -> None:
    await seeds.run(db, slips.standing("soon"))
    await seeds.run(db, "UPDATE facility SET phone = '02543999888' WHERE code = :code", code=places.OTHER)
    await seeds.run(
        db,
        "UPDATE facility SET phone = NULL, parent_id = (SELECT id FROM facility WHERE code = :parent)"
        " WHERE code = :code",
        code=STATION, parent=places.OTHER,
    )  # fmt: skip
    for path in (slip.path, f"{slip.path}/cancel", f"{slip.path}/move"):
        shown = await client.get(path)
        assert "tel:02543999888" in shown.text, path
    await seeds.run(db, "UPDATE facility SET phone = NULL")
    shown = await client.get(slip.path)
    assert "Đã quá hạn đổi giờ ở đây." in shown.text
    assert "tel:0254" not in shown.text


async def test_on_the_day_the_slip_leads_to_the_queue(client: httpx.AsyncClient, db: Database, slip: Slip) -> None:
    await seeds.run(db, slips.standing("soon"))
    today = local_day(await seeds.value(db, "SELECT starts_at FROM appointment")) == local_day(utc_now())
    links = [href for href, _ in read(await client.get(slip.path)).links]
    assert (f"{slip.path}/today" in links) is today


async def test_it_says_what_happens_on_arrival_and_that_a_change_keeps_the_code(
    client: httpx.AsyncClient, db: Database, slip: Slip
) -> None:
    await seeds.run(db, "UPDATE service SET prepare = 'Nhịn ăn sáng.', prepare_en = 'No breakfast.'")
    page = read(await client.get(slip.path))
    for said in ("Không phải xếp hàng lấy số", "Đến sau 08:00 vẫn được khám", "Được gọi khám từ 07:30 đến 08:00",
                 "Mã đặt khám giữ nguyên", "Nhịn ăn sáng.", "Thẻ BHYT (nếu có).",
                 "Phường Thắng Nhì (cũ), nay thuộc Phường Vũng Tàu"):  # fmt: skip
        assert said in page.text, said
    assert page.link("https://www.google.com/maps/search/").count("Th%E1%BA%AFng+Nh%C3%AC") == 1


async def test_a_moved_visit_warns_of_older_paper(client: httpx.AsyncClient, world: World, slip: Slip) -> None:
    await client.get(slip.path)
    old = "Phiếu in trước đó không còn đúng."
    assert old not in (await client.get(slip.path)).text
    moved = await client.post(f"{slip.path}/move/{world.near}", data={"slot": str(world.slots[world.near][1])})
    assert moved.headers["location"] == f"{slip.path}?new=moved"
    page = read(await client.get(f"{slip.path}?new=moved"))
    assert "Đã đổi giờ hẹn. Tin nhắn sẽ gửi đến số của ông/bà." in page.text
    assert old in page.text


async def test_no_message_is_promised_where_none_goes(client: httpx.AsyncClient, world: World) -> None:
    landline = await slips.booked(client, world, number=2, phone="0254 3852 000")
    said = (await client.get(f"{landline.path}?new=1")).text
    assert "Số này không nhận tin nhắn" in said
    assert "Tin nhắn sẽ gửi" not in said


async def test_who_cancelled_makes_a_difference(client: httpx.AsyncClient, db: Database, slip: Slip) -> None:
    await client.get(slip.path)
    await client.post(f"{slip.path}/cancel")
    assert "Lịch hẹn này đã hủy." in (await client.get(slip.path)).text
    await seeds.run(db, "UPDATE appointment SET cancelled_by = 'facility'")
    answer = await client.get(slip.path)
    assert "Cơ sở y tế đã hủy lịch hẹn này." in answer.text
    assert "henkham-keep-until" not in answer.headers


async def test_the_calendar_file_follows_the_visit(client: httpx.AsyncClient, world: World, slip: Slip) -> None:
    await client.get(slip.path)

    async def lines() -> set[str]:
        answer = await client.get(f"{slip.path}/visit.ics")
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="hen-kham-{slip.code}.ics"'
        assert answer.headers["cache-control"] == "no-store"
        return set(answer.text.split("\r\n"))

    booked = await lines()
    assert {"SEQUENCE:0", "STATUS:CONFIRMED", "METHOD:PUBLISH"} <= booked
    await client.post(f"{slip.path}/move/{world.near}", data={"slot": str(world.slots[world.near][1])})
    moved = await lines()
    assert "SEQUENCE:1" in moved
    await client.post(f"{slip.path}/cancel")
    gone = await lines()
    assert {"SEQUENCE:2", "STATUS:CANCELLED", "METHOD:CANCEL"} <= gone
    uid = [line for line in booked & moved & gone if line.startswith("UID:")]
    assert len(uid) == 1
    wrong = slip.path[:-1] + ("A" if slip.path[-1] != "A" else "B")
    assert (await client.get(f"{wrong}/visit.ics")).status_code == 404


async def test_a_phone_that_is_told_not_to_keep_slips_forgets_and_keeps_none(
    client: httpx.AsyncClient, slip: Slip
) -> None:
    assert "henkham-keep-until" in (await client.get(slip.path)).headers
    off = await client.post("/saved", data={"keep": "no", "next": slip.path})
    assert (off.status_code, off.headers["location"]) == (303, slip.path)
    assert off.headers["clear-site-data"] == '"storage"'
    shown = await client.get(slip.path)
    assert "henkham-keep-until" not in shown.headers
    assert "Điện thoại này không lưu phiếu." in shown.text
    assert "Điện thoại này không lưu phiếu." in (await client.get("/saved")).text
    on = await client.post("/saved", data={"keep": "yes", "next": "//elsewhere.test/"})
    assert on.headers["location"] == "/"
    assert "clear-site-data" not in on.headers
    assert "henkham-keep-until" in (await client.get(slip.path)).headers


async def test_the_switch_is_not_thrown_by_other_sites(client: httpx.AsyncClient) -> None:
    refused = await client.post("/saved", data={"keep": "no"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403
    assert "clear-site-data" not in refused.headers


async def test_worker_manifest_and_icons_are_there(client: httpx.AsyncClient) -> None:
    worker = await client.get("/sw.js")
    assert worker.headers["content-type"] == "text/javascript; charset=utf-8"
    assert worker.headers["cache-control"] == "no-cache"
    told = await client.get("/manifest.webmanifest", headers={"Accept-Language": "en"})
    assert told.headers["content-type"] == "application/manifest+json"
    manifest = told.json()
    assert (manifest["start_url"], manifest["scope"], manifest["display"], manifest["lang"]) == (
        "/", "/", "standalone", "en",
    )  # fmt: skip
    for icon in manifest["icons"]:
        drawn = await client.get(icon["src"])
        assert drawn.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            size = int.from_bytes(drawn.content[16:20], "big"), int.from_bytes(drawn.content[20:24], "big")
            assert f"{size[0]}x{size[1]}" == icon["sizes"]
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    home = (await client.get("/saved")).text
    assert '<link rel="manifest" href="/manifest.webmanifest">' in home
