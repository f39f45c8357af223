"""Holding, booking, moving and cancelling, and what may happen on the way."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.errors import OutcomeUnknown
from booking.mobile.booking import keeping
from tests.browser.conftest import Site
from tests.browser.journey import book, choose_time, fill_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION

SHOWS = {
    "details.html": "data empty error",
    "check.html": "data error",
    "party.html": "data",
    "lapsed.html": "data",
    "ticket.html": "data",
    "cancel.html": "data",
    "days.html": "data",
    "times.html": "data error",
    "inbox.html": "data",
    "error.html": "data",
    "confirming.html": "data",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """The form, its errors, a hold that lapses, the ticket and what can be done with it."""
    choose_time(page, site)
    yield "details.html", "empty", EMPTY
    press(page)
    yield "details.html", "with errors", ERROR
    fill_in(page)
    site.run("UPDATE appointment SET expires_at = now() - interval '1 second' WHERE state = 'held'")
    page.goto(page.url)
    yield "lapsed.html", "the time that was kept is chosen"
    ticket = book(page, site, option=1)
    yield "ticket.html", "just booked"
    choose_time(page, site, option=2)
    yield "details.html", "somebody to choose"
    press(page)
    yield "details.html", "she has a visit for this service that day", ERROR
    for template, path in (
        ("cancel.html", "/cancel"),
        ("days.html", "/move"),
        ("times.html", f"/move/{site.world.far}"),
    ):
        page.goto(ticket + path)
        yield template, f"of {path}"
    page.goto(f"{ticket}/cancel")
    press(page, "main button")
    yield "ticket.html", "cancelled"
    yield from _family(page, site)
    site.run("UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'booked'")
    page.goto(f"{site.url}/inbox")
    yield "inbox.html", "with messages"
    yield from _refusals(page, site, monkeypatch)


def _family(page: Page, site: Site) -> Iterator[Stop]:
    """Herself, who has to be asked again, and a child she never booked for."""
    site.run("UPDATE consent SET granted = false")
    choose_time(page, site, option=2)
    fill_in(page, name="Nguyễn Văn Bé Mẫu")  # herself is ticked: nobody else is in the list
    press(page)
    yield "check.html", "two people, one to be asked"
    press(page)
    yield "check.html", "without her agreement", ERROR
    page.locator(".consent label").first.click()
    press(page)
    yield "party.html", "two slips"


def _refusals(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A time that filled up meanwhile, and an answer that is late."""
    times = f"{site.url}/f/{STATION}/{SERVICE}/{site.world.far}"
    page.goto(times)
    press(page, unchecked=True)
    yield "times.html", "nothing chosen", ERROR
    page.goto(times)
    page.locator(".option label").first.click()
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at WHERE id % 3 = 1")
    press(page)
    yield "error.html", "full, with offers"

    async def lost(*_: object) -> None:
        raise OutcomeUnknown(retry_after=600)  # longer than the looking takes

    page.goto(times)
    page.locator(".option label").last.click()
    monkeypatch.setattr(keeping, "_hold", lost)
    press(page)
    yield "confirming.html", "asks again"
