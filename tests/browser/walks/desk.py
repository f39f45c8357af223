"""The desk's accounts: signing in, one's own, looking after others."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks import Stop
from tests.places import STATION

SHOWS = {
    "desk_sign_in.html", "desk_home.html", "desk_account.html", "desk_password.html", "desk_authenticator.html",
    "desk_staff.html", "desk_staff_form.html", "desk_first_password.html",
}  # fmt: skip


def walk(page: Page, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stop]:  # noqa: ARG001  what walks take
    """An administrator's way, with a wrong password first."""
    add_staff(site, "admin.mau", Role.CITY_ADMIN)
    add_staff(site, "thu.mau", Role.CLERK, STATION, must_change=True)
    page.goto(f"{site.url}/desk")
    yield "desk_sign_in.html", "empty"
    sign_in(page, site, "admin.mau", "not the password")
    yield "desk_sign_in.html", "refused"
    sign_in(page, site, "admin.mau")
    yield "desk_home.html", "of the whole city"
    page.goto(f"{site.url}/desk/account")
    yield "desk_account.html", "one browser"
    page.goto(f"{site.url}/desk/account/authenticator")
    yield "desk_authenticator.html", "empty"
    page.fill("#code", "000")
    _go_on(page)
    yield "desk_authenticator.html", "a code that does not fit"
    page.goto(f"{site.url}/desk/staff")
    yield "desk_staff.html", "two accounts"
    yield from _new_account(page, site)
    page.goto(f"{site.url}/desk")
    page.locator(".desk-head form[action='/desk/sign-out'] button").click()
    sign_in(page, site, "thu.mau")
    yield "desk_password.html", "a first password"
    page.fill("#old", "not it")
    page.fill("#new", "hai ba con cua do")
    _go_on(page)
    yield "desk_password.html", "the present one does not fit"


def _new_account(page: Page, site: Site) -> Iterator[Stop]:
    page.goto(f"{site.url}/desk/staff/new")
    yield "desk_staff_form.html", "empty"
    page.fill("#username", "Lê Mẫu")
    page.fill("#name", "Lê Thị Mẫu")
    _go_on(page)
    yield "desk_staff_form.html", "no user name"
    page.fill("#username", "le.mau")
    page.locator(f'label[for="at-{STATION}"]').click()
    _go_on(page)
    yield "desk_first_password.html", "once"
    page.goto(f"{site.url}/desk/staff")
    page.locator("tbody a").first.click()
    yield "desk_staff_form.html", "an account there is"


def _go_on(page: Page) -> None:
    page.locator(".primary button").click()
    page.wait_for_load_state()
