"""Requests about data: a person asks from her telephone, a clerk takes one, the manager answers."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff
from tests.browser.desk import sign_in as sit_down
from tests.browser.journey import sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.browser.walks.people import NAME, visit
from tests.places import STATION

SHOWS = {
    "my_data_request.html": "data empty error",
    "desk_requests.html": "data empty",
    "desk_request_new.html": "data empty error",
    "desk_request.html": "data error",
}

_AGED = "UPDATE data_request SET due = current_date - 2 WHERE door = 'mobile'"
SAID = "Nhờ trạm xóa tên và số điện thoại của tôi trong sổ khám tháng 3, tôi đã chuyển nhà."


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """From nothing to ask to an answer."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    sign_in(page, site)
    page.goto(f"{site.url}/me/people/new")
    page.locator('label[for="relation-self"]').click()
    fields = (("name", NAME), ("birth_day", "17"), ("birth_month", "5"), ("birth_year", "1990"))
    for field, value in fields:
        page.fill(f"#{field}", value)
    page.locator('label[for="consent_booking"]').click()
    press(page)
    page.goto(f"{site.url}/me/data")
    press(page, 'main a[href^="/me/data/"]')
    press(page, 'a[href$="/request"]')
    yield "my_data_request.html", "no facility knows her", EMPTY
    address = page.url
    visit(page, site)
    page.goto(address)
    press(page, unchecked=True)
    yield "my_data_request.html", "nothing was chosen", ERROR
    page.locator('label[for="kind"]').click()
    page.locator('label[for="facility"]').click()
    page.fill("#said", SAID)
    press(page)
    yield "my_data_request.html", "one was sent"
    yield from _desk(page, site)


def _desk(page: Page, site: Site) -> Iterator[Stop]:
    sit_down(page, site, "manager.mau")
    base = f"{site.url}/desk/{STATION}/requests"
    page.goto(f"{base}/new")
    yield "desk_request_new.html", "a form", EMPTY
    page.fill("#name", "Lê Thị Mẫu")
    page.fill("#phone", "12")
    page.fill("#said", "Không gọi điện cho tôi.")
    page.locator("#kind").select_option("object")
    press(page)
    yield "desk_request_new.html", "a number that is none", ERROR
    page.fill("#phone", "0903 000 009")
    press(page)
    yield "desk_request_new.html", "one was taken"
    site.run(_AGED)
    page.goto(base)
    yield "desk_requests.html", "one overdue, one fresh"
    press(page, ".requests a")
    yield "desk_request.html", "overdue"
    page.fill("#answer", "x")
    press(page, 'button[value="end"]')
    yield "desk_request.html", "no outcome", ERROR
    page.locator("#state").select_option("done")
    page.fill("#answer", "Đã xóa tên và số điện thoại trong sổ khám tháng 3.")
    press(page, 'button[value="end"]')
    yield "desk_requests.html", "one answered"
    site.run("DELETE FROM data_request")
    page.goto(base)
    yield "desk_requests.html", "nothing open", EMPTY
