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
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION

_FORM = "form .primary button"

SHOWS = {
    "desk_calendar_month.html": "data empty",
    "desk_calendar_day.html": "data empty",
    "desk_calendar_weekly.html": "data empty",
    "desk_calendar_session.html": "data empty error",
    "desk_calendar_end.html": "empty error",
    "desk_calendar_one_day.html": "data error",
    "desk_calendar_mark.html": "empty error",
    "desk_calendar_off.html": "data empty",
    "desk_calendar_preview.html": "data empty error",
    "desk_calendar_inside.html": "data empty",
    "desk_calendar_entries.html": "data empty",
    "desk_calendar_service.html": "data empty error",
    "desk_calendar_entry.html": "data empty error",
    "desk_calendar_notices.html": "data empty error",
    "desk_calendar_notice.html": "data empty error",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A manager's way."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    base = f"{site.url}/desk/{STATION}/calendar"
    day = clock.local_day(clock.utc_now()) + timedelta(days=10)
    site.run(f"UPDATE weekly_session SET weekday = {day.weekday()}, slot_minutes = 15, capacity = 4")
    _book(page, site)
    sign_in(page, site, "manager.mau")
    yield from _nothing(page, base)
    yield from _lists(page, base, site)
    yield from _weekly(page, base)
    page.goto(f"{base}/days/{day.isoformat()}/mark")
    yield "desk_calendar_mark.html", "an ordinary day", EMPTY
    press(page, _FORM, unchecked=True)
    yield "desk_calendar_mark.html", "without a name", ERROR
    page.fill("#name", "Nghỉ tập huấn phòng chống dịch toàn thành phố")
    press(page, _FORM)
    yield "desk_calendar_preview.html", "a day closes"
    press(page, "button[value=apply]")
    yield "desk_calendar_inside.html", "after closing"
    page.goto(f"{base}?month={day:%Y-%m}")
    yield "desk_calendar_month.html", "with a day off"
    page.goto(f"{base}/days/{day.isoformat()}")
    yield "desk_calendar_day.html", "a day off"
    page.goto(f"{base}/off")
    yield "desk_calendar_off.html", "one"
    site.run("UPDATE weekly_session SET valid_from = '2001-01-01', valid_to = '2001-02-01'")
    page.goto(f"{base}/weekly")
    yield "desk_calendar_weekly.html", "none", EMPTY


def _nothing(page: Page, base: str) -> Iterator[Stop]:
    for template, path in (
        ("desk_calendar_entries.html", "/entries"),
        ("desk_calendar_notices.html", "/notices"),
        ("desk_calendar_off.html", "/off"),
        ("desk_calendar_inside.html", "/inside"),
        ("desk_calendar_month.html", "?month=2031-01"),
        ("desk_calendar_day.html", "/days/2031-01-05"),
        ("desk_calendar_entry.html", "/rooms/new"),
        ("desk_calendar_service.html", "/services/new"),
        ("desk_calendar_session.html", "/weekly/new"),
        ("desk_calendar_notice.html", "/notices/new"),
    ):
        page.goto(base + path)
        yield template, "nothing yet", EMPTY


def _book(page: Page, site: Site) -> None:
    """Somebody is inside on the far day."""
    slot = site.world.slots[site.world.far][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(1)}
    key = {"Idempotency-Key": "walk-calendar-1"}
    assert page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key).status == 201


def _lists(page: Page, base: str, site: Site) -> Iterator[Stop]:
    page.goto(f"{base}/rooms/new")
    page.fill("#code", "P1")
    page.fill("#name", "Phòng số 1")
    page.fill("#day_limit", "no number")
    press(page, _FORM)
    yield "desk_calendar_entry.html", "no number", ERROR
    page.fill("#day_limit", "80")
    press(page, _FORM)
    yield "desk_calendar_entries.html", "one room"
    page.goto(f"{base}/rooms/P1")
    yield "desk_calendar_entry.html", "one there is"
    page.goto(f"{base}/services/{SERVICE}")
    yield "desk_calendar_service.html", "one there is"
    page.fill("#duration_minutes", "no number")
    press(page, _FORM)
    yield "desk_calendar_service.html", "no number", ERROR
    page.goto(f"{base}/notices/new")
    press(page, _FORM, unchecked=True)
    yield "desk_calendar_notice.html", "without a text", ERROR
    page.goto(f"{base}/notices/new")
    page.fill("#text", "Hết vắc-xin sởi, dự kiến có lại vào tuần sau.")
    yield "desk_calendar_notice.html", "filled"
    press(page, _FORM)
    yield "desk_calendar_notices.html", "one notice"
    site.run("UPDATE notice SET text = text || ' Mẫu'")
    press(page, "form[action$='/remove'] button")
    yield "desk_calendar_notices.html", "changed meanwhile", ERROR


def _weekly(page: Page, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/weekly/new")
    page.select_option("#room", "P1")
    page.fill("#ends", "07:40")
    press(page, _FORM)
    yield "desk_calendar_session.html", "no time in it", ERROR
    page.fill("#ends", "11:30")
    page.fill("#capacity", "9")
    press(page, _FORM)
    yield "desk_calendar_preview.html", "a full room"
    press(page, "button[value=edit]")
    yield "desk_calendar_session.html", "entered, not yet done"
    press(page, _FORM)
    page.evaluate("document.querySelector('[name=outcome]').value = 'what was shown is no more'")
    press(page, "button[value=apply]")
    yield "desk_calendar_preview.html", "changed meanwhile", ERROR
    press(page, "button[value=apply]")
    yield "desk_calendar_weekly.html", "two sessions"
    press(page, "tbody a")
    press(page, "a[href$='/end']")
    yield "desk_calendar_end.html", "empty", EMPTY
    page.fill("#since", "")
    press(page, _FORM, unchecked=True)
    yield "desk_calendar_end.html", "without a day", ERROR
    page.fill("#since", "2031-01-06")
    press(page, _FORM)
    yield "desk_calendar_preview.html", "nothing changes", EMPTY
    page.goto(base)
    yield "desk_calendar_month.html", "published"
    with page.expect_navigation():
        page.locator(
            ".cal > li:not(.past) a", has=page.locator("xpath=../*[contains(@class, 'numbers')]")
        ).first.click()
    yield "desk_calendar_day.html", "with times"
    press(page, "a[href*='/sessions/']")
    yield "desk_calendar_one_day.html", "as in other weeks"
    page.fill("#capacity", "no number")
    press(page, _FORM, unchecked=True)
    yield "desk_calendar_one_day.html", "no number", ERROR
