"""Booking for others at the desk: the field, people and times, slips, changes, somebody new, series, joined records."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import STATION

SHOWS = {
    "desk_book.html", "desk_book_results.html", "desk_appointment.html", "desk_slip.html", "desk_move.html",
    "desk_cancel.html", "desk_code.html", "desk_patient_new.html", "desk_series.html", "desk_series_dates.html",
    "desk_series_one.html", "desk_duplicates.html",
}  # fmt: skip

DESK = f"/desk/{STATION}"
LONGEST = "Nguyễn Phương Hoàng Thị Thanh Huyền Trang Mẫu"
CARD = "079190000001|024123456|Lee Thij Hoa|17051990|Nuwx|12 đường Mẫu|01022021"


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A clerk's morning, from an empty field to two records joined."""
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}{DESK}/book")
    yield "desk_book.html", "empty"
    search(page, CARD)
    yield "desk_book_results.html", "a card that a keyboard driver changed"
    yield from _somebody_new(page, site)
    _go_on(page)
    yield "desk_slip.html", "just booked"
    page.goto(f"{page.url.partition('?')[0]}?paper=a5")
    yield "desk_slip.html", "A5"
    yield from _change(page)
    yield from _series(page, site)
    yield from _join(page, site)
    page.goto(f"{site.url}{DESK}/code")
    yield "desk_code.html", "empty"
    page.fill("#phone", "0903")
    _go_on(page)
    yield "desk_code.html", "no number"


def search(page: Page, typed: str) -> None:
    """Type into the one field."""
    page.fill("#q", typed)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _somebody_new(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/patients/new")
    yield "desk_patient_new.html", "empty"
    page.fill("#name", LONGEST)
    page.fill("#birth_year", "2020")
    page.fill("#phone", "12")
    _go_on(page)
    yield "desk_patient_new.html", "a wrong number, and a child without guardian"
    page.fill("#birth_year", "1958")
    page.fill("#guardian_name", "")
    page.fill("#phone", "0903 111 222")
    page.locator('label[for="consent_sms"]').click()
    _go_on(page)
    yield "desk_book_results.html", "one person, times to choose"


def _change(page: Page) -> Iterator[Stop]:
    visit = page.url.partition("/slip")[0]
    page.goto(f"{visit}/move")
    yield "desk_move.html", "times"
    _go_on(page)
    yield "desk_appointment.html", "moved"
    page.goto(f"{visit}/cancel")
    yield "desk_cancel.html", "asks"
    _go_on(page)
    yield "desk_appointment.html", "cancelled"
    page.goto(f"{visit}/move")
    yield "desk_move.html", "too late"


def _series(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/book")
    search(page, "huyen trang")
    page.locator('main a[href$="/series"]').click()
    yield "desk_series.html", "plans"
    page.locator("#plan-tang-huyet-ap").check()
    _go_on(page)
    yield "desk_series_dates.html", "six windows"
    _go_on(page)
    yield "desk_series_one.html", "booked as far as times are published"


def _join(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/duplicates")
    yield "desk_duplicates.html", "none"
    page.goto(f"{site.url}{DESK}/patients/new")
    page.fill("#name", LONGEST)
    page.fill("#birth_year", "1958")
    _go_on(page)
    yield "desk_patient_new.html", "records that look alike"
    page.locator('button[name="sure"]').click()
    page.wait_for_load_state()
    _go_on(page)
    page.goto(f"{site.url}{DESK}/book")
    search(page, "huyen")
    yield "desk_book_results.html", "two people"
    page.goto(f"{site.url}{DESK}/duplicates")
    yield "desk_duplicates.html", "a pair"
    page.locator("main td button").first.click()
    page.wait_for_load_state()
    yield "desk_duplicates.html", "joined"


def _go_on(page: Page) -> None:
    page.locator(".primary button").click()
    page.wait_for_load_state()
