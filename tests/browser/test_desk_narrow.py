"""The queue on a telephone, where an act and what is said of it lie a screen apart: it is seen, and covers no field."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.places import STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

SEEN = """selector => {
    const box = document.querySelector(selector).getBoundingClientRect();
    const at = document.elementFromPoint(box.x + 8, box.y + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && Boolean(at?.closest(selector));
}"""
"""Whether something is on the screen as a whole, and nothing lies over it."""


@pytest.fixture
def clerk(site: Site, phone: Phone) -> Page:
    add_staff(site, "thu", Role.CLERK, STATION)
    page = phone()
    sign_in(page, site, "thu")
    page.goto(f"{site.url}/desk/{STATION}/queue")
    page.evaluate("document.querySelectorAll('form').forEach(form => form.noValidate = true)")
    return page


def _late(clerk: Page, minutes: str) -> None:
    clerk.fill("#minutes", minutes)
    clerk.locator(".late-form button").click()


@pytest.mark.parametrize(("minutes", "said"), [("20", "Đã báo"), ("999", "")], ids=["done", "refused"])
def test_what_came_of_an_act_is_seen_where_it_was_done(clerk: Page, minutes: str, said: str) -> None:
    _late(clerk, minutes)
    expect(clerk.locator("#said")).not_to_have_class("said empty")
    expect(clerk.locator("#said")).to_contain_text(said)
    assert clerk.evaluate("scrollY") > 0
    assert clerk.evaluate(SEEN, "#said")
    assert clerk.evaluate(SEEN, "#minutes")


def test_control_where_it_stays_at_the_top_nobody_sees_it(clerk: Page) -> None:
    clerk.evaluate("document.getElementById('said').style.position = 'static'")
    _late(clerk, "999")
    expect(clerk.locator("#said")).to_have_class("said refused")
    assert not clerk.evaluate(SEEN, "#said")


def test_the_field_in_error_has_the_focus_and_is_seen_with_what_is_wrong(clerk: Page) -> None:
    clerk.fill("#walk-name", "Nguyễn Văn Mẫu")
    clerk.fill("#walk-birth_year", "1890")
    clerk.locator("#walk-form button").click()
    expect(clerk.locator("#walk-birth_year")).to_be_focused()
    expect(clerk.locator("#said")).to_have_class("said refused")
    for selector in ("#said", "label[for=walk-birth_year]", "#walk-birth_year-error", "#walk-birth_year"):
        assert clerk.evaluate(SEEN, selector), selector
