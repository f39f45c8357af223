"""The place to practise, from the desk's home: not there yet, set up, and the marks of its pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.training import sample
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import STATION

SHOWS = {"desk_training.html", "desk_queue.html", "desk_book_results.html", "desk_slip.html"}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A new manager, who may do most of it."""
    add_staff(site, "moi.mau", Role.MANAGER, STATION)
    page.goto(f"{site.url}/desk")
    sign_in(page, site, "moi.mau")
    page.locator(".practice-way").click()
    yield "desk_training.html", "not set up yet"
    page.locator("form[action='/desk/training/anew'] button").click()
    yield "desk_training.html", "begun anew"
    page.locator(f"a[href='/desk/{sample.CODE}/queue?service={sample.EXAMINATION}']").click()
    assert page.title().startswith("TẬP DƯỢT")
    assert page.locator(".practice strong").is_visible()
    yield "desk_queue.html", "people who are invented"
    page.goto(f"{site.url}/desk/{sample.CODE}/book")
    page.fill("[name=q]", sample.exercises().known_phone.replace("+84", "0"))
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    yield "desk_book_results.html", "somebody who is invented"
    page.locator("form[action$='/visits'] button").first.click()
    page.wait_for_load_state()
    yield "desk_slip.html", "good for no visit"
