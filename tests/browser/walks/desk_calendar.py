"""The calendar of a facility: looked at, changed with people inside, filled in wrongly."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from booking import clock
from booking.access.kinds import Role
from tests import people
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION

SHOWS = {
    "desk_calendar_month.html", "desk_calendar_day.html", "desk_calendar_weekly.html", "desk_calendar_session.html",
    "desk_calendar_end.html", "desk_calendar_one_day.html", "desk_calendar_mark.html", "desk_calendar_off.html",
    "desk_calendar_preview.html", "desk_calendar_inside.html", "desk_calendar_entries.html",
    "desk_calendar_service.html", "desk_calendar_entry.html", "desk_calendar_notices.html",
    "desk_calendar_notice.html",
}  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A manager's way."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    base = f"{site.url}/desk/{STATION}/calendar"
    day = clock.local_day(clock.utc_now()) + timedelta(days=10)
    site.run(f"UPDATE weekly_session SET weekday = {day.weekday()}, slot_minutes = 15, capacity = 4")
    _book(page, site)
    sign_in(page, site, "manager.mau")
    yield from _lists(page, base)
    yield from _weekly(page, base)
    page.goto(f"{base}/days/{day.isoformat()}/mark")
    yield "desk_calendar_mark.html", "an ordinary day"
    page.fill("#name", "Nghỉ tập huấn phòng chống dịch toàn thành phố")
    _go_on(page)
    yield "desk_calendar_preview.html", "a day closes"
    page.locator("button[value=apply]").click()
    page.wait_for_url("**/calendar/*")
    yield "desk_calendar_inside.html", "after closing"
    page.goto(f"{base}?month={day:%Y-%m}")
    yield "desk_calendar_month.html", "with a day off"
    page.goto(f"{base}/days/{day.isoformat()}")
    yield "desk_calendar_day.html", "a day off"


def _book(page: Page, site: Site) -> None:
    """Somebody is inside on the far day."""
    slot = site.world.slots[site.world.far][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(1)}
    key = {"Idempotency-Key": "walk-calendar-1"}
    assert page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key).status == 201


def _lists(page: Page, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/rooms/new")
    page.fill("#code", "P1")
    page.fill("#name", "Phòng số 1")
    page.fill("#day_limit", "no number")
    _go_on(page)
    yield "desk_calendar_entry.html", "no number"
    page.fill("#day_limit", "80")
    _go_on(page)
    yield "desk_calendar_entries.html", "one room"
    page.goto(f"{base}/services/{SERVICE}")
    yield "desk_calendar_service.html", "one there is"
    page.goto(f"{base}/notices/new")
    page.fill("#text", "Hết vắc-xin sởi, dự kiến có lại vào tuần sau.")
    yield "desk_calendar_notice.html", "filled"
    _go_on(page)
    yield "desk_calendar_notices.html", "one notice"
    page.goto(f"{base}/off")
    yield "desk_calendar_off.html", "none"


def _weekly(page: Page, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/weekly/new")
    page.select_option("#room", "P1")
    page.fill("#ends", "07:40")
    _go_on(page)
    yield "desk_calendar_session.html", "no time in it"
    page.fill("#ends", "11:30")
    page.fill("#capacity", "9")
    _go_on(page)
    yield "desk_calendar_preview.html", "a full room"
    page.locator("button[value=apply]").click()
    page.wait_for_url("**/weekly*")
    yield "desk_calendar_weekly.html", "two sessions"
    page.locator("tbody a").first.click()
    page.locator("a[href$='/end']").click()
    yield "desk_calendar_end.html", "empty"
    page.goto(base)
    yield "desk_calendar_month.html", "published"
    page.locator(".cal > li:not(.past) a", has=page.locator("xpath=../*[contains(@class, 'numbers')]")).first.click()
    yield "desk_calendar_day.html", "with times"
    page.locator("a[href*='/sessions/']").first.click()
    yield "desk_calendar_one_day.html", "as in other weeks"


def _go_on(page: Page) -> None:
    page.locator("form .primary button").first.click()
    page.wait_for_load_state()
