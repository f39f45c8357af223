"""Pressing what leads to another page: the walk goes on when that page is there, and never between two of them."""

from playwright.sync_api import Page

PRIMARY = ".primary button"
"""The one thing a page is for."""


def press(page: Page, where: str = PRIMARY) -> None:
    """Press the first of what `where` finds and wait for the page it leads to, itself again or another.

    For a form or a link; a button that only changes the page it stands on is clicked.
    """
    with page.expect_navigation():
        page.locator(where).first.click()
