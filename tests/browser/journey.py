"""The steps of the patient's journey, as a person with a pointer takes them."""

import re

from playwright.sync_api import Page, expect

from booking.db import Database
from tests import signing
from tests.browser.conftest import Site
from tests.places import SERVICE, STATION
from tests.postgres import apart

NAME = "Nguyễn Thị Mẫu"


def choose_time(page: Page, site: Site, *, option: int = 0, sign: bool = True) -> None:
    """From the first page to the form; signing in on the way where nobody is, or stopping there with `sign=False`."""
    page.goto(site.url)
    page.fill("#q", "thang nhi")
    page.locator("form.search button").click()
    page.locator(f'main a[href="/f/{STATION}"]').click()
    page.locator(f'a.card[href="/f/{STATION}/{SERVICE}"]').click()
    page.locator(f'.days a[href$="{site.world.far}"]').click()
    page.locator(".option label").nth(option).click()
    page.locator(".primary button").click()
    page.wait_for_url(re.compile(r"/sign-in\?|/h/"))
    if sign and "/sign-in" in page.url:
        enter_number(page, site)
    if sign:
        expect(page.locator(".who-comes")).to_be_visible()


def enter_number(page: Page, site: Site, phone: str = "0903 123 456") -> None:
    """The number, and the code that was sent to it."""
    page.fill("#phone", phone)
    page.locator(".primary button").click()
    page.locator("#code").wait_for()  # the code is sent only now
    page.fill("#code", code_sent(site, phone))
    page.locator(".primary button").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def fill_in(page: Page, *, name: str = NAME) -> None:
    """Somebody new is coming, and she agrees."""
    if page.locator("#who-new").count() and not page.locator("#who-new").is_checked():
        page.locator('label[for="who-new"]').click()
    page.locator('label[for="relation-parent"]').click()
    page.fill("#name", name)
    page.fill("#birth_year", "1958")
    for box in ("consent_booking", "consent_sms"):
        if not page.locator(f"#{box}").is_checked():
            page.locator(f'label[for="{box}"]').click()


def book(page: Page, site: Site, *, option: int = 0) -> str:
    """The whole way; the ticket's address."""
    choose_time(page, site, option=option)
    fill_in(page)
    page.locator(".primary button").click()
    expect(page.locator(".ticket")).to_be_visible()
    return page.url.split("?")[0]


def sign_in(page: Page, site: Site, phone: str = "0903 123 456", *, after: str = "") -> None:
    """The number, the code that was sent to it, and on to where one came from."""
    page.goto(f"{site.url}/sign-in" + (f"?next={after}" if after else ""))
    enter_number(page, site, phone)


def code_sent(site: Site, phone: str = "0903 123 456") -> str:
    """The digits of the newest message to a number."""

    async def go() -> str:
        database = Database(site.database_url, pool=1)
        try:
            return await signing.code_to(database, phone)
        finally:
            await database.close()

    return apart(go)
