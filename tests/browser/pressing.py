"""Pressing what leads to another page: the walk goes on when that page is there, and never between two of them."""

from playwright.sync_api import Page

PRIMARY = ".primary button"
"""The one thing a page is for."""


def press(page: Page, where: str = PRIMARY, *, unchecked: bool = False) -> None:
    """Press the first of what `where` finds and wait for the page it leads to, itself again or another.

    For a form or a link; a button that only changes the page it stands on is clicked.

    Args:
        page: Where to press.
        where: A selector.
        unchecked: Whether forms are sent as they are, though their browser would refuse (an older one does not).
    """
    if unchecked:
        page.evaluate("document.querySelectorAll('form').forEach(form => form.noValidate = true)")
    with page.expect_navigation():
        page.locator(where).first.click()
