"""Book, move and cancel on a phone: with and without scripts, and by keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.journey import NAME, book, choose_time, code_sent, fill_in
from tests.conftest import FULL
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]
_MOST_TABS = 80
_SCRIPTS = [False, True] if FULL else [True]
"""Ways that are gone without scripts in `make test-all`: in `make test` test_without_scripts goes them, whole."""


def in_width(page: Page) -> bool:
    """Whether nothing is wider than the screen."""
    fits: bool = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return fits


@pytest.mark.parametrize("scripts", [False, True], ids=["without scripts", "with scripts"])
def test_book_move_and_cancel(site: Site, phone: Phone, *, scripts: bool) -> None:
    page = phone(scripts=scripts)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
    ticket = book(page, site)
    expect(page.locator(".clock")).to_have_text("07:30")
    expect(page.locator(".ticket")).to_contain_text(NAME)
    assert in_width(page)
    page.locator('a[href$="/move"]').click()
    page.locator(f'.days a[href$="{site.world.near}"]').click()
    page.locator(".option label").nth(2).click()
    page.locator(".primary button").click()
    expect(page.locator(".clock")).to_have_text("13:30")
    page.go_back()
    page.go_forward()
    expect(page.locator(".clock")).to_have_text("13:30")
    page.locator('a[href$="/cancel"]').click()
    expect(page.locator("h1")).to_contain_text("Hủy lịch hẹn 13:30")
    page.locator("main button").click()
    assert page.url == ticket
    expect(page.locator(".notice:not(.copy-note)")).to_contain_text("Lịch hẹn này đã hủy.")
    assert not faults


_FOCUS = """() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return "";
    const shown = focused.matches(".option input") ? focused.nextElementSibling : focused;
    const style = getComputedStyle(shown);
    const name = focused.outerHTML.slice(0, 120);
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `not to be seen: ${name}`;
    const box = shown.getClientRects()[0];
    const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return there && (shown.contains(there) || there.contains(shown)) ? "" : `covered or out of sight: ${name}`;
}"""
"""What is wrong with the focus: it must be outlined, on the screen, and nothing may lie over it."""


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(_MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(_FOCUS) == ""
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
    raise AssertionError(f"not reached by Tab: {selector}")


@pytest.mark.parametrize("scripts", _SCRIPTS, ids=lambda given: "with scripts" if given else "without scripts")
def test_the_whole_way_by_keyboard_alone(site: Site, phone: Phone, *, scripts: bool) -> None:
    page = phone(scripts=scripts)
    page.goto(site.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    _tab_to(page, "#q")
    page.keyboard.type("thang nhi")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/?q=thang+nhi")
    for href in (f"/f/{STATION}", f"/f/{STATION}/{SERVICE}", f"/f/{STATION}/{SERVICE}/{site.world.far}"):
        _tab_to(page, f'main .card[href="{href}"], main .days a[href="{href}"]')
        page.keyboard.press("Enter")
        expect(page).to_have_url(site.url + href)
    _tab_to(page, 'input[name="slot"]')
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    _tab_to(page, ".primary button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in?next=*")
    _tab_to(page, "#phone")
    page.keyboard.type("0903123456")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code*")
    _tab_to(page, "#code")
    page.keyboard.type(code_sent(site))
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_visible()
    for selector, typed in (("#name", NAME), ("#birth_year", "58")):
        _tab_to(page, selector)
        page.keyboard.type(typed)
    _tab_to(page, "#consent_booking")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#birth_year")).to_be_focused()
    assert page.locator("#name").input_value() == NAME
    page.keyboard.press("Control+A")
    page.keyboard.type("1958")
    _tab_to(page, "#consent_booking")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".clock")).to_have_text("08:00")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (":focus-visible { outline: none !important; }", "not to be seen"),
        ("header { position: fixed; inset: 0; z-index: 9; background: #fff; }", "covered"),
    ],
)
def test_a_focus_that_nobody_sees_is_found(site: Site, phone: Phone, spoil: str, said: str) -> None:
    """The control of the walk by keyboard: the same judge, on a page whose style was spoilt."""
    page = phone()
    page.goto(site.url)
    page.locator("#q").focus()
    assert page.evaluate(_FOCUS) == ""
    page.evaluate(
        "rules => { const sheet = new CSSStyleSheet(); sheet.replaceSync(rules);"
        " document.adoptedStyleSheets = [sheet]; }", spoil
    )  # fmt: skip
    assert said in page.evaluate(_FOCUS)


def test_two_tabs_and_the_back_button_book_once(site: Site, phone: Phone) -> None:
    page = phone()
    choose_time(page, site)
    other = page.context.new_page()
    other.goto(page.url)
    for tab in (page, other):
        fill_in(tab)
    page.locator(".primary button").click()
    expect(page.locator(".ticket")).to_be_visible()
    other.locator(".primary button").click()
    expect(other.locator(".ticket")).to_be_visible()
    assert page.url.split("?")[0] == other.url.split("?")[0]
    page.go_back()
    expect(page.locator(".ticket, .primary")).to_have_count(1)
    page.reload()
    expect(page.locator(".ticket")).to_be_visible()


@pytest.mark.parametrize("scripts", [False, True], ids=["without scripts", "with scripts"])
def test_a_time_that_filled_up_while_typing_keeps_what_was_typed(site: Site, phone: Phone, *, scripts: bool) -> None:
    page = phone(scripts=scripts)
    choose_time(page, site)
    fill_in(page)
    page.fill("#birth_year", "58")
    site.run("UPDATE appointment SET expires_at = now() - interval '1 second' WHERE state = 'held'")
    site.run(
        f"UPDATE slot SET reserved = capacity, release_at = starts_at WHERE id = {site.world.slots[site.world.far][0]}"
    )
    page.locator(".primary button").click()
    expect(page.locator("#summary")).to_be_visible()
    assert page.locator("#name").input_value() == NAME
    assert not page.locator("#consent_booking").is_checked()
    page.fill("#birth_year", "1958")
    page.locator('label[for="consent_booking"]').click()
    page.locator(".primary button").click()
    expect(page.locator(".summary")).to_contain_text("Khung giờ này vừa hết chỗ.")
    page.locator(".option label").nth(0).click()
    page.locator(".primary button").click()
    expect(page.locator("#who-0")).to_be_checked()
    expect(page.locator(".options")).to_contain_text([NAME])
    page.locator(".primary button").click()
    expect(page.locator(".clock")).to_have_text("08:00")


@pytest.mark.parametrize("scripts", _SCRIPTS, ids=lambda given: "with scripts" if given else "without scripts")
def test_a_family_is_booked_in_one_go(site: Site, phone: Phone, *, scripts: bool) -> None:
    page = phone(scripts=scripts)
    book(page, site)
    site.run(
        "UPDATE appointment SET state = 'cancelled', cancelled_at = now() - interval '1 day', cancelled_by = 'patient'"
    )
    site.run("UPDATE slot SET taken = 0, free_places = array(SELECT generate_series(1, capacity))")
    site.run("UPDATE message SET kind = 'cancelled' WHERE kind = 'booked'")
    choose_time(page, site)
    expect(page.locator("#name")).to_be_hidden()
    fill_in(page, name="Nguyễn Văn Mẫu")
    expect(page.locator("#who-0")).to_be_checked()  # of one person it is clear
    page.locator(".primary button").click()
    expect(page.locator(".seats > li")).to_have_count(2)
    assert in_width(page)
    page.go_back()
    page.go_forward()
    page.locator(".primary button").dblclick()
    expect(page.locator(".done")).to_contain_text("Đã đặt lịch cho 2 người.")
    expect(page.locator(".slip-card")).to_have_count(2)
    assert in_width(page)
    page.go_back()
    page.reload()
    expect(page.locator(".slip-card")).to_have_count(2)


def test_the_count_down_says_when_the_time_is_up(site: Site, phone: Phone) -> None:
    page = phone()
    choose_time(page, site)
    expect(page.locator(".held .left")).to_have_text(re.compile(r"[45]:\d\d"))
    page.clock.install()
    page.reload()
    page.clock.fast_forward("04:10")
    expect(page.locator(".held [role=status]")).to_have_text("Chỗ này còn được giữ một phút.")
    page.clock.fast_forward("01:01")
    expect(page.locator(".held [role=status]")).to_have_text(re.compile("những gì đã nhập vẫn còn"))


def test_the_language_is_chosen_by_the_person_and_the_way_goes_on(site: Site, phone: Phone) -> None:
    page = phone(scripts=False)
    choose_time(page, site)
    here = page.url
    page.locator('button[lang="en"]').click()
    assert page.url == here
    expect(page.locator("h1")).to_have_text("Who is coming?")
    assert page.locator("html").get_attribute("lang") == "en"


def test_at_twice_the_size_nothing_is_cut_off(site: Site, phone: Phone) -> None:
    """200 % zoom on a phone of 360 px is a page of 180 px."""
    page = phone()
    ticket = book(page, site)
    page.set_viewport_size({"width": 180, "height": 320})
    base = f"{site.url}/f/{STATION}"
    for address in (site.url, base, f"{base}/{SERVICE}", f"{base}/{SERVICE}/{site.world.far}", ticket,
                    f"{ticket}/cancel", f"{ticket}/move"):  # fmt: skip
        page.goto(address)
        assert in_width(page), address
