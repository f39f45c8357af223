"""The slip near and on its day, the question before giving it up, and the slips a phone keeps."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.kinds import EMPTY
from tests.browser.pressing import press
from tests.browser.slips import booked
from tests.browser.walks import Stop
from tests.slips import standing

SHOWS = {
    "ticket.html": "data",
    "cancel.html": "data",
    "saved.html": "data empty",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001
    """From the evening before to a visit that the facility gave up."""
    page.goto(f"{site.url}/saved")
    yield "saved.html", "none kept", EMPTY
    slip = booked(site)
    site.run(standing("tomorrow"))
    page.goto(slip)
    page.evaluate("document.querySelector('details[data-kept]').hidden = false")  # as when the worker has kept it
    page.locator("details[data-kept] summary").click()
    yield "ticket.html", "asked whether she comes"
    page.goto(f"{slip}/not-coming")
    yield "cancel.html", "she will not come"
    page.goto(slip)
    press(page, ".ask form button")
    site.run(standing("soon"))
    page.reload()
    yield "ticket.html", "confirmed, too late to change"
    for when, state in (("begun", "arrived"), ("begun", "booked")):
        site.run(standing(when, state=f"'{state}'"))
        page.goto(slip)
        yield "ticket.html", f"{when}, {state}"
    page.evaluate("async () => (await caches.open('slips')).put(location.pathname, await fetch(location.pathname))")
    page.goto(f"{site.url}/saved")
    expect(page.locator("#saved a")).to_have_count(1)
    yield "saved.html", "one kept"
    page.locator("#remove button").click()
    yield "saved.html", "nothing is kept"
    page.goto(slip)
    yield "ticket.html", "nothing is kept"
    site.run(standing("tomorrow"))
    page.goto(f"{slip}/not-coming")
    press(page, "main button.stop")
    site.run("UPDATE appointment SET cancelled_by = 'facility'")
    page.goto(slip)
    yield "ticket.html", "cancelled by the facility"
