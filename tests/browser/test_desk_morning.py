"""A small morning through the pages alone: a clerk, a doctor, a display and a patient's telephone follow each other."""

import re
from collections.abc import Callable, Iterator
from datetime import time, timedelta

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from booking.access.kinds import Role
from tests.browser.conftest import Site
from tests.browser.desk import add_staff, sign_in
from tests.browser.journey import book
from tests.browser.walks.on_the_day import Desk
from tests.places import STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]
Screen = Callable[..., Page]


@pytest.fixture
def screen(browser: Browser) -> Iterator[Screen]:
    """Opens a page in a window of its own: `screen(1920, 1080)`."""
    opened: list[BrowserContext] = []

    def open_page(width: int, height: int, *, scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="vi-VN", java_script_enabled=scripts,
            service_workers="block",
        )  # fmt: skip
        context.set_default_timeout(20_000)
        opened.append(context)
        return context.new_page()

    yield open_page
    for context in opened:
        context.close()


def _staffed(site: Site) -> None:
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    add_staff(site, "bac-si.mau", Role.DOCTOR, STATION)
    site.run("INSERT INTO room (facility_id, code, name) SELECT id, 'P1', 'Phòng số 1' FROM facility LIMIT 1")


def _display(clerk: Page, site: Site) -> str:
    """Made at the desk; its address."""
    clerk.goto(f"{site.url}/desk/{STATION}/displays")
    clerk.fill("#name", "Phòng chờ 1")
    clerk.locator(".primary button").click()
    address = clerk.locator("td a").get_attribute("href")
    assert address
    return address


def _walk_in(clerk: Page, name: str, number: str) -> None:
    clerk.keyboard.press("F10")
    clerk.keyboard.type(name)
    clerk.fill("#walk-birth_year", "1961")
    clerk.locator("#walk-form button").click()
    expect(clerk.locator("#said")).to_contain_text(number)
    expect(clerk.locator("#scan")).to_be_focused()


def test_desk_doctor_display_and_telephone_follow_each_other(
    site: Site, phone: Phone, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = phone()
    ticket = book(patient, site)
    hands = Desk(site, monkeypatch)
    hands.at(time(7, 40))
    _staffed(site)
    clerk, doctor, display = screen(1280, 900), screen(1280, 900), screen(1920, 1080)
    sign_in(clerk, site, "thu.mau")
    display.goto(_display(clerk, site))
    display.evaluate(
        "document.addEventListener('rung', (e) => (window.rang = [...(window.rang ?? []), e.detail.number]))"
    )
    clerk.goto(f"{site.url}/desk/{STATION}/queue")
    sign_in(doctor, site, "bac-si.mau")
    doctor.goto(f"{site.url}/desk/{STATION}/room/P1")
    patient.goto(f"{ticket}/today")

    # One scan checks in; the field has the focus again.
    expect(clerk.locator("#scan")).to_be_focused()
    clerk.keyboard.type(f"{ticket}\n")
    expect(clerk.locator("#said")).to_have_text("Đã tiếp nhận, số A001.")
    expect(patient.locator(".turn")).to_contain_text("A001")
    expect(doctor.locator("#part-next")).to_contain_text("A001")
    expect(display.locator(".coming")).to_contain_text("A001")
    _walk_in(clerk, "Lê Thị Mẫu", "A002")
    _walk_in(clerk, "Trần Văn Mẫu", "A003")

    # The doctor calls with one key; everybody sees it, and the display rings once.
    doctor.keyboard.press("F2")
    expect(clerk.locator("#section-called")).to_contain_text("A001")
    expect(display.locator(".number")).to_have_text("A001")
    expect(display.locator(".to")).to_have_text("Phòng số 1")
    expect(patient.locator(".turn")).to_contain_text("Phòng số 1")
    doctor.keyboard.press("F7")
    expect(doctor.locator("#part-now article")).to_have_attribute("data-state", "in_room")
    doctor.keyboard.press("F8")
    expect(patient.locator(".turn.at-done")).to_be_visible()
    expect(clerk.locator("#section-called tr")).to_have_count(0)

    # Done too early: taken back, and everybody is where they were.
    doctor.locator("#part-acts button").first.click()
    expect(clerk.locator("#section-called")).to_contain_text("A001")
    expect(doctor.locator("#part-now .big")).to_have_text("A001")

    # Late, in one act.
    clerk.fill("#minutes", "40")
    clerk.locator(".late-form button").click()
    expect(display.locator(".notes")).to_contain_text("40 phút")
    clerk.keyboard.press("Escape")
    clerk.keyboard.press("F2")
    expect(display.locator(".number")).to_have_text("A002")
    expect(display.locator(".last li").first).to_contain_text("A001")
    assert display.evaluate("window.rang") == ["A001", "A002"]


def test_the_display_reads_at_seven_to_one_and_says_how_old_it_is(
    site: Site, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = Desk(site, monkeypatch)
    hands.at(time(7, 40))
    _staffed(site)
    clerk, display = screen(1280, 900), screen(1920, 1080)
    sign_in(clerk, site, "thu.mau")
    address = _display(clerk, site)
    for _ in range(3):
        hands.walk_in()
    hands.call()
    hands.say_late(30)
    for theme in ("light", "dark"):
        display.goto(f"{address}?theme={theme}")
        expect(display.locator(".notes")).to_be_visible()
        display.evaluate(Axe().axe_script)
        run = {"runOnly": ["color-contrast-enhanced"], "resultTypes": ["violations"]}
        found = AxeResults(display.evaluate("options => axe.run(options)", run))
        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
        assert display.evaluate("document.documentElement.scrollHeight <= innerHeight"), theme
        assert display.evaluate(
            "(() => { const n = document.querySelector('.number').getBoundingClientRect(), "
            "c = document.querySelector('.call').getBoundingClientRect(); "
            "return n.left >= c.left && n.right <= c.right })()"
        ), theme

    display.clock.install()
    display.goto(address)
    expect(display.locator("#age")).to_be_hidden()
    display.route("**/live*", lambda route: route.abort())
    display.clock.fast_forward(timedelta(seconds=40).seconds * 1000)
    expect(display.locator("#age")).to_be_visible()
    display.unroute("**/live*")
    display.clock.fast_forward(30_000)
    hands.call()
    expect(display.locator(".number")).to_have_text("A002")
    expect(display.locator("#age")).to_be_hidden()


def test_a_lost_answer_swallows_no_other_act(site: Site, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Desk(site, monkeypatch)
    hands.at(time(7, 40))
    _staffed(site)
    clerk = screen(1280, 900)
    sign_in(clerk, site, "thu.mau")
    for _ in range(3):
        hands.walk_in()
        hands.call()
    clerk.goto(f"{site.url}/desk/{STATION}/queue")
    rows = clerk.locator("#section-called tr")
    expect(rows).to_have_count(3)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    clerk.route("**/step/finish", lose, times=1)
    clerk.locator("#section-called tr[data-key=A001] button", has_text="Khám xong").click()
    expect(clerk.locator("#said")).to_have_class(re.compile("refused"))
    expect(rows).to_have_count(2)  # it was done all the same
    clerk.locator("#section-called tr[data-key=A002] button", has_text="Khám xong").click()
    expect(clerk.locator("#said")).to_contain_text("A002")
    expect(rows).to_have_count(1)

    def give(name: str) -> None:
        clerk.fill("#walk-name", name)
        clerk.locator("#walk-form button").click()

    clerk.route("**/walk-in", lose, times=1)
    give("Lê Thị Mẫu")
    expect(clerk.locator("#said")).to_have_class(re.compile("refused"))
    give("Trần Văn Mẫu")
    expect(clerk.locator("#said")).to_contain_text("A005")
    give("Lê Thị Mẫu")  # the same again, under its old name
    expect(clerk.locator("#said")).to_contain_text("A004")


def test_a_scan_presses_no_button_and_nothing_typed_is_lost(
    site: Site, phone: Phone, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = book(phone(), site)
    hands = Desk(site, monkeypatch)
    hands.at(time(7, 40))
    _staffed(site)
    hands.walk_in()
    clerk = screen(1280, 900)
    sign_in(clerk, site, "thu.mau")
    clerk.goto(f"{site.url}/desk/{STATION}/queue")
    scan, said = clerk.locator("#scan"), clerk.locator("#said")

    # A list of who was meant: the next scan goes into the field; the arrows go into the list.
    expect(scan).to_be_focused()
    clerk.keyboard.type("Mẫu\n")
    check_in = clerk.locator("#found button")
    expect(check_in).to_be_visible()
    expect(scan).to_be_focused()
    clerk.keyboard.press("ArrowDown")
    expect(check_in).to_be_focused()
    clerk.keyboard.type("Không Có Ai Mẫu\n")
    expect(clerk.locator("#walk-name")).to_have_value("Không Có Ai Mẫu")
    expect(clerk.locator("#section-expected tr")).to_have_count(1)  # nobody was checked in

    # A key while somebody is being entered takes neither her name nor the focus.
    clerk.fill("#walk-name", "Lê Thị")
    clerk.keyboard.press("F2")
    expect(said).to_contain_text("A001")
    expect(clerk.locator("#walk-name")).to_be_focused()
    expect(clerk.locator("#walk-name")).to_have_value("Lê Thị")
    calls = clerk.locator("#part-now")
    clerk.keyboard.press("Alt+F4")
    clerk.keyboard.press("Control+F4")
    expect(calls).not_to_contain_text("2 lần")

    # A second scan while the first is on its way: both are answered.
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    clerk.route("**/queue/scan", hold, times=1)
    scan.fill("")
    clerk.keyboard.type(f"{ticket}\n")
    expect(scan).to_have_value("")
    clerk.keyboard.type("Ai Đó Mẫu\n")
    expect(clerk.locator("#found")).to_contain_text("Ai Đó Mẫu")
    clerk.locator("#scan").fill("Phạm")
    waiting[0].continue_()
    expect(said).to_have_text("Đã tiếp nhận, số A002.")
    expect(scan).to_have_value("Phạm")
    expect(clerk.locator("#walk-name")).to_have_value("Lê Thị")


def test_the_desk_works_without_scripts(site: Site, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    Desk(site, monkeypatch).at(time(7, 40))
    _staffed(site)
    clerk = screen(1280, 900, scripts=False)
    sign_in(clerk, site, "thu.mau")
    clerk.goto(f"{site.url}/desk/{STATION}/queue")
    clerk.fill("#scan", "Không Có Ai Mẫu")
    clerk.locator("#scan-form button").first.click()
    expect(clerk.locator("#walk-name")).to_have_value("Không Có Ai Mẫu")
    clerk.locator("#walk-form button").click()
    expect(clerk.locator("#said")).to_have_text("Đã cấp số A001.")
    clerk.locator(".next-box button").click()
    expect(clerk.locator("#said")).to_have_text("Đã gọi số A001.")
    clerk.locator("#part-now button", has_text="Qua lượt").click()
    expect(clerk.locator("#section-aside")).to_contain_text("A001")
    clerk.locator("#section-aside button").click()
    expect(clerk.locator("#part-next")).to_contain_text("A001")
    clerk.locator("#part-acts button").first.click()
    expect(clerk.locator("#section-aside")).to_contain_text("A001")
