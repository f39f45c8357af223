"""What is promised of booking for others, counted in a browser: keystrokes, page loads, paper."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.walks.desk_booking import DESK, LONGEST
from tests.places import STATION

pytestmark = pytest.mark.browser

MOST_KEYS, MOST_LOADS = 25, 3
MM = 72 / 25.4


class Counted:
    """A page whose keystrokes and page loads are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.keys, self.loads = page, 0, 0
        page.on("response", self._answered)

    def _answered(self, response: object) -> None:
        request = response.request  # type: ignore[attr-defined]
        if request.is_navigation_request() and response.status not in (302, 303):  # type: ignore[attr-defined]
            self.loads += 1

    def type(self, text: str) -> None:
        """Letter by letter, wherever the focus is: in the one field, once the page has put it there."""
        expect(self.page.locator("input[autofocus]")).to_be_focused()
        self.keys += len(text)
        self.page.keyboard.type(text)

    def press(self, key: str) -> None:
        """One key."""
        self.keys += 1
        self.page.keyboard.press(key)


@pytest.fixture
def wide(browser: Browser) -> Iterator[Page]:
    """A page of a desk's computer."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block", locale="vi-VN")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def clerk(site: Site, wide: Page) -> Page:
    """A clerk at a desk that knows two patients."""
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    sign_in(wide, site, "thu.mau")
    for name, phone in ((LONGEST, "0903 111 222"), ("Nguyễn Thị Hoa Mẫu", "0903 333 444")):
        wide.goto(f"{site.url}{DESK}/patients/new")
        wide.fill("#name", name)
        wide.fill("#birth_year", "1958")
        wide.fill("#phone", phone)
        wide.locator(".primary button").click()
        wide.locator(".booking .primary button").click()
        wide.locator(".sheet-slip").wait_for()
    return wide


@pytest.mark.parametrize(
    ("typed", "then"), [("0903111222", []), ("nguyen", ["ArrowDown"]), ("huyen trang", []), ("3444", [])]
)
def test_a_known_patient_is_booked_in_25_keystrokes_and_3_page_loads(
    site: Site, clerk: Page, typed: str, then: list[str]
) -> None:
    counted = Counted(clerk)
    clerk.goto(f"{site.url}{DESK}/book")
    counted.type(typed)
    counted.press("Enter")
    expect(clerk.locator(".booking")).to_be_visible()
    for key in then:
        counted.press(key)
    counted.press("Enter")
    expect(clerk.locator(".sheet-slip")).to_be_visible()
    assert clerk.locator(".done").count() == 1
    assert counted.keys <= MOST_KEYS
    assert counted.loads <= MOST_LOADS


def test_a_slip_is_one_page_of_its_paper(clerk: Page, tmp_path: Path) -> None:
    slip = clerk.url.partition("?")[0]
    for paper, width, height in (("roll", 80, 190), ("a5", 148, 210)):
        clerk.goto(f"{slip}?paper={paper}")
        printed = tmp_path / f"{paper}.pdf"
        clerk.pdf(path=printed, prefer_css_page_size=True, print_background=True)
        boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", printed.read_bytes())
        assert len(boxes) == 1, paper
        assert [float(side) for side in boxes[0]] == pytest.approx([width * MM, height * MM], abs=1.5)


def test_another_service_day_or_half_day_shows_its_times_at_once(site: Site, clerk: Page) -> None:
    clerk.goto(f"{site.url}{DESK}/book")
    clerk.keyboard.type("0903111222\n")
    first = clerk.locator(".times input").first
    before = first.get_attribute("value")
    with clerk.expect_navigation():
        clerk.select_option("#half", "afternoon")
    assert first.get_attribute("value") != before
    assert clerk.locator(".times .hour").all_inner_texts() == ["13:30"] * clerk.locator(".times .hour").count()
