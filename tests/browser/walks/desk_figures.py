"""Figures: a manager's before anybody came and after, what did not arrive, suspicions; the city's; the auditor's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests import people
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import SERVICE, STATION

SHOWS = {
    "desk_figures.html", "desk_figures_city.html", "desk_figures_lost.html", "desk_suspicions.html", "desk_reads.html",
}  # fmt: skip

_TICKETS = """
INSERT INTO queue (facility_id, service_id, day, series, priority_streak, opened_at)
SELECT facility_id, service_id, day, 'A', 0, starts_at FROM session ORDER BY day LIMIT 1;
INSERT INTO queue_ticket (public_id, queue_id, facility_id, day, series, number, state, arrived_at, called_at, calls,
  finished_at, emergency, version)
SELECT gen_random_uuid(), queue.id, facility_id, day, 'A', n, 'done', opened_at + n * interval '9 minutes',
  opened_at + n * interval '31 minutes', 1, opened_at + n * interval '40 minutes', n = 9, 1
FROM queue, generate_series(1, 9) AS n;
UPDATE message SET state = 'undelivered', error_code = 30005;
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
    yield "desk_figures.html", "empty: nothing took place today"
    page.goto(f"{base}/figures/undelivered")
    yield "desk_figures_lost.html", "empty"
    page.goto(f"{base}/suspicions")
    yield "desk_suspicions.html", "empty"
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
    yield "desk_figures.html", "data of several days"
    page.goto(f"{base}/figures?days=own&from={site.world.near}&to={site.world.near}")
    yield "desk_figures.html", "data of one day"
    page.goto(f"{base}/figures?days=own&from={site.world.far}&to={site.world.near}")
    yield "desk_figures.html", "error: days in the wrong order"
    page.goto(f"{base}/figures/undelivered?days=month")
    yield "desk_figures_lost.html", "data"
    page.goto(f"{base}/figures/undelivered?days=own&from=x&to=y")
    yield "desk_figures_lost.html", "error: no days"
    page.goto(f"{base}/suspicions")
    yield "desk_suspicions.html", "data: two open"
    page.locator("form[action*='/suspicions/'] button").first.click()
    page.wait_for_load_state()
    yield "desk_suspicions.html", "error: nothing chosen"
    page.locator("select[name=verdict]").first.select_option("family")
    page.locator("form[action*='/suspicions/'] button").first.click()
    page.wait_for_load_state()
    yield "desk_suspicions.html", "data: one answered"


def _city(page: Page, site: Site) -> Iterator[Stop]:
    _as(page, site, "admin.mau")
    page.goto(f"{site.url}/desk/figures")
    yield "desk_figures_city.html", "empty: no data yet"
    page.goto(f"{site.url}/desk/figures?days=own&from={site.world.near}&to={site.world.far}")
    yield "desk_figures_city.html", "data of several days"
    page.goto(f"{site.url}/desk/figures?days=own&from=x&to=y")
    yield "desk_figures_city.html", "error: no days"


def _auditor(page: Page, site: Site) -> Iterator[Stop]:
    _as(page, site, "auditor.mau")
    page.goto(f"{site.url}/desk/reads?days=own&from=2020-01-01&to=2020-01-02")
    yield "desk_reads.html", "empty"
    page.goto(f"{site.url}/desk/reads")
    yield "desk_reads.html", "data"
    site.run(
        "INSERT INTO audit_event (at, actor_kind, actor_id, action, object_kind, object_id, result, facts) SELECT"
        " now(), 'staff', (SELECT public_id::text FROM staff WHERE username = 'manager.mau'), 'patient.read',"
        " 'patient',"
        " gen_random_uuid()::text, 'done', '{\"facility\": \"" + STATION + '", "reason": "search"}\''
        " FROM generate_series(1, 6)"
    )
    page.reload()
    yield "desk_reads.html", "data: something stands out"
    page.goto(f"{site.url}/desk/reads?person=nobody")
    yield "desk_reads.html", "error: nobody of that name"


def _as(page: Page, site: Site, username: str) -> None:
    page.goto(f"{site.url}/desk")
    page.locator(".desk-head form[action='/desk/sign-out'] button").click()
    sign_in(page, site, username)


def _book(page: Page, site: Site, number: int) -> None:
    slot = site.world.slots[site.world.near][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(number)}
    key = {"Idempotency-Key": f"walk-figures-{number}"}
    page.request.post(f"{site.url}/api/v1/appointments", data=body, headers=key)
