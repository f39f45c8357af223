"""The day sheet on a desk's machine: the server stopped, signed out, of yesterday; and entered from paper by keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from booking.access.kinds import Role
from booking.desk.sheet import keeping
from tests.browser.conftest import Site, _filled
from tests.browser.desk import add_staff, sign_in
from tests.browser.journey import NAME, book
from tests.browser.test_slip import Served
from tests.places import STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

KEPT = "caches.open('desk-sheet').then(async all => (await all.keys()).map(one => new URL(one.url).pathname))"
COPY = f"/desk/{STATION}/sheet/copy"
TODAY = """
    UPDATE {table} SET starts_at = starts_at - {back}, ends_at = ends_at - {back} WHERE day = '{day}'
"""


ASK = f"navigator.serviceWorker.ready.then(one => one.active.postMessage({{ keep: '{STATION}', fresh: true }}))"
UNTIL = """async copies => {
    for (let tries = 0; tries < 400; tries += 1) {
        const kept = await (await caches.open('desk-sheet')).keys();
        if (kept.length === copies) return true;
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    return false;
}"""


def _until_kept(page: Page, copies: int = 1) -> None:
    """In the page, because its policy lets nobody else's polling in."""
    assert page.evaluate(UNTIL, copies)


def _booked_today(site: Site, phone: Phone) -> None:
    """One visit, and its day is this one."""
    book(phone(), site)
    back = f"(DATE '{site.world.far}' - (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date) * interval '1 day'"
    for table in ("slot", "appointment"):
        site.run(TODAY.format(table=table, day=site.world.far, back=back))


def test_with_the_server_stopped_every_page_of_the_desk_is_the_sheet_and_signing_out_takes_it_away(
    database_url: str, phone: Phone
) -> None:
    server = Served(database_url)
    world = _filled(database_url)
    server.start()
    try:
        site = Site(server.url, world, database_url)
        _booked_today(site, phone)
        add_staff(site, "thu.mau", Role.CLERK, STATION)
        stranger, page = phone(workers=True), phone(workers=True)
        stranger.goto(f"{server.url}/desk/sign-in")
        stranger.goto(server.url)
        sign_in(page, site, "thu.mau")
        page.goto(f"{server.url}/desk/{STATION}/sheet")
        expect(page.locator("#kept")).to_be_visible()
        assert page.evaluate(KEPT) == [COPY], "the sheet and no other page"
        page.goto(f"{server.url}/desk/{STATION}/book")
        _until_kept(page)

        server.stop()
        for path in (f"/desk/{STATION}/queue", f"/desk/{STATION}/book", "/desk"):
            page.goto(server.url + path)
            expect(page.locator(".sheet-note")).to_contain_text("Chưa kết nối được máy chủ.")
            expect(page.locator("[data-age]")).to_contain_text("trước")
            expect(page.locator(".sheet-table")).to_contain_text(NAME)
        page.reload()
        assert page.locator(".sheet-table .hour").first.evaluate("e => getComputedStyle(e).fontWeight") == "600"
        assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
        expect(page.locator('[data-do="print"]')).to_be_visible()
        assert stranger.evaluate(KEPT) == [], "who never signed in keeps nothing"

        server.start()
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("[data-back]")).to_be_visible()
        page.keyboard.press("r")
        expect(page.locator(".desk-head")).to_be_visible()
        page.goto(f"{server.url}/desk/{STATION}/sheet")
        _until_kept(page)
        page.locator(".desk-head form button").first.click()
        page.wait_for_url("**/desk/sign-in")
        assert page.evaluate(KEPT) == []
        server.stop()
        page.goto(f"{server.url}/desk/{STATION}/queue")
        expect(page.locator("h1")).to_have_text("Chưa kết nối được máy chủ")
        assert NAME not in page.content()
    finally:
        server.stop()


def test_signing_out_without_a_server_an_ended_session_and_another_day_take_the_sheet_away(
    database_url: str, phone: Phone
) -> None:
    server = Served(database_url)
    world = _filled(database_url)
    server.start()
    try:
        site = Site(server.url, world, database_url)
        add_staff(site, "thu.mau", Role.CLERK, STATION)
        page = phone(workers=True)
        sign_in(page, site, "thu.mau")
        page.goto(f"{server.url}/desk/{STATION}/sheet")
        _until_kept(page)
        site.run("UPDATE staff_session SET ended_at = now()")
        page.evaluate(ASK)
        _until_kept(page, 0)
        sign_in(page, site, "thu.mau")
        page.goto(f"{server.url}/desk/{STATION}/sheet")
        _until_kept(page)
        age = f"""async () => {{
            const sheets = await caches.open('desk-sheet');
            const copy = await sheets.match('{COPY}');
            const headers = new Headers(copy.headers);
            headers.set('Henkham-Keep-Until', '2026-01-01T00:00:00+07:00');
            await sheets.put('{COPY}', new Response(await copy.text(), {{ headers }}));
        }}"""
        server.stop()
        page.evaluate(age)  # now that no answer can bring a newer one
        page.goto(f"{server.url}/desk/{STATION}/queue")
        expect(page.locator("h1")).to_have_text("Chưa kết nối được máy chủ")
        assert page.evaluate(KEPT) == []

        server.start()
        page.goto(f"{server.url}/desk/{STATION}/sheet")
        _until_kept(page)
        server.stop()
        leave = "() => { const f = document.createElement('form'); f.method = 'post'; f.action = '/desk/sign-out';"
        page.evaluate(leave + " document.body.append(f); f.submit(); }")
        expect(page.locator("h1")).to_have_text("Chưa kết nối được máy chủ")
        assert page.evaluate(KEPT) == [], "signing out needs no server to be forgotten"
    finally:
        server.stop()


def test_control_an_answer_that_does_not_say_until_when_is_not_kept(
    site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    page = phone(workers=True)
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}/desk/{STATION}/sheet")
    _until_kept(page)
    monkeypatch.setattr(keeping, "KEEP_UNTIL", "Henkham-Other")
    page.evaluate(ASK)
    _until_kept(page, 0)


def test_a_morning_on_paper_is_entered_by_keys_alone(site: Site, phone: Phone) -> None:
    _booked_today(site, phone)
    add_staff(site, "thu.mau", Role.CLERK, STATION)
    page = phone()
    sign_in(page, site, "thu.mau")
    page.goto(f"{site.url}/desk/{STATION}/sheet")
    page.keyboard.press("e")
    page.wait_for_url("**/sheet/entry?**")
    expect(page.locator("[id^=what-]").first).to_be_focused()
    page.keyboard.press("3")
    page.keyboard.press("Tab")
    page.keyboard.type("000")
    page.keyboard.press("F10")
    page.keyboard.type("Lê Thị Mẫu")
    page.keyboard.press("Enter")
    page.keyboard.type("Trần Văn Mẫu")
    page.keyboard.press("Shift+Enter")
    for typed in ("1961", "", "12", "", "0:00"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("F8")
    expect(page.locator("#summary")).to_contain_text("Chưa có giờ.")
    expect(page.locator(".done")).to_contain_text("Đã nhập 2 người.")
    expect(page.locator(".done")).to_contain_text("Số 12 trên giấy nay là A002")
    expect(page.locator("#name-w1")).to_have_value("Trần Văn Mẫu")
    page.fill("#came-w1", "0 giờ 00")
    with page.expect_navigation():
        page.keyboard.press("F8")
    expect(page.locator(".done")).to_contain_text("Đã nhập 1 người.")
