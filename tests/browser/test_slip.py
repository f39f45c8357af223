"""The slip in a real browser: without a server, on paper, and on a phone that is to forget it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from booking.errors import Busy
from booking.mobile import reading
from tests.browser.conftest import Site, _filled, served
from tests.browser.slips import booked
from tests.slips import standing

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

KEPT = "caches.open('slips').then(async slips => (await slips.keys()).map(one => new URL(one.url).pathname))"


class Served:
    """The product on one address, stopped and started again."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._port = 0
        self._running: AbstractContextManager[str] | None = None
        self.url = ""

    def start(self) -> None:
        """On the same port as before."""
        self._running = served(self._database_url, port=self._port)
        self.url = self._running.__enter__()
        self._port = urlsplit(self.url).port or 0

    def stop(self) -> None:
        """Nobody answers there any more."""
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


def kept(page: Page) -> list[str]:
    """The pages this browser keeps, files left out."""
    return sorted(path for path in page.evaluate(KEPT) if not path.startswith("/static/"))


def test_a_slip_that_was_seen_opens_with_the_server_stopped(database_url: str, phone: Phone) -> None:
    server = Served(database_url)
    world = _filled(database_url)
    server.start()
    try:
        site = Site(server.url, world, database_url)
        slip = booked(site)
        page = phone(workers=True)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(slip)
        expect(page.locator("details[data-kept]")).to_be_visible()
        for other in ("/", f"/f/TYT-TN/kham-tong-quat/{world.far}", f"{urlsplit(slip).path}/move", "/nope"):
            page.goto(server.url + other)
        assert kept(page) == ["/saved", urlsplit(slip).path], "no other page is kept"
        page.goto(slip)
        was = page.locator(".day").inner_text()
        site.run(standing("tomorrow"))
        page.goto(slip)
        expect(page.locator(".copy-note")).to_be_hidden()

        server.stop()
        page.reload()
        expect(page.locator(".copy-note")).to_contain_text("Chưa kết nối được: đây là bản lưu trên điện thoại này.")
        expect(page.locator(".clock")).to_have_text("07:30")
        assert page.locator(".day").inner_text() != was, "the copy is of the visit as it was seen last"
        expect(page.locator(".ask")).to_be_hidden()
        expect(page.locator(".change")).to_contain_text("Đổi hoặc hủy hẹn ở đây cần có mạng.")
        assert page.locator(".qr-box svg").bounding_box() is not None
        assert page.locator(".ticket").evaluate("e => getComputedStyle(e).borderTopWidth") == "8px", "styled as ever"
        page.goto(server.url)
        expect(page.locator(".copy-note")).to_contain_text("Chưa kết nối được.")
        page.locator("#saved a").click()
        expect(page.locator(".letters")).to_be_visible()

        server.start()
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator(".copy-note")).to_be_hidden()
        expect(page.locator(".ask")).to_be_visible()
        page.locator('a[href$="/not-coming"]').click()
        page.locator("button.stop").click()
        expect(page.locator(".notice:not(.copy-note)")).to_contain_text("Lịch hẹn này đã hủy.")
        page.wait_for_function(f"({KEPT}).then(kept => !kept.some(path => path.startsWith('/t/')))")

        server.stop()
        page.goto(slip)
        expect(page.locator("#none")).to_be_visible()
        expect(page.locator(".ticket")).to_have_count(0)
        assert not faults
    finally:
        server.stop()


def test_a_copy_whose_day_is_over_is_not_shown(database_url: str, phone: Phone) -> None:
    server = Served(database_url)
    world = _filled(database_url)
    server.start()
    try:
        slip = booked(Site(server.url, world, database_url))
        page = phone(workers=True)
        page.goto(slip)
        expect(page.locator("details[data-kept]")).to_be_visible()
        server.stop()
        page.reload()
        expect(page.locator(".ticket")).to_be_visible()
        age = """async path => {
            const slips = await caches.open('slips');
            const copy = await slips.match(path);
            const headers = new Headers(copy.headers);
            headers.set('Henkham-Keep-Until', '2026-01-01T00:00:00+07:00');
            await slips.put(path, new Response(await copy.text(), { headers }));
        }"""
        page.evaluate(age, urlsplit(slip).path)
        page.reload()
        expect(page.locator("#none")).to_be_visible()
        assert kept(page) == ["/saved"]
    finally:
        server.stop()


def test_a_server_in_trouble_does_not_take_the_slip_away_and_a_link_that_is_revoked_does(
    site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    slip = booked(site)
    page = phone(workers=True)
    page.goto(slip)
    expect(page.locator("details[data-kept]")).to_be_visible()

    async def busy(*_: object) -> None:
        raise Busy(retry_after=2)

    with monkeypatch.context() as patched:
        patched.setattr(reading, "visit", busy)
        page.reload()
        expect(page.locator(".copy-note")).to_be_visible()
        expect(page.locator(".letters")).to_be_visible()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".copy-note")).to_be_hidden()
    site.run("UPDATE appointment SET token_version = 2")
    page.reload()
    expect(page.locator("main")).to_contain_text("Không tìm thấy lịch hẹn này.")
    assert kept(page) == ["/saved"]


def test_the_switch_makes_the_phone_forget_and_keep_nothing(site: Site, phone: Phone) -> None:
    slip = booked(site)
    page = phone(workers=True)
    page.goto(slip)
    page.locator("details[data-kept] summary").click()
    page.locator("details[data-kept] button").click()
    expect(page.locator(".kept")).to_contain_text("Điện thoại này không lưu phiếu.")
    assert page.evaluate("caches.keys()") in ([], ["slips"])
    assert kept(page) == []
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
    page.reload()
    page.goto(site.url)
    assert kept(page) == []
    page.goto(slip)
    page.locator(".kept button").click()
    expect(page.locator("details[data-kept]")).to_be_visible()
    assert kept(page) == ["/saved", urlsplit(slip).path]


def test_a_browser_finds_nothing_that_keeps_it_from_installing_the_site(site: Site, phone: Phone) -> None:
    page = phone(workers=True)
    page.goto(site.url)
    judge = page.context.new_cdp_session(page)
    read = judge.send("Page.getAppManifest")
    assert read["url"] == f"{site.url}/manifest.webmanifest"
    assert read["errors"] == []

    def hindrances() -> set[str]:
        return {found["errorId"] for found in judge.send("Page.getInstallabilityErrors")["installabilityErrors"]}

    own = "in-incognito"  # the browser of a test is a private window
    assert hindrances() <= {own}
    page.evaluate("document.querySelector('link[rel=manifest]').remove()")
    assert hindrances() - {own}, "the control: without a manifest it cannot be installed"


def test_without_scripts_nothing_is_offered_that_needs_them(site: Site, phone: Phone) -> None:
    page = phone(scripts=False)
    page.goto(booked(site))
    expect(page.locator("[data-do], details[data-kept]")).to_have_count(3)
    for hidden in page.locator("[data-do], details[data-kept], .copy-note").all():
        expect(hidden).to_be_hidden()
    with page.expect_download() as download:
        page.locator('a[href$="/visit.ics"]').click()
    assert download.value.suggested_filename.endswith(".ics")


def test_it_prints_on_one_page_also_large_dark_and_with_the_longest_texts(site: Site, phone: Phone) -> None:
    long = "Căn cước công dân hoặc giấy khai sinh, thẻ BHYT, phiếu chuyển cơ sở khám chữa bệnh, kết quả lần trước. " * 2
    site.run(f"UPDATE service SET bring = '{long}', prepare = '{long}', fee_vnd = 150000, payment = 'fee'")
    site.run("UPDATE facility SET name = 'Trạm Y tế Phường Nguyễn An Ninh, điểm khám Thắng Nhì và Thắng Nhất'")
    slip = booked(site)
    for when in ("tomorrow", "soon", "begun"):
        site.run(standing(when))
        page = phone(scheme="dark")
        page.goto(slip)
        page.evaluate("document.documentElement.classList.add('large')")
        paper = "Letter" if when == "soon" else "A4"
        assert page.pdf(format=paper).count(b"/Type /Page\n") == 1, (when, paper)
    site.run("UPDATE service SET bring = repeat(bring, 12)")
    page.reload()
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 1, "the control: pages are counted"
