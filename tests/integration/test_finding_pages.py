"""Finding a place, a service and a day, as a browser without scripts does, in the city's own directory."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import httpx
import pytest
from sqlalchemy import insert, select
from sqlmodel import SQLModel, col

from booking.availability.models import CalendarDay, Session, WeeklySession
from booking.clock import at_local, local_day, utc_now
from booking.db import Database
from booking.directory.models import Facility, Service
from booking.directory.rules import Understood, Word, understand
from booking.directory.seeding import seed_directory
from booking.migrations.upgrading import migrate_async
from booking.mobile.finding import searching
from tests.pages import Page, read
from tests.postgres import Cluster
from tests.seeds import run, value

pytestmark = pytest.mark.anyio
GENERAL, CHILD, JAB = "kham-tong-quat", "kham-nhi", "tiem-chung-tre-em"
HERE = {"sec-fetch-site": "same-origin"}


def filled(url: str) -> None:
    """The schema and the directory, once for all tests of this file."""
    import asyncio

    async def go() -> None:
        await migrate_async(url)
        db = Database(url, pool=1)
        async with db.transaction() as session:
            await seed_directory(session, utc_now())
        await db.close()

    asyncio.run(go())


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with cluster.database(cluster.template(filled)) as url:
        yield url


@dataclass
class City:
    """The city's pages and what is behind them."""

    client: httpx.AsyncClient
    db: Database
    today: date

    async def get(self, path: str, **query: str) -> Page:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return read(answer)

    async def search(self, words: str) -> Page:
        return await self.get("/", q=words)

    async def near(self, **form: str) -> Page:
        answer = await self.client.post("/near", data=form, headers=HERE)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return read(answer)

    async def times(self, facility: str, code: str, *days: int, **columns: object) -> None:
        """A slot at 08:00 with two places on each of these days from today; `columns` replace what is usual."""
        async with self.db.transaction() as session:
            found = select(col(Service.id), col(Facility.id)).join(
                Facility, col(Facility.id) == col(Service.facility_id)
            )
            service, place = (
                await session.execute(found.where(col(Facility.code) == facility, col(Service.code) == code))
            ).one()
            assert service
            assert place
            for ahead in days:
                day = self.today + timedelta(days=ahead)
                weekly = WeeklySession(
                    facility_id=place, service_id=service, weekday=day.weekday(), starts=time(8), ends=time(9),
                    slot_minutes=30, capacity=2, valid_from=day,
                )  # fmt: skip
                session.add(weekly)
                await session.flush()
                starts = at_local(day, time(8))
                held = Session(
                    weekly_session_id=weekly.id or 0, facility_id=place, service_id=service, day=day, starts_at=starts,
                    ends_at=starts + timedelta(hours=1),
                )  # fmt: skip
                session.add(held)
                await session.flush()
                slot = {
                    "session_id": held.id, "facility_id": place, "service_id": service, "starts_at": starts,
                    "ends_at": starts + timedelta(minutes=30), "bookable_from": starts - timedelta(days=60),
                    "bookable_until": starts, "open": True, "capacity": 2, "taken": 0, "free_places": [1, 2],
                    "reserved": 0, "reserved_used": 0, "release_at": starts,
                }  # fmt: skip
                await session.execute(insert(SQLModel.metadata.tables["slot"]).values(slot | columns))

    async def day_off(self, ahead: int, name: str, kind: str = "holiday", facility: str | None = None) -> None:
        await run(
            self.db,
            "INSERT INTO calendar_day (facility_id, day, kind, name, name_en)"
            " VALUES ((SELECT id FROM facility WHERE code = :facility), :day, CAST(:kind AS day_kind), :name, 'Day')",
            day=self.today + timedelta(days=ahead), name=name, kind=kind, facility=facility,
        )  # fmt: skip

    def path(self, facility: str, code: str, ahead: int) -> str:
        return f"/f/{facility}/{code}/{self.today + timedelta(days=ahead)}"

    def said(self, ahead: int) -> str:
        day = self.today + timedelta(days=ahead)
        return f"{day:%d/%m}"


@pytest.fixture
async def city(client: httpx.AsyncClient, db: Database) -> City:
    return City(client, db, local_day(utc_now()))


def targets(page: Page) -> list[str]:
    """Where the links of the page itself go."""
    return [href for href, _ in page.links]


def books(page: Page) -> list[str]:
    """Links that lead on towards a booking."""
    return [href for href in targets(page) if href.startswith(("/f/", "/s/"))]


# ------------------------------------------------------------------ emergencies


@pytest.mark.parametrize(
    "words", ["bé bị co giật sốt cao", "dau nguc", "Khó   THỞ, phường 5", "kho\u0301 tho\u031b\u0309"]
)
async def test_words_of_an_emergency_lead_to_115_and_to_no_booking(city: City, words: str) -> None:
    page = await city.search(words)
    assert page.title.startswith("Gọi 115 ngay")
    assert targets(page).count("tel:115") >= 2
    assert books(page) == []
    assert "Bệnh viện Vũng Tàu" in page.text


async def test_an_emergency_comes_before_everything_the_words_also_match(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "khám nhi bệnh viện vũng tàu bé bị co giật"
    assert books(await city.search(words)) == []

    def harmless(text: str, table: list[Word]) -> Understood:
        return replace(understand(text, table), emergency=())

    monkeypatch.setattr(searching, "understand", harmless)
    assert books(await city.search(words)), "the control: without the guard the same words lead to bookings"


# ------------------------------------------------------------------ one search box


async def test_a_service_is_suggested_and_is_no_diagnosis(city: City) -> None:
    page = await city.search("sốt")
    assert books(page)[:2] == [f"/s/{GENERAL}", f"/s/{CHILD}"]
    assert "không phải chẩn đoán" in page.text
    assert books(await city.search("tiêm cho bé")) == [f"/s/{JAB}"]
    assert "Không tìm thấy “sốt ruột”" in (await city.search("sốt ruột")).text


async def test_a_place_named_beside_the_need_is_offered_with_it(city: City) -> None:
    page = await city.search("tiêm cho bé ở phường 5")
    assert books(page)[0] == f"/f/TYT-05/{JAB}"
    assert "Tìm thấy 1 nơi" in page.text


async def test_places_wards_services_and_papers_are_found_by_old_and_new_words(city: City) -> None:
    assert set(books(await city.search("Tam Thắng"))) >= {
        f"/f/{code}" for code in ("TYT-07", "TYT-08", "TYT-09", "TYT-NAN")
    }
    assert books(await city.search("thang tam"))[0] == "/f/TYT-TTA"
    assert books(await city.search("phuong 1")) == ["/f/TYT-01"]
    assert f"/s/{CHILD}" in books(await city.search("khám nhi"))
    for words in ("tái khám", "khám lại"):
        assert {"/s/tai-kham-dai-thao-duong", "/s/tai-kham-tang-huyet-ap"} <= set(books(await city.search(words)))
    for words in ("giấy chuyển tuyến", "phiếu chuyển"):
        assert "/help#referral" in targets(await city.search(words))
    assert "/help#reexam_slip" in targets(await city.search("giay hen tai kham"))
    help_page = await city.get("/help")
    for mark in ("referral", "reexam_slip", "insurance_card"):
        assert mark in help_page.by_id


async def test_a_word_that_staff_add_is_understood_at_once(city: City) -> None:
    assert books(await city.search("ấm đầu")) == []
    await run(
        city.db, "INSERT INTO search_word (kind, phrase, target, active) VALUES ('service', 'ấm đầu', :code, true)",
        code=CHILD,
    )  # fmt: skip
    assert books(await city.search("am dau")) == [f"/s/{CHILD}"]
    await run(city.db, "UPDATE search_word SET active = false WHERE phrase = 'ấm đầu'")
    assert books(await city.search("am dau")) == []


async def test_the_first_page_is_light_and_offers_every_way(city: City) -> None:
    answer = await city.client.get("/")
    page = read(answer)
    weight = len(answer.content)
    for name in re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text):
        weight += len((await city.client.get(name, headers={"accept-encoding": "identity"})).content)
    assert weight < 150_000, "three times as much as may travel, before compression"
    assert {"/s", f"/s/{GENERAL}", f"/s/{CHILD}", f"/s/{JAB}", "/f/BVVT", "/f/TYT-LSO", "/help"} <= set(targets(page))
    assert page.form("/near").method == "post"
    assert "phường cũ: 1, 2, 3, 4, 5, Thắng Nhì, Thắng Tam" in page.text
    services = await city.get("/s")
    assert len([href for href in targets(services) if href.startswith("/s/")]) == 16


# ------------------------------------------------------------------ the soonest free place


async def test_a_service_is_shown_wherever_it_is_the_soonest_first(city: City) -> None:
    await city.times("TYT-09", GENERAL, 5)
    await city.times("TTYT", GENERAL, 3, 4)
    await city.times("TYT-02", GENERAL, 2, taken=2, free_places=[])
    await city.times("TYT-03", GENERAL, 1, bookable_until=utc_now() - timedelta(hours=1))
    await city.times("TYT-04", GENERAL, 1, open=False)
    await city.times("TYT-05", GENERAL, 1, bookable_from=utc_now() + timedelta(hours=1))
    await city.times("TYT-07", GENERAL, 1, reserved=2)
    await city.times("TYT-08", GENERAL, 1)
    await run(city.db, "UPDATE facility SET state = 'paused' WHERE code = 'TYT-08'")
    page = await city.get(f"/s/{GENERAL}")
    ways = [href for href in targets(page) if href.startswith("/f/")]
    assert ways[:3] == [city.path("TTYT", GENERAL, 3), city.path("TTYT", GENERAL, 3), city.path("TYT-09", GENERAL, 5)]
    assert f"/f/TYT-02/{GENERAL}" in ways[3:]
    assert not any("TYT-08" in href for href in ways)
    facility = await city.get("/f/TTYT")
    assert "Sớm nhất: 08:00, " in facility.text
    assert "Hiện chưa có chỗ trống" in facility.text
    assert (await city.client.get("/s/nope")).status_code == 404
    assert (await city.client.get("/s/%01")).status_code == 404


async def test_nothing_beyond_the_horizon_of_a_service_is_promised(city: City) -> None:
    await city.times("TYT-02", GENERAL, 40)
    assert "Hiện chưa nơi nào còn chỗ" in (await city.get(f"/s/{GENERAL}")).text
    await run(city.db, "UPDATE service SET horizon_days = 60")
    assert city.path("TYT-02", GENERAL, 40) in targets(await city.get(f"/s/{GENERAL}"))


# ------------------------------------------------------------------ near me


async def _place(city: City) -> None:
    for code, latitude, longitude in (("TYT-01", 10.35, 107.07), ("TYT-07", 10.36, 107.09), ("BVVT", 10.40, 107.12)):
        await run(
            city.db, "UPDATE facility SET latitude = :latitude, longitude = :longitude WHERE code = :code",
            code=code, latitude=latitude, longitude=longitude,
        )  # fmt: skip


async def test_the_nearest_places_come_first_and_those_without_a_position_are_named_apart(city: City) -> None:
    await _place(city)
    page = await city.near(latitude="10.3601234", longitude="107.0889")
    assert [href for href in targets(page) if href.startswith("/f/")][:3] == ["/f/TYT-07", "/f/TYT-01", "/f/BVVT"]
    assert "khoảng 0,1 km" in page.text
    assert "Nơi chưa xác nhận vị trí" in page.text
    assert "/f/TYT-05" in targets(page)


async def test_near_me_for_a_service_shows_its_places_only_and_their_soonest_time(city: City) -> None:
    await _place(city)
    await city.times("BVVT", CHILD, 2)
    page = await city.near(latitude="10.36", longitude="107.09", service=CHILD)
    ways = [href for href in targets(page) if href.startswith("/f/")]
    assert ways[0] == city.path("BVVT", CHILD, 2)
    assert set(ways) == {ways[0], "/f/TTYT"}
    assert "khoảng" in (await city.near(latitude="10.36", longitude="107.09", service="nope")).text


async def test_without_confirmed_positions_the_page_says_so_and_offers_wards(city: City) -> None:
    page = await city.near(latitude="10.36", longitude="107.09")
    assert "Vị trí của các cơ sở y tế đang được xác nhận." in page.text
    assert "/f/TYT-07" in targets(page)


@pytest.mark.parametrize("form", [{}, {"latitude": "", "longitude": ""}, {"latitude": "x", "longitude": "nan"}])
async def test_without_a_position_wards_are_offered(city: City, form: dict[str, str]) -> None:
    await _place(city)
    page = await city.near(**form)
    assert "Chưa nhận được vị trí." in page.text
    assert "/f/TYT-07" in targets(page)
    assert "Chưa nhận được vị trí." in (await city.get("/near")).text


async def test_a_position_leaves_nothing_behind(city: City, caplog: pytest.LogCaptureFixture) -> None:
    await _place(city)
    tables = [f'SELECT count(*) FROM "{name}"' for name in sorted(SQLModel.metadata.tables)]
    before = [await value(city.db, query) for query in tables]
    with caplog.at_level(logging.DEBUG):
        answer = await city.client.post(
            "/near", data={"latitude": "10.3612345", "longitude": "107.0887654"}, headers=HERE
        )
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for part in ("10.36", "107.08"):
        assert part not in answer.text
        assert part not in str(answer.headers)
        assert part not in written
    assert "/near" in written, "the control: the request itself was logged"
    assert [await value(city.db, query) for query in tables] == before
    assert (await city.client.post("/near", data={}, headers={"sec-fetch-site": "cross-site"})).status_code == 403


# ------------------------------------------------------------------ why nothing is free


async def test_a_full_day_offers_days_here_other_places_and_the_waiting_list(city: City) -> None:
    await city.times("TYT-05", GENERAL, 5, taken=2, free_places=[])
    await city.times("TYT-05", GENERAL, 3, 9)
    await city.times("TYT-07", GENERAL, 2, 6)
    page = await city.get(city.path("TYT-05", GENERAL, 5))
    assert "Ngày này đã hết chỗ." in page.text
    ways = targets(page)
    for expected in (city.path("TYT-05", GENERAL, 3), city.path("TYT-05", GENERAL, 9), city.path("TYT-07", GENERAL, 6)):
        assert expected in ways
    assert city.path("TYT-07", GENERAL, 2) not in ways, "what is free before that day comes only where nothing is after"
    assert f"/wait/TYT-05/{GENERAL}?from={city.today + timedelta(days=5)}" in ways


async def test_each_reason_is_said(city: City) -> None:
    await city.times("TYT-05", GENERAL, 2, open=False)
    since = utc_now() + timedelta(hours=30)
    await city.times("TYT-05", GENERAL, 3, bookable_from=since)
    await city.times("TYT-05", GENERAL, 0, bookable_until=utc_now() - timedelta(minutes=1))
    await city.day_off(4, "Ngày Mẫu")
    far = city.today + timedelta(days=36)
    planned = (
        "UPDATE weekly_session SET weekday = :day, valid_from = :today WHERE id = (SELECT min(id) FROM weekly_session)"
    )
    await run(city.db, planned, day=far.weekday(), today=city.today)
    said = {
        0: "Đã hết giờ nhận đặt lịch cho ngày này.",
        2: "Các buổi khám của ngày này đã báo nghỉ.",
        3: f"Mở đặt lịch từ {at_shown(since)}",
        4: "Ngày này nghỉ khám: Ngày Mẫu.",
        5: "Dịch vụ này không có buổi khám vào ngày này.",
        36: "Ngày này chưa mở đặt lịch. Mở đặt lịch từ 00:00",
        -1: "Ngày này đã qua.",
    }
    for ahead, words in said.items():
        assert words in (await city.get(city.path("TYT-05", GENERAL, ahead))).text, ahead
    await run(city.db, "UPDATE facility SET state = 'paused' WHERE code = 'TYT-05'")
    assert "Nơi này đang tạm ngừng nhận đặt lịch." in (await city.get(city.path("TYT-05", GENERAL, 2))).text
    assert "Nơi này đang tạm ngừng nhận đặt lịch." in (await city.get(f"/f/TYT-05/{GENERAL}")).text


def at_shown(moment: datetime) -> str:
    return f"{moment + timedelta(hours=7):%H:%M}"


async def test_weeks_with_nothing_free_say_why_and_when_more_opens(city: City) -> None:
    await city.times("TYT-05", GENERAL, 5, 6, taken=2, free_places=[])
    await city.times("TYT-05", GENERAL, 7, open=False)
    await city.day_off(8, "Ngày Mẫu")
    await city.times("TYT-07", GENERAL, 2)
    async with city.db.transaction() as session:
        for each in (await session.scalars(select(WeeklySession))).all():
            each.valid_from = city.today
    page = await city.get(f"/f/TYT-05/{GENERAL}")
    for words in (
        "2 ngày có buổi khám đã hết chỗ.",
        "1 ngày các buổi khám đã báo nghỉ.",
        "Ngày Mẫu",
        "mở đặt lịch từ 00:00",
    ):
        assert words in page.text, words
    assert city.path("TYT-07", GENERAL, 2) in targets(page)
    assert f"/wait/TYT-05/{GENERAL}?from={city.today}" in targets(page)
    other = await city.get(f"/f/TYT-07/{GENERAL}")
    assert not any(href.startswith("/wait") for href in targets(other)), "the control: a place is free there"


async def test_a_facility_that_works_on_everybodys_holiday_is_not_called_closed(city: City) -> None:
    await city.day_off(4, "Ngày Mẫu")
    await city.day_off(4, "Trực", kind="open_all_the_same", facility="TYT-05")
    await city.times("TYT-05", GENERAL, 4, taken=2, free_places=[])
    await city.times("TYT-07", GENERAL, 4, taken=2, free_places=[], open=False)
    page = await city.get(city.path("TYT-05", GENERAL, 4))
    assert "Ngày này đã hết chỗ." in page.text
    assert "Ngày Mẫu" not in page.text
    assert "Ngày Mẫu" in (await city.get(city.path("TYT-07", GENERAL, 4))).text
    async with city.db.transaction() as session:
        assert len((await session.scalars(select(CalendarDay))).all()) == 2


# ------------------------------------------------------------------ before booking


async def test_cost_papers_and_preparation_are_said_before_booking(city: City) -> None:
    code = "tai-kham-dai-thao-duong"
    await city.times("TYT-05", code, 3)
    for path in (f"/f/TYT-05/{code}", city.path("TYT-05", code, 3)):
        page = await city.get(path)
        for words in ("bảo hiểm chi trả", "phiếu hẹn khám lại", "nhịn ăn sáng", "đang chờ cơ sở y tế xác nhận"):
            assert words in page.text, (path, words)
    plain = await city.get(f"/f/TYT-05/{GENERAL}")
    assert "Trước khi đến" not in plain.text
    await run(city.db, "UPDATE service SET prepare = '', prepare_en = '', confirmed = true")
    cleared = await city.get(f"/f/TYT-05/{code}")
    assert "Trước khi đến" not in cleared.text
    assert "đang chờ cơ sở y tế xác nhận" not in cleared.text


async def test_whoever_has_no_mobile_of_the_country_is_told_how_to_book(city: City) -> None:
    await run(city.db, "UPDATE facility SET phone = '+842543000000' WHERE code = 'BVVT'")
    home = await city.get("/")
    assert "/help" in targets(home)
    page = await city.get("/help")
    for words in ("Không có số di động Việt Nam", "hộ chiếu", "quầy tiếp đón", "người thân"):
        assert words in page.text
    assert "tel:+842543000000" in targets(page)
