"""Messages at the desk: the list, one of them, sending once more, the call list, whether texts go."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.appointments.calling import service
from booking.appointments.closing.errors import NotAsked
from booking.db import Database
from tests import slip_texts
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.slips import booked
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION
from tests.postgres import apart

SHOWS = {
    "desk_messages.html": "data empty error",
    "desk_message.html": "data error",
    "desk_messages_calls.html": "data empty error",
    "desk_messages_channel.html": "data",
}

_MORE = """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language, phone,
        phone_index, facts, state, reason, error_code, segments, due_at, useful_until, attempts, sends, created_at,
        changed_at, posted_at)
    SELECT gen_random_uuid(), 'appointment', subject_id, kind, n + 1, 0, lane, facility_id, language, phone,
        phone_index, facts, (ARRAY['delivered', 'sent', 'undelivered', 'superseded', 'due'])[1 + n % 5]::message_state,
        NULL, CASE WHEN n % 5 = 2 THEN 30005 END, CASE WHEN n % 5 < 3 THEN 1 END, due_at - n * interval '5 hours',
        useful_until, 1, 1, created_at - n * interval '5 hours', changed_at, posted_at
    FROM message, generate_series(1, 110) n WHERE kind = 'booked'
"""
_HELD = """
    INSERT INTO sms_channel (provider, empty_at, hour_at, hour_posts, hour_usual, day_at, day_posts, held_at, held_code)
    VALUES ('console', now(), date_trunc('hour', now()), 4120, 0, now(), 20000, now(), 21606)
"""


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:
    """A clerk's way, then an administrator's."""
    add_staff(site, "clerk.mau", Role.CLERK, STATION)
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    sign_in(page, site, "clerk.mau")
    base = f"{site.url}/desk/{STATION}/messages"
    page.goto(base)
    yield "desk_messages.html", "none yet", EMPTY
    page.goto(f"{base}/calls")
    yield "desk_messages_calls.html", "nobody", EMPTY
    booked(site)
    site.run("UPDATE message SET state = 'delivered', posted_at = now(), segments = 1")
    site.run(_MORE)
    page.goto(f"{base}?days=week")
    yield "desk_messages.html", "a week, with a chart"
    page.fill("#find", "ngu")
    press(page, ".sms-filter button")
    yield "desk_messages.html", "neither a code nor a number", ERROR
    page.goto(f"{base}?state=arrived&days=week")
    page.locator(".sms-list a").first.click()
    page.wait_for_url("**/messages/*-*")
    yield "desk_message.html", "one that arrived"
    page.fill("#why", " ")
    press(page)
    yield "desk_message.html", "no reason given", ERROR
    yield from _calls(page, site, monkeypatch, base)
    yield from _channel(page, site, base)


def _calls(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch, base: str) -> Iterator[Stop]:
    site.run("UPDATE message SET state = 'undelivered', error_code = 30005, fault = 'phone'")
    page.goto(f"{base}/calls")
    yield "desk_messages_calls.html", "one to be called"
    with monkeypatch.context() as patch:
        patch.setattr(service, "note_call", _over)
        press(page, "button[value=no_answer]")
    yield "desk_messages_calls.html", "the visit is off by now", ERROR
    press(page, "button[value=will_come]")
    yield "desk_messages_calls.html", "called"
    _invited(site)
    page.goto(f"{base}/calls")
    yield "desk_messages_calls.html", "one who was invited to a re-examination"


def _channel(page: Page, site: Site, base: str) -> Iterator[Stop]:
    page.goto(f"{base}/channel")
    yield "desk_messages_channel.html", "texts go"
    site.run(_HELD)
    page.goto(f"{base}/channel")
    yield "desk_messages_channel.html", "held"
    page.goto(base)
    yield "desk_messages.html", "held"
    for values in ("hour_usual = 1000", "hour_posts = 0"):
        site.run(f"UPDATE sms_channel SET held_at = NULL, {values}")
        page.goto(f"{base}/channel")
        yield "desk_messages_channel.html", values
    press(page, ".desk-head form[action='/desk/sign-out'] button")
    sign_in(page, site, "admin.mau")
    page.goto(f"{base}/channel")
    yield "desk_messages_channel.html", "an administrator may let them go on"
    press(page)
    yield "desk_messages_channel.html", "they go on"
    page.goto(base)
    yield "desk_messages.html", "without names"


def _invited(site: Site) -> None:
    """Somebody was told of her slip, and the SMS was lost."""

    async def go() -> None:
        database = Database(site.database_url, pool=1)
        await slip_texts.person(database, 7)
        await slip_texts.take(database, slip_texts.slip(facility=STATION, service=SERVICE))
        await slip_texts.told(database)
        await database.close()

    apart(go)
    lost = "UPDATE message SET state = 'undelivered', error_code = 30003, fault = 'passing'"
    site.run(f"{lost} WHERE subject_kind = 'invitation'")


async def _over(*_: object, **__: object) -> None:
    raise NotAsked
