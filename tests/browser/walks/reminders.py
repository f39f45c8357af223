"""Reminders or none, from the slip."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.pressing import press
from tests.browser.slips import booked
from tests.browser.walks import Stop

SHOWS = {"reminders.html": "data"}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001
    """Stopped, and taken again."""
    slip = booked(site)
    page.goto(f"{slip}/reminders")
    yield "reminders.html", "stop them?"
    press(page)
    yield "reminders.html", "stopped"
    press(page)
    yield "reminders.html", "taken again"
    site.run("UPDATE patient SET no_sms = true")
    page.reload()
    yield "reminders.html", "nothing goes to any number"
