"""Closing times with people inside: what it means, done, watched, undone, telephoned; what the patient sees."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.appointments.closing import answering
from booking.appointments.errors import SlotFull
from booking.db import Database
from scheduler.jobs import apply_closures
from tests import people
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {
    "desk_closings.html": "data empty",
    "desk_closing_form.html": "data empty error",
    "desk_closing_preview.html": "data",
    "desk_closing.html": "data",
    "desk_closing_calls.html": "data empty error",
    "closed.html": "data empty error",
    "ticket.html": "data",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A manager's way; then a patient's, then an administrator's."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    slip = _book(page, site, 1)
    _book(page, site, 2)
    site.run("UPDATE patient SET phone = NULL, phone_index = NULL WHERE id = (SELECT max(id) FROM patient)")
    sign_in(page, site, "manager.mau")
    base = f"{site.url}/desk/{STATION}/closings"
    page.goto(base)
    yield "desk_closings.html", "none", EMPTY
    page.goto(f"{base}/new")
    yield "desk_closing_form.html", "empty", EMPTY
    yield from _refused(page, base)
    _fill(page, site.world.near, "ask")
    press(page, "button[value=edit]")
    yield "desk_closing_form.html", "entered, not yet done"
    press(page)
    yield "desk_closing_preview.html", "two inside, one out of reach"
    press(page, "button[value=apply]")
    yield "desk_closing.html", "being applied"
    _work(site)
    page.reload()
    yield "desk_closing.html", "applied"
    here = page.url
    page.goto(f"{here}/calls")
    yield "desk_closing_calls.html", "one to be called"
    with monkeypatch.context() as patch:
        patch.setattr(answering, "note_call", _taken)
        press(page, "button[value=no_answer]")
    yield "desk_closing_calls.html", "the chosen time is taken", ERROR
    press(page, "button[value=no_answer]")
    yield "desk_closing_calls.html", "called once"
    yield from _patient(page, site, slip)
    page.goto(here)
    press(page, "form[action$='/undo'] button")
    yield "desk_closing.html", "being undone"
    _work(site)
    page.reload()
    yield "desk_closing.html", "undone"
    page.goto(f"{base}/new")
    _fill(page, site.world.near, "move")
    press(page, "button[value=apply]")
    _work(site)
    page.goto(slip)
    yield "ticket.html", "moved by the facility"
    page.goto(base)
    yield "desk_closings.html", "two"
    yield from _nobody_inside(page, site, base)
    yield from _city(page, site)


async def _taken(*_: object, **__: object) -> None:
    raise SlotFull


def _book(page: Page, site: Site, number: int) -> str:
    """Somebody is inside on the near day; her slip."""
    slot = site.world.slots[site.world.near][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(number)}
    key = {"Idempotency-Key": f"walk-closing-{number}"}
    made = page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key).json()
    return f"{site.url}/t/{made['code']}/{made['token']}"


def _fill(page: Page, closed: date, answer: str) -> None:
    day = closed.isoformat()
    page.fill("#from_day", day)
    page.fill("#from_time", "00:00")
    page.fill("#to_day", day)
    page.fill("#to_time", "23:59")
    page.locator(f"label[for='answer-{answer}']").click()
    press(page)


def _refused(page: Page, base: str) -> Iterator[Stop]:
    page.locator("label[for='why-other']").click()
    press(page)
    yield "desk_closing_form.html", "no reason in one's own words", ERROR
    page.goto(f"{base}/new")


def _patient(page: Page, site: Site, slip: str) -> Iterator[Stop]:
    page.goto(slip)
    yield "ticket.html", "the facility is closed then"
    page.goto(f"{slip}/closed")
    yield "closed.html", "times to choose from"
    press(page, unchecked=True)
    yield "closed.html", "nothing chosen", ERROR
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at")
    page.goto(f"{slip}/closed")
    yield "closed.html", "no time is free", EMPTY
    site.run("UPDATE slot SET reserved = 0")


def _nobody_inside(page: Page, site: Site, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/new")
    _fill(page, site.world.far, "move")
    press(page, "button[value=apply]")
    _work(site)
    page.goto(f"{page.url.partition('?')[0]}/calls")
    yield "desk_closing_calls.html", "nobody is inside", EMPTY


def _city(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/desk")
    press(page, ".desk-head form[action='/desk/sign-out'] button")
    sign_in(page, site, "admin.mau")
    page.goto(f"{site.url}/desk/closings/new")
    yield "desk_closing_form.html", "for all facilities", EMPTY
    page.fill("#from_day", site.world.far.isoformat())
    page.fill("#from_time", "00:00")
    page.fill("#to_day", site.world.far.isoformat())
    press(page)
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
