"""axe finds nothing on any page, in both languages, light and dark; and no page was forgotten."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from booking.errors import OutcomeUnknown
from booking.mobile import keeping
from booking.web.pages import FOLDER
from tests.browser.conftest import Site
from tests.browser.journey import book, choose_time, fill_in
from tests.places import OTHER, SERVICE, STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

_PARTS = {"base.html", "parts.html"}


def _click(page: Page) -> None:
    page.locator(".primary button").click()
    page.wait_for_load_state()


def _pages(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Walk through every template, with data, empty and with an error; yields template and case at each."""
    base = f"{site.url}/f/{STATION}/{SERVICE}"
    for template, case, path in (
        ("home.html", "all", "/"), ("home.html", "found", "/?q=12"), ("home.html", "nothing found", "/?q=zzz"),
        ("facility.html", "open", f"/f/{STATION}"), ("facility.html", "paused", f"/f/{OTHER}"),
        ("days.html", "free days", f"/f/{STATION}/{SERVICE}"),
        ("times.html", "free times", f"/f/{STATION}/{SERVICE}/{site.world.far}"),
        ("times.html", "none", f"/f/{STATION}/{SERVICE}/2199-01-01"),
        ("error.html", "not found", "/nope"), ("error_code.html", "with parts", "/errors/name_refused"),
        ("inbox.html", "empty", "/inbox"), ("docs.html", "all", "/api/docs"),
    ):  # fmt: skip
        page.goto(site.url + path)
        yield template, case
    choose_time(page, site)
    yield "details.html", "empty"
    _click(page)
    yield "details.html", "with errors"
    fill_in(page)
    site.run("UPDATE appointment SET expires_at = now() - interval '1 second' WHERE state = 'held'")
    _click(page)
    yield "lapsed.html", "what was typed is kept"
    ticket = book(page, site, option=1)
    yield "ticket.html", "just booked"
    for template, path in (
        ("cancel.html", "/cancel"),
        ("days.html", "/move"),
        ("times.html", f"/move/{site.world.far}"),
    ):
        page.goto(ticket + path)
        yield template, f"of {path}"
    page.goto(f"{ticket}/cancel")
    page.locator("main button").click()
    yield "ticket.html", "cancelled"
    site.run("UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'booked'")
    page.goto(f"{site.url}/inbox")
    yield "inbox.html", "with messages"
    page.goto(f"{base}/{site.world.far}")
    page.locator(".option label").first.click()
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at WHERE id % 3 = 1")
    _click(page)
    yield "error.html", "full, with offers"

    async def lost(*_: object) -> None:
        raise OutcomeUnknown(retry_after=2)

    page.goto(f"{base}/{site.world.far}")
    page.locator(".option label").last.click()
    monkeypatch.setattr(keeping, "_hold", lost)
    _click(page)
    yield "confirming.html", "asks again"
    site.run("UPDATE slot SET reserved = capacity, release_at = starts_at")
    page.goto(base)
    yield "days.html", "nothing free"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_axe_finds_nothing(
    site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch, language: str, scheme: str
) -> None:
    page = phone(language=language, scheme=scheme)
    axe = Axe()
    seen: set[str] = set()
    for template, case in _pages(page, site, monkeypatch):
        assert page.locator("html").get_attribute("lang") == language, case
        found = axe.run(page)
        assert found.violations_count == 0, f"{template}, {case}: {found.generate_report()}"
        assert page.locator("h1").count() == 1, f"{template}, {case}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, f"{template}, {case}: {wide} px wide"
        seen.add(template)
    assert seen == {path.name for path in FOLDER.glob("*.html")} - _PARTS


def test_axe_does_find_what_is_wrong(site: Site, phone: Phone) -> None:
    """The control: a field without a label is found."""
    page = phone()
    page.goto(site.url)
    page.evaluate("document.querySelector('label[for=q]').remove()")
    assert Axe().run(page).violations_count > 0
