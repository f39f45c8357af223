"""The queue at the desk: the clerk's page, the doctor's list, a ticket, its paper, the displays and one of them."""

from collections.abc import Generator, Iterator
from datetime import time

import pytest
from playwright.sync_api import Page, expect

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.browser.walks.on_the_day import Desk
from tests.places import STATION

SHOWS = {
    "desk_queue.html": "data empty error",
    "desk_queue_ticket.html": "data",
    "desk_queue_paper.html": "data",
    "desk_room.html": "data empty",
    "desk_displays.html": "data empty",
    "display.html": "data empty",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A small morning, through the pages alone."""
    Desk(site, monkeypatch).at(time(7, 40))
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    site.run("INSERT INTO room (facility_id, code, name) SELECT id, 'P1', 'Phòng số 1' FROM facility LIMIT 1")
    queue = f"{site.url}/desk/{STATION}/queue"
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}/desk/{STATION}/room/P1")
    yield "desk_room.html", "nobody yet", EMPTY
    address = yield from _display(page, site)
    page.goto(address)
    yield "display.html", "no call yet", EMPTY
    page.goto(queue)
    yield "desk_queue.html", "nobody yet", EMPTY
    page.fill("#walk-birth_year", "3000")
    page.locator("#walk-form button").click()
    expect(page.locator("#walk-birth_year-error")).to_be_visible()
    yield "desk_queue.html", "a year that cannot be", ERROR
    _come(page, "Nguyễn Thị Mẫu", "1950", "over_75")
    page.reload()
    expect(page.locator("#part-next")).to_contain_text("A001")
    _come(page, "Trần Văn Mẫu", "1980", "pregnant")
    page.locator("#part-next").get_by_text("A001").wait_for()
    page.reload()
    yield "desk_queue.html", "two people wait"
    page.locator("[data-section] th a").last.click()
    yield "desk_queue_ticket.html", "waiting"
    page.goto(f"{page.url}/paper")
    yield "desk_queue_paper.html", "a number"
    page.goto(f"{queue}?room=P1")
    page.keyboard.press("F2")
    expect(page.locator("#part-now .big")).to_have_text("A001")
    yield "desk_queue.html", "one is called"
    page.goto(f"{site.url}/desk/{STATION}/room/P1")
    yield "desk_room.html", "one is called"
    page.goto(address)
    expect(page.locator(".number")).to_have_text("A001")
    yield "display.html", "a call"


def _display(page: Page, site: Site) -> Generator[Stop, None, str]:
    """A display of the waiting room is made; its address, in the language of the desk."""
    page.goto(f"{site.url}/desk/{STATION}/displays")
    yield "desk_displays.html", "none", EMPTY
    press(page)
    yield "desk_displays.html", "one"
    english = page.locator("html").get_attribute("lang") == "en"
    return f"{page.locator('td a').get_attribute('href')}{'?lang=en' if english else ''}"


def _come(page: Page, name: str, year: str, priority: str) -> None:
    page.fill("#walk-name", name)
    page.fill("#walk-birth_year", year)
    page.select_option("#walk-priority", priority)
    page.locator("#walk-form button").click()
    expect(page.locator("#said")).to_contain_text("A00")
