"""Signing in with everything that can be said on the way, where one is signed in, and "this is not me"."""

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.journey import book, choose_time, code_sent
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop

SHOWS = {
    "sign_in.html": "empty error",
    "sign_in_code.html": "empty error",
    "sign_in_birth.html": "empty error",
    "sign_in_help.html": "data empty",
    "sign_in_new_number.html": "data",
    "sessions.html": "data",
    "not_me.html": "data",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """A place is kept meanwhile; the number is wrong, then right; so is the code."""
    choose_time(page, site, sign=False)
    hold = unquote(page.url.partition("next=")[2])
    yield "sign_in.html", "empty, a place is kept", EMPTY
    page.fill("#phone", "0254 3852 123")
    press(page)
    yield "sign_in.html", "a fixed line", ERROR
    page.fill("#phone", "0903 123 456")
    press(page)
    yield "sign_in_code.html", "empty", EMPTY
    page.fill("#code", "12")
    press(page)
    yield "sign_in_code.html", "not six digits", ERROR
    page.goto(f"{site.url}/sign-in/help?next={hold}")
    yield "sign_in_help.html", "with the facility's telephone"
    page.goto(f"{site.url}/sign-in/help")
    yield "sign_in_help.html", "of nobody's facility", EMPTY
    page.goto(f"{site.url}/sign-in/code?next=/me/sessions")
    page.fill("#code", code_sent(site))
    press(page)
    yield "sessions.html", "this phone only"
    yield from _silent(page, site)
    page.add_init_script("delete Navigator.prototype.serviceWorker")  # it would fetch the slip while we are elsewhere
    ticket = book(page, site, option=1)
    page.goto(f"{ticket}/not-me")
    yield "not_me.html", "asks"
    press(page, "main form button")
    yield "not_me.html", "done"


def _silent(page: Page, site: Site) -> Iterator[Stop]:
    """The number was silent for long, and has a family."""
    site.run(_FAMILY)
    site.run("UPDATE account SET seen_at = now() - interval '400 days'")
    page.context.clear_cookies(name="session")
    page.goto(f"{site.url}/sign-in?next=/me/sessions")
    page.fill("#phone", "0903 123 456")
    press(page)
    page.locator("#code").wait_for()
    page.fill("#code", code_sent(site))
    press(page)
    yield "sign_in_birth.html", "empty", EMPTY
    page.fill("#birth_year", "1901")
    press(page)
    yield "sign_in_birth.html", "nobody was born then", ERROR
    press(page, "section a.button")
    yield "sign_in_new_number.html", "asks"
    press(page, "main form button")
    yield "sessions.html", "begun anew"


_FAMILY = """
WITH made AS (
    INSERT INTO patient (public_id, match_key, name, name_folded, name_sort, birth_year, phone, phone_index,
                         phone_last4_index, created_at)
    SELECT gen_random_uuid(), '\\x01', 'Nguyễn Thị Mẫu', 'nguyen thi mau', 'mau', 1958, phone, phone_index,
           '\\x02', now() FROM account
    RETURNING id
)
INSERT INTO profile (public_id, account_id, patient_id, relation, as_child, created_at)
SELECT gen_random_uuid(), account.id, made.id, 'self', false, now() FROM account, made
"""
