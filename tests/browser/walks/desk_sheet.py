"""The day sheet, what the machine keeps of it, a day from paper; what is due and not booked, and a record corrected."""

from collections.abc import Iterator
from datetime import time

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.browser.walks.on_the_day import Desk
from tests.places import STATION

SHOWS = {
    "desk_sheet.html": "data empty",
    "desk_sheet_copy.html": "data empty",
    "desk_lost.html": "data",
    "desk_sheet_entry.html": "data empty error",
    "desk_record.html": "data error",
    "desk_number.html": "data error",
    "desk_due.html": "data empty",
}

DESK = f"/desk/{STATION}"
LONGEST = "Nguyễn Phương Hoàng Thị Thanh Huyền Trang Mẫu"


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A morning without a server, written down and entered."""
    hands = Desk(site, monkeypatch)
    hands.at(time(7, 0))
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    page.goto(f"{site.url}/desk/lost")
    yield "desk_lost.html", "nothing is kept"
    sign_in(page, site, "thu.mau")
    for path, template in (("sheet", "desk_sheet"), ("sheet/copy", "desk_sheet_copy"), ("due", "desk_due")):
        page.goto(f"{site.url}{DESK}/{path}")
        yield f"{template}.html", "nobody yet", EMPTY
    page.goto(f"{site.url}{DESK}/sheet/entry")
    yield "desk_sheet_entry.html", "nobody yet", EMPTY
    yield from _corrected(page, site)
    _one_open_date(page, site)
    page.goto(f"{site.url}{DESK}/due")
    yield "desk_due.html", "one can be booked, one waits"
    hands.at(time(9, 10))
    hands.walk_in()
    site.run("UPDATE queue_ticket SET priority_verified = 'pregnant', paper_number = '12'")
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}{DESK}/sheet")
    yield "desk_sheet.html", "one booked, one who came"
    page.goto(f"{site.url}{DESK}/sheet/copy")
    yield "desk_sheet_copy.html", "one booked, one who came"
    page.goto(f"{site.url}{DESK}/sheet/entry")
    yield "desk_sheet_entry.html", "two are not settled"
    page.locator("[id^=came-]").first.fill("kh")
    page.fill("#name-w1", LONGEST)
    page.locator("[id^=finished-]").nth(1).fill("9:10")
    press(page)
    yield "desk_sheet_entry.html", "no time, and nobody's time", ERROR


def _corrected(page: Page, site: Site) -> Iterator[Stop]:
    """Somebody is registered and booked on the day of this walk, and her record corrected."""
    page.goto(f"{site.url}{DESK}/patients/new")
    page.fill("#name", "Trần Thị Mẫu")
    page.fill("#birth_year", "1958")
    press(page)
    page.locator("label[for^=slot-]").first.click()
    press(page)
    page.goto(page.url.partition("/slip")[0])
    page.locator('a[href$="/record"]').click()
    page.wait_for_load_state()
    yield "desk_record.html", "what is known"
    page.fill("#name", LONGEST)
    page.fill("#phone", "12")
    press(page)
    yield "desk_record.html", "a telephone that is none", ERROR
    page.fill("#phone", "0903 111 222")
    press(page)
    yield "desk_record.html", "corrected"
    page.locator('a[href$="/number"]').click()
    page.wait_for_load_state()
    yield "desk_number.html", "whose it is"
    page.fill("#phone", "12")
    press(page)
    yield "desk_number.html", "a telephone that is none", ERROR
    page.fill("#phone", "0903 111 222")
    press(page)
    yield "desk_number.html", "set right"


def _one_open_date(page: Page, site: Site) -> None:
    """A plan of somebody else, behind the product's back: one date in the world's days, one nobody has published."""
    page.goto(f"{site.url}{DESK}/patients/new")
    page.fill("#name", "Lê Văn Mẫu")
    page.fill("#birth_year", "1990")
    press(page)
    newest = "FROM patient p, service s ORDER BY p.id DESC LIMIT 1"
    series = f"SELECT gen_random_uuid(), p.id, s.facility_id, s.id, 'tai-kham', now() {newest}"
    site.run("INSERT INTO visit_series (public_id, patient_id, facility_id, service_id, template, made_at) " + series)
    for number, days in ((1, 0), (2, 40)):
        day = f"DATE '{site.world.far}' + {days}"
        dates = f"SELECT id, {number}, {day}, {day}, {day} + 5 FROM visit_series"
        site.run("INSERT INTO series_date (series_id, number, due, first_day, last_day) " + dates)
