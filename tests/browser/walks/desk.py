"""The desk's accounts: signing in, one's own, looking after others."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.kinds import EMPTY, ERROR
from tests.browser.pressing import press
from tests.browser.walks import Stop
from tests.places import STATION
from tests.staff import PASSWORD

SHOWS = {
    "desk_sign_in.html": "empty error",
    "desk_home.html": "data empty",
    "desk_account.html": "data",
    "desk_password.html": "empty error",
    "desk_authenticator.html": "empty error",
    "desk_staff.html": "data",
    "desk_staff_form.html": "data empty error",
    "desk_first_password.html": "data",
}


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """An administrator's way, with a wrong password first."""
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    add_staff(site, "thu.mau", Role.CLERK, STATION, must_change=True)
    page.goto(f"{site.url}/desk")
    yield "desk_sign_in.html", "empty", EMPTY
    sign_in(page, site, "admin.mau", "not the password")
    yield "desk_sign_in.html", "refused", ERROR
    sign_in(page, site, "admin.mau")
    yield "desk_home.html", "of the whole city"
    page.goto(f"{site.url}/desk/account")
    yield "desk_account.html", "one browser"
    page.goto(f"{site.url}/desk/account/authenticator")
    yield "desk_authenticator.html", "empty", EMPTY
    page.fill("#code", "000")
    page.fill("#old", PASSWORD)
    press(page)
    yield "desk_authenticator.html", "a code that does not fit", ERROR
    page.goto(f"{site.url}/desk/staff")
    yield "desk_staff.html", "two accounts"
    yield from _new_account(page, site)
    page.goto(f"{site.url}/desk")
    press(page, ".desk-head form[action='/desk/sign-out'] button")
    site.run("UPDATE staff SET must_change = false")
    site.run("DELETE FROM staff_scope")
    sign_in(page, site, "thu.mau")
    yield "desk_home.html", "nowhere yet", EMPTY
    page.goto(f"{site.url}/desk/account/password")
    yield "desk_password.html", "a first password", EMPTY
    page.fill("#old", "not it")
    page.fill("#new", "hai ba con cua do")
    press(page)
    yield "desk_password.html", "the present one does not fit", ERROR


def _new_account(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/desk/staff/new")
    yield "desk_staff_form.html", "empty", EMPTY
    page.fill("#username", "Lê Mẫu")
    page.fill("#name", "Lê Thị Mẫu")
    press(page)
    yield "desk_staff_form.html", "no user name", ERROR
    page.fill("#username", "le.mau")
    page.locator(f'label[for="at-{STATION}"]').click()
    press(page)
    yield "desk_first_password.html", "once"
    page.goto(f"{site.url}/desk/staff")
    press(page, "tbody a")
    yield "desk_staff_form.html", "an account there is"
