"""The desk in a browser: accounts made behind the product's back, signing in as a person does."""

from playwright.sync_api import Page

from booking.access.kinds import Role
from booking.db import Database
from tests import staff
from tests.browser.conftest import Site
from tests.browser.pressing import press
from tests.postgres import apart


def add_staff(site: Site, username: str, role: Role, *facilities: str, must_change: bool = False) -> None:
    """An account with the sample password."""

    async def go() -> None:
        database = Database(site.database_url, pool=1)
        try:
            await staff.add(database, username, role, facilities, must_change=must_change)
        finally:
            await database.close()

    apart(go)


def sign_in(page: Page, site: Site, username: str, password: str = staff.PASSWORD) -> None:
    """By user name and password."""
    page.goto(f"{site.url}/desk/sign-in")
    page.fill("#username", username)
    page.fill("#password", password)
    press(page)
