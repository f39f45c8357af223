"""The waiting list: joining it, where one stands, a place that is kept, refused, run out of time, and leaving."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.appointments.waitlist import rules
from booking.db import Database
from scheduler.jobs import make_offers
from tests.browser.conftest import Site
from tests.browser.journey import sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {
    "wait.html": "data empty error",
    "wait_entry.html": "data empty",
    "offer.html": "data",
    "offer_over.html": "data",
}

_OVER = """
WITH o AS (UPDATE offer SET expires_at = now() - interval '1 second' WHERE state = 'live' RETURNING appointment_id,
expires_at) UPDATE appointment SET expires_at = o.expires_at FROM o WHERE o.appointment_id = appointment.id
"""
_HEARD = "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'offer'"


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """Somebody new joins, is offered one place after the other, and leaves."""
    monkeypatch.setattr(rules, "telling", lambda *_: True)
    page.add_init_script("delete Navigator.prototype.serviceWorker")
    sign_in(page, site)
    join = f"{site.url}/wait/{STATION}/{SERVICE}"
    page.goto(join)
    yield "wait.html", "somebody new", EMPTY
    page.locator("label[for=facility-0]").click()
    press(page)
    yield "wait.html", "with errors", ERROR
    page.locator("label[for=facility-0]").click()
    page.fill("#name", "Nguyễn Thị Mẫu")
    page.fill("#birth_year", "1958")
    page.locator("label[for=consent_booking]").click()
    press(page)
    entry = page.url.split("?")[0]
    yield "wait_entry.html", "just joined, without SMS", EMPTY
    page.goto(join)
    yield "wait.html", "with people"
    site.run("UPDATE patient SET no_sms = false")
    _tell(site)
    page.goto(entry)
    yield "wait_entry.html", "a place is kept"
    press(page, "main .done a")
    yield "offer.html", "kept"
    path = page.url
    press(page, "form.second button")
    yield "offer_over.html", "refused"
    site.run(_HEARD)
    _tell(site)
    page.goto(entry)
    press(page, "main .done a")
    site.run(_OVER)
    press(page)
    yield "offer_over.html", "too late"
    page.goto(path)
    press(page, "form.second button")
    yield "offer_over.html", "left"
    page.goto(entry)
    site.run(_OVER)
    press(page, "form.second button")
    yield "wait_entry.html", "left, with what was offered"


def _tell(site: Site) -> None:
    async def go() -> None:
        database = Database(site.database_url, pool=2)
        await make_offers.run(database)
        await database.close()

    apart(go)
