"""Figures: a manager's before anybody came and after, what did not arrive, suspicions; the city's; the auditor's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests import people
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION

SHOWS = {
    "desk_figures.html": "data empty error", "desk_figures_city.html": "data empty error",
    "desk_figures_lost.html": "data empty error", "desk_suspicions.html": "data empty error",
    "desk_reads.html": "data empty error",
}  # fmt: skip

_TICKETS = """
INSERT INTO queue (facility_id, service_id, day, series, priority_streak, opened_at)
SELECT facility_id, service_id, day, 'A', 0, starts_at FROM session ORDER BY day LIMIT 1;
INSERT INTO queue_ticket (public_id, queue_id, facility_id, day, series, number, state, arrived_at, called_at, calls,
  finished_at, emergency, version)
SELECT gen_random_uuid(), queue.id, facility_id, day, 'A', n, 'done', opened_at + n * interval '9 minutes',
  opened_at + n * interval '31 minutes', 1, opened_at + n * interval '40 minutes', n = 9, 1
FROM queue, generate_series(1, 9) AS n;
UPDATE message SET state = 'undelivered', error_code = 30005, fault = 'phone';
UPDATE appointment SET state = 'noshow' WHERE id = (SELECT max(id) FROM appointment);
INSERT INTO patient_flag (patient_id, kind, facts, created_at)
SELECT id, 'changed_hands', '{"accounts": 4}', now() FROM patient;
"""


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """Three kinds of reader, one after the other."""
    add_staff(site, "manager.mau", Role.MANAGER, STATION)
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    add_staff(site, "auditor.mau", Role.AUDITOR)
    sign_in(page, site, "manager.mau")
    base = f"{site.url}/desk/{STATION}"
    page.goto(f"{base}/figures")
    yield "desk_figures.html", "nothing took place today", EMPTY
    page.goto(f"{base}/figures/undelivered")
    yield "desk_figures_lost.html", "every SMS arrived", EMPTY
    page.goto(f"{base}/suspicions")
    yield "desk_suspicions.html", "nothing was noted", EMPTY
    for number in (1, 2):
        _book(page, site, number)
    for statement in _TICKETS.split(";\n"):
        if statement.strip():
            site.run(statement)
    yield from _manager(page, site, base)
    yield from _city(page, site)
    yield from _auditor(page, site)


def _manager(page: Page, site: Site, base: str) -> Iterator[Stop]:
    days = f"days=own&from={site.world.near}&to={site.world.far}"
    page.goto(f"{base}/figures?{days}")
    page.locator("details.how summary").click()
    yield "desk_figures.html", "several days"
    page.goto(f"{base}/figures?days=own&from={site.world.near}&to={site.world.near}")
    yield "desk_figures.html", "one day"
    page.goto(f"{base}/figures?days=own&from={site.world.far}&to={site.world.near}")
    yield "desk_figures.html", "days in the wrong order", ERROR
    page.goto(f"{base}/figures/undelivered?days=month")
    yield "desk_figures_lost.html", "some did not arrive"
    page.goto(f"{base}/figures/undelivered?days=own&from=x&to=y")
    yield "desk_figures_lost.html", "no days", ERROR
    page.goto(f"{base}/suspicions")
    yield "desk_suspicions.html", "two open"
    press(page, "form[action*='/suspicions/'] button")
    yield "desk_suspicions.html", "nothing chosen", ERROR
    page.locator("select[name=verdict]").first.select_option("family")
    press(page, "form[action*='/suspicions/'] button")
    yield "desk_suspicions.html", "one answered"


def _city(page: Page, site: Site) -> Iterator[Stop]:
    _as(page, site, "admin.mau")
    page.goto(f"{site.url}/desk/figures")
    yield "desk_figures_city.html", "no data yet", EMPTY
    page.goto(f"{site.url}/desk/figures?days=own&from={site.world.near}&to={site.world.far}")
    yield "desk_figures_city.html", "several days"
    page.goto(f"{site.url}/desk/figures?days=own&from=x&to=y")
    yield "desk_figures_city.html", "no days", ERROR


def _auditor(page: Page, site: Site) -> Iterator[Stop]:
    _as(page, site, "auditor.mau")
    page.goto(f"{site.url}/desk/reads?days=own&from=2020-01-01&to=2020-01-02")
    yield "desk_reads.html", "nothing was read", EMPTY
    page.goto(f"{site.url}/desk/reads")
    yield "desk_reads.html", "what was read"
    site.run(
        "INSERT INTO audit_event (at, actor_kind, actor_id, action, object_kind, object_id, result, facts) SELECT"
        " now(), 'staff', (SELECT public_id::text FROM staff WHERE username = 'manager.mau'), 'patient.read',"
        " 'patient',"
        " gen_random_uuid()::text, 'done', '{\"facility\": \"" + STATION + '", "reason": "search"}\''
        " FROM generate_series(1, 6)"
    )
    page.reload()
    yield "desk_reads.html", "something stands out"
    page.goto(f"{site.url}/desk/reads?person=nobody")
    yield "desk_reads.html", "nobody of that name", ERROR


def _as(page: Page, site: Site, username: str) -> None:
    page.goto(f"{site.url}/desk")
    press(page, ".desk-head form[action='/desk/sign-out'] button")
    sign_in(page, site, username)


def _book(page: Page, site: Site, number: int) -> None:
    slot = site.world.slots[site.world.near][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(number)}
    key = {"Idempotency-Key": f"walk-figures-{number}"}
    page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key)
