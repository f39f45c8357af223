"""Whoever comes back to a page that refused a form sees a page: Chromium neither sends the form anew nor gives up."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, expect

from booking.access.kinds import Role
from tests.browser import desk
from tests.browser.conftest import Site
from tests.browser.journey import choose_time, enter_number, fill_in
from tests.browser.pressing import press
from tests.places import STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]


def _refused_number(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in")
    page.fill("#phone", "12")
    press(page, unchecked=True)
    expect(page).to_have_title("Chưa đúng: Đăng nhập bằng số di động · Hẹn Khám")


def test_back_to_a_refused_form_is_the_form(site: Site, phone: Phone) -> None:
    page = phone()
    _refused_number(page, site)
    page.goto(f"{site.url}/help")
    page.go_back()
    expect(page.locator("#phone")).to_be_visible()
    page.reload()
    expect(page.locator("#phone")).to_be_visible()
    page.go_forward()
    expect(page).to_have_url(f"{site.url}/help")


def test_control_without_the_script_there_is_an_error_of_chromium(site: Site, phone: Phone) -> None:
    page = phone()
    page.add_init_script("history.replaceState = () => {}")
    _refused_number(page, site)
    page.goto(f"{site.url}/help")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()


def test_on_the_way_to_a_ticket_every_step_back_is_a_page(site: Site, phone: Phone) -> None:
    """A number that is none, a code that is wrong, a name that is missing; then all right, and all the way back."""
    page = phone()
    choose_time(page, site, sign=False)
    page.fill("#phone", "12")
    press(page, unchecked=True)
    enter_number(page, site)
    press(page, unchecked=True)
    expect(page.locator("#name")).to_be_visible()
    fill_in(page)
    press(page)
    expect(page.locator(".ticket")).to_be_visible()
    for _ in range(6):
        page.go_back()
        expect(page.locator("h1")).to_be_visible()
    for _ in range(6):
        page.go_forward()
        expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".ticket")).to_be_visible()


def test_at_the_desk_too_where_the_form_has_an_address_that_is_no_page(site: Site, phone: Phone) -> None:
    desk.add_staff(site, "thu", Role.CLERK, STATION)
    page = phone()
    desk.sign_in(page, site, "thu", "wrong")
    page.goto(f"{site.url}/help")
    page.go_back()
    expect(page.locator("#username")).to_be_visible()
    desk.sign_in(page, site, "thu")
    page.goto(f"{site.url}/desk/{STATION}/queue")
    page.evaluate("""path => {
        const form = document.createElement("form");
        form.method = "post"; form.action = path;
        document.body.append(form); form.submit();
    }""", f"/desk/{STATION}/queue/scan")  # fmt: skip
    page.wait_for_url(lambda url: not url.endswith("/scan"))
    page.goto(f"{site.url}/help")
    page.go_back()
    expect(page).to_have_url(f"{site.url}/desk/{STATION}/queue")
