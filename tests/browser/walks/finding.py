"""From the first page to the times, and the pages beside the way."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.walks import Stop
from tests.places import OTHER, SERVICE, STATION

SHOWS = {
    "home.html", "facility.html", "days.html", "times.html", "error.html", "error_code.html", "inbox.html", "docs.html",
}  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """Pages that only need an address."""
    way = f"/f/{STATION}/{SERVICE}"
    for template, case, path in (
        ("home.html", "all", "/"),
        ("home.html", "found", "/?q=12"),
        ("home.html", "nothing found", "/?q=zzz"),
        ("facility.html", "open", f"/f/{STATION}"),
        ("facility.html", "paused", f"/f/{OTHER}"),
        ("days.html", "free days", way),
        ("times.html", "free times", f"{way}/{site.world.far}"),
        ("times.html", "none", f"{way}/2199-01-01"),
        ("error.html", "not found", "/nope"),
        ("error_code.html", "with parts", "/errors/name_refused"),
        ("inbox.html", "empty", "/inbox"),
        ("docs.html", "all", "/api/docs"),
    ):
        page.goto(site.url + path)
        yield template, case
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at")
    page.goto(site.url + way)
    yield "days.html", "nothing free"
