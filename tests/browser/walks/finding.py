"""From the first page to the times, and the pages beside the way."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.kinds import EMPTY
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import OTHER, SERVICE, STATION

SHOWS = {
    "home.html": "data empty",
    "facility.html": "data empty",
    "days.html": "data empty",
    "times.html": "data empty",
    "error.html": "data",
    "error_code.html": "data",
    "inbox.html": "empty",
    "docs.html": "data",
    "find_results.html": "data empty",
    "find_emergency.html": "data",
    "find_services.html": "data empty",
    "find_service.html": "data empty",
    "find_near.html": "data empty",
    "help.html": "data empty",
}

_WORDS = """INSERT INTO search_word (kind, phrase, target, active) VALUES
    ('emergency', 'co giật', '', true), ('service', 'sốt', 'kham-tong-quat', true),
    ('paper', 'giấy hẹn', 'reexam_slip', true)"""


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """Pages that only need an address, then those with a position, and with nothing free."""
    site.run(_WORDS)
    way = f"/f/{STATION}/{SERVICE}"
    for template, case, path, *kind in (
        ("home.html", "all", "/"),
        ("find_results.html", "a place", "/?q=12"),
        ("find_results.html", "nothing found", "/?q=zzz", EMPTY),
        ("find_results.html", "service, place and paper", "/?q=sốt thang nhi giấy hẹn"),
        ("find_emergency.html", "instead of everything", "/?q=sốt co giật"),
        ("find_services.html", "all", "/s"),
        ("find_service.html", "free", f"/s/{SERVICE}"),
        ("find_near.html", "positions not confirmed", "/near", EMPTY),
        ("help.html", "all", "/help"),
        ("facility.html", "open", f"/f/{STATION}"),
        ("facility.html", "paused", f"/f/{OTHER}"),
        ("days.html", "free days", way),
        ("times.html", "free times", f"{way}/{site.world.far}"),
        ("times.html", "none, with days and the waiting list", f"{way}/{site.world.far + timedelta(days=1)}", EMPTY),
        ("error.html", "not found", "/nope"),
        ("error_code.html", "with parts", "/errors/name_refused"),
        ("inbox.html", "empty", "/inbox", EMPTY),
        ("docs.html", "all", "/api/docs"),
    ):
        page.goto(site.url + path)
        yield template, case, *kind
    site.run("UPDATE facility SET latitude = 10.35, longitude = 107.07 WHERE state = 'open'")
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 10.36, "longitude": 107.08})
    page.goto(f"{site.url}/s/{SERVICE}")
    press(page, "form.near button")
    yield "find_near.html", "the nearest places with a service"
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at")
    for template, case, path in (
        ("days.html", "nothing free", way),
        ("times.html", "full", f"{way}/{site.world.far}"),
        ("find_service.html", "nothing free", f"/s/{SERVICE}"),
    ):
        page.goto(site.url + path)
        yield template, case, EMPTY
    site.run("UPDATE service SET bookable = false")
    site.run("UPDATE facility SET phone = NULL")
    for template, case, path in (
        ("home.html", "no service", "/"),
        ("find_services.html", "none", "/s"),
        ("facility.html", "no service", f"/f/{STATION}"),
        ("help.html", "no telephone", "/help"),
    ):
        page.goto(site.url + path)
        yield template, case, EMPTY
