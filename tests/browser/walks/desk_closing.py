"""Closing times with people inside: what it means, done, watched, undone, telephoned; what the patient sees."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.db import Database
from scheduler.jobs import apply_closures
from tests import people
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {
    "desk_closings.html", "desk_closing_form.html", "desk_closing_preview.html", "desk_closing.html",
    "desk_closing_calls.html", "closed.html", "ticket.html",
}  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A manager's way; then a patient's, then an administrator's."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    slip = _book(page, site, 1)
    _book(page, site, 2)
    site.run("UPDATE patient SET phone = NULL, phone_index = NULL WHERE id = (SELECT max(id) FROM patient)")
    sign_in(page, site, "manager.mau")
    base = f"{site.url}/desk/{STATION}/closings"
    page.goto(base)
    yield "desk_closings.html", "none"
    page.goto(f"{base}/new")
    yield "desk_closing_form.html", "empty"
    yield from _refused(page, base)
    _fill(page, site, "ask")
    yield "desk_closing_preview.html", "two inside, one out of reach"
    page.locator("button[value=apply]").click()
    page.wait_for_load_state()
    yield "desk_closing.html", "being applied"
    _work(site)
    page.reload()
    yield "desk_closing.html", "applied"
    here = page.url
    page.goto(f"{here}/calls")
    yield "desk_closing_calls.html", "one to be called"
    page.locator("button[value=no_answer]").click()
    page.wait_for_load_state()
    yield "desk_closing_calls.html", "called once"
    yield from _patient(page, slip)
    page.goto(here)
    page.locator("form[action$='/undo'] button").click()
    page.wait_for_load_state()
    yield "desk_closing.html", "being undone"
    _work(site)
    page.reload()
    yield "desk_closing.html", "undone"
    page.goto(f"{base}/new")
    _fill(page, site, "move")
    page.locator("button[value=apply]").click()
    page.wait_for_load_state()
    _work(site)
    page.goto(slip)
    yield "ticket.html", "moved by the facility"
    page.goto(base)
    yield "desk_closings.html", "two"
    yield from _city(page, site)


def _book(page: Page, site: Site, number: int) -> str:
    """Somebody is inside on the near day; her slip."""
    slot = site.world.slots[site.world.near][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(number)}
    key = {"Idempotency-Key": f"walk-closing-{number}"}
    made = page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key).json()
    return f"{site.url}/t/{made['code']}/{made['token']}"


def _fill(page: Page, site: Site, answer: str) -> None:
    day = site.world.near.isoformat()
    page.fill("#from_day", day)
    page.fill("#from_time", "00:00")
    page.fill("#to_day", day)
    page.fill("#to_time", "23:59")
    page.locator(f"label[for='answer-{answer}']").click()
    _go_on(page)


def _refused(page: Page, base: str) -> Iterator[Stop]:
    page.locator("label[for='why-other']").click()
    _go_on(page)
    yield "desk_closing_form.html", "no reason in one's own words"
    page.goto(f"{base}/new")


def _patient(page: Page, slip: str) -> Iterator[Stop]:
    page.goto(slip)
    yield "ticket.html", "the facility is closed then"
    page.goto(f"{slip}/closed")
    yield "closed.html", "times to choose from"
    page.evaluate("document.querySelectorAll('input[required]').forEach(one => one.removeAttribute('required'))")
    _go_on(page)
    yield "closed.html", "nothing chosen"


def _city(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/desk")
    page.locator(".desk-head form[action='/desk/sign-out'] button").click()
    sign_in(page, site, "admin.mau")
    page.goto(f"{site.url}/desk/closings/new")
    yield "desk_closing_form.html", "for all facilities"
    page.fill("#from_day", site.world.far.isoformat())
    page.fill("#from_time", "00:00")
    page.fill("#to_day", site.world.far.isoformat())
    _go_on(page)
    yield "desk_closing_preview.html", "for all facilities"


def _work(site: Site) -> None:
    """The scheduler's job, once."""

    async def go() -> None:
        database = Database(site.database_url, pool=2)
        try:
            await apply_closures.run(database)
        finally:
            await database.close()

    apart(go)


def _go_on(page: Page) -> None:
    page.locator(".primary button").first.click()
    page.wait_for_load_state()
