"""Booking for others at the desk: the field, people and times, slips, changes, somebody new, series, joined records."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.desk.booking import series
from booking.patients.errors import MergeClash
from booking.records import joining
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import STATION

SHOWS = {
    "desk_book.html": "empty",
    "desk_book_results.html": "data empty error",
    "desk_appointment.html": "data empty",
    "desk_slip.html": "data",
    "desk_move.html": "data error",
    "desk_cancel.html": "data error",
    "desk_code.html": "empty error",
    "desk_patient_new.html": "data empty error",
    "desk_series.html": "data empty",
    "desk_series_dates.html": "data empty",
    "desk_series_one.html": "data",
    "desk_duplicates.html": "data empty error",
}

_FULL = "UPDATE slot SET reserved = capacity, release_at = starts_at"
_FREE = "UPDATE slot SET reserved = 0"

DESK = f"/desk/{STATION}"
LONGEST = "Nguyễn Phương Hoàng Thị Thanh Huyền Trang Mẫu"
CARD = "079190000001|024123456|Lee Thij Hoa|17051990|Nuwx|12 đường Mẫu|01022021"


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A clerk's morning, from an empty field to two records joined."""
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}{DESK}/book")
    yield "desk_book.html", "empty", EMPTY
    search(page, CARD)
    yield "desk_book_results.html", "a card that a keyboard driver changed", EMPTY
    yield from _somebody_new(page, site)
    yield from _taken(page, site)
    yield "desk_slip.html", "just booked"
    page.goto(f"{page.url.partition('?')[0]}?paper=a5")
    yield "desk_slip.html", "A5"
    yield from _change(page, site)
    yield from _series(page, site, monkeypatch)
    yield from _join(page, site, monkeypatch)
    page.goto(f"{site.url}{DESK}/code")
    yield "desk_code.html", "empty", EMPTY
    page.fill("#phone", "0903")
    press(page)
    yield "desk_code.html", "no number", ERROR


def search(page: Page, typed: str) -> None:
    """Type into the one field."""
    page.fill("#q", typed)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _somebody_new(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/patients/new")
    yield "desk_patient_new.html", "empty", EMPTY
    page.fill("#name", LONGEST)
    page.fill("#birth_year", "2020")
    page.fill("#phone", "12")
    press(page)
    yield "desk_patient_new.html", "a wrong number, and a child without guardian", ERROR
    page.fill("#birth_year", "1958")
    page.fill("#guardian_name", "")
    page.fill("#phone", "0903 111 222")
    page.locator('label[for="consent_sms"]').click()
    press(page)
    yield "desk_book_results.html", "one person, times to choose"


def _taken(page: Page, site: Site) -> Iterator[Stop]:
    """All times fill up while she chooses, and are free again."""
    site.run(_FULL)
    press(page)
    yield "desk_book_results.html", "somebody else was quicker", ERROR
    site.run(_FREE)
    page.go_back()
    press(page)


def _change(page: Page, site: Site) -> Iterator[Stop]:
    visit = page.url.partition("/slip")[0]
    page.goto(visit)
    yield "desk_appointment.html", "booked, no message yet", EMPTY
    page.goto(f"{visit}/move")
    yield "desk_move.html", "times"
    site.run(_FULL)
    press(page)
    yield "desk_move.html", "somebody else was quicker", ERROR
    site.run(_FREE)
    page.goto(f"{visit}/move")
    press(page)
    yield "desk_appointment.html", "moved"
    page.goto(f"{visit}/cancel")
    yield "desk_cancel.html", "asks"
    site.run("UPDATE appointment SET state = 'arrived'")
    press(page)
    yield "desk_cancel.html", "the patient is here already", ERROR
    site.run("UPDATE appointment SET state = 'booked'")
    page.goto(f"{visit}/cancel")
    press(page)
    yield "desk_appointment.html", "cancelled"
    page.goto(f"{visit}/move")
    yield "desk_move.html", "too late"


async def _clash(*_: object) -> None:
    raise MergeClash


def _series(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/book")
    search(page, "huyen trang")
    press(page, 'main a[href$="/series"]')
    yield "desk_series.html", "plans"
    page.locator("#plan-tang-huyet-ap").check()
    today = page.input_value("#day")
    page.fill("#day", "2000-01-01")
    press(page)
    yield "desk_series_dates.html", "all of it is over", EMPTY
    page.go_back()
    page.locator("#plan-tang-huyet-ap").check()
    page.fill("#day", today)
    press(page)
    yield "desk_series_dates.html", "six windows"
    press(page)
    yield "desk_series_one.html", "booked as far as times are published"
    with monkeypatch.context() as patch:
        patch.setattr(series, "plans", dict)
        page.goto(f"{page.url.rpartition('/')[0]}")
        yield "desk_series.html", "no plan fits", EMPTY


def _join(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    page.goto(f"{site.url}{DESK}/duplicates")
    yield "desk_duplicates.html", "none", EMPTY
    page.goto(f"{site.url}{DESK}/patients/new")
    page.fill("#name", LONGEST)
    page.fill("#birth_year", "1958")
    press(page)
    yield "desk_patient_new.html", "records that look alike"
    press(page, 'button[name="sure"]')
    press(page)
    page.goto(f"{site.url}{DESK}/book")
    search(page, "huyen")
    yield "desk_book_results.html", "two people"
    page.goto(f"{site.url}{DESK}/duplicates")
    yield "desk_duplicates.html", "a pair"
    with monkeypatch.context() as patch:
        patch.setattr(joining, "join", _clash)
        press(page, "main td button")
    yield "desk_duplicates.html", "both have come to the same time", ERROR
    press(page, "main td button")
    yield "desk_duplicates.html", "joined"
