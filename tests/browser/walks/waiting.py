"""The waiting list: joining it, where one stands, a place that is kept, refused, run out of time, and leaving."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.appointments.waitlist import rules
from booking.db import Database
from scheduler.jobs import make_offers
from tests.browser.conftest import Site
from tests.browser.journey import sign_in
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {"wait.html", "wait_entry.html", "offer.html", "offer_over.html"}

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
    yield "wait.html", "somebody new"
    page.locator("label[for=facility-0]").click()
    page.locator(".primary button").click()
    yield "wait.html", "with errors"
    page.locator("label[for=facility-0]").click()
    page.fill("#name", "Nguyễn Thị Mẫu")
    page.fill("#birth_year", "1958")
    page.locator("label[for=consent_booking]").click()
    page.locator(".primary button").click()
    entry = page.url.split("?")[0]
    yield "wait_entry.html", "just joined, without SMS"
    page.goto(join)
    yield "wait.html", "with people"
    site.run("UPDATE patient SET no_sms = false")
    _tell(site)
    page.goto(entry)
    yield "wait_entry.html", "a place is kept"
    page.locator("main .done a").click()
    yield "offer.html", "kept"
    path = page.url
    page.locator("form.second button").click()
    yield "offer_over.html", "refused"
    site.run(_HEARD)
    _tell(site)
    page.goto(entry)
    page.locator("main .done a").click()
    site.run(_OVER)
    page.locator(".primary button").click()
    yield "offer_over.html", "too late"
    page.goto(path)
    page.locator("form.second button").click()
    yield "offer_over.html", "left"
    page.goto(entry)
    site.run(_OVER)
    page.locator("form.second button").click()
    yield "wait_entry.html", "left, with what was offered"


def _tell(site: Site) -> None:
    async def go() -> None:
        database = Database(site.database_url, pool=2)
        await make_offers.run(database)
        await database.close()

    apart(go)
