"""The place to practise, from the desk's home: not there yet, set up, and the marks of its pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.training import sample
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import STATION

SHOWS = {
    "desk_training.html": "data empty", "desk_queue.html": "data", "desk_book_results.html": "data",
    "desk_slip.html": "data",
}  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A new manager, who may do most of it."""
    add_staff(site, "moi.mau", Role.MANAGER, STATION)
    page.goto(f"{site.url}/desk")
    sign_in(page, site, "moi.mau")
    press(page, ".practice-way")
    yield "desk_training.html", "not set up yet", EMPTY
    press(page, "form[action='/desk/training/anew'] button")
    yield "desk_training.html", "begun anew"
    press(page, f"a[href='/desk/{sample.CODE}/queue?service={sample.EXAMINATION}']")
    assert page.title().startswith(("TẬP DƯỢT", "PRACTICE"))
    assert page.locator(".practice strong").is_visible()
    yield "desk_queue.html", "people who are invented"
    page.goto(f"{site.url}/desk/{sample.CODE}/book")
    page.fill("[name=q]", sample.exercises().known_phone.replace("+84", "0"))
    press(page, "form:has([name=q]) button")
    yield "desk_book_results.html", "somebody who is invented"
    press(page, "form[action$='/visits'] button")
    yield "desk_slip.html", "good for no visit"
