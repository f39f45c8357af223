"""The place in the line on a telephone: live, without scripts, and when the line is down."""

from collections.abc import Callable
from datetime import time

import pytest
from playwright.sync_api import Page, Route, expect

from booking.queue import commands, service
from tests.browser.conftest import Site
from tests.browser.journey import book
from tests.browser.walks.on_the_day import Desk

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]


def test_the_page_follows_the_line_says_it_aloud_and_finds_its_way_back(
    site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = phone()
    ticket = book(page, site)
    desk = Desk(site, monkeypatch)
    desk.at(time(7, 31))
    desk.walk_in()
    desk.walk_in()
    mine = desk.check_in(ticket.split("/")[-2])
    page.goto(f"{ticket}/today")
    page.evaluate("window.opened = true")  # gone if the page were loaded again
    said = page.locator("#said")
    expect(said).to_have_attribute("role", "status")

    # Due from the start of her time, 07:30: before those who came at 07:31 without booking.
    expect(page.locator(".ahead")).to_have_text("Sắp đến lượt.")
    desk.call()
    expect(page.locator(".turn")).to_contain_text("Mời đến quầy tiếp đón ngay")
    expect(said).to_have_text("Đã đến lượt.")
    assert page.title().startswith("● Đã đến lượt.")
    desk.step(service.skip, commands.Skip, mine)
    expect(said).to_have_text("Số này đã gọi và qua lượt.")
    desk.step(service.put_back, commands.PutBack, mine)
    expect(page.locator(".ahead")).to_have_text("còn 2 người")
    expect(said).to_contain_text("còn 2 người, ")
    assert page.evaluate("window.opened")


def test_when_no_stream_can_be_had_the_page_asks_now_and_then(
    site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = phone()
    ticket = book(page, site)
    desk = Desk(site, monkeypatch)
    desk.at(time(7, 31))
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503, body="")

    page.route("**/live", refuse)
    page.clock.install()
    page.goto(f"{ticket}/today")
    expect(page.locator(".turn.at-expected")).to_be_visible()
    mine = desk.check_in(ticket.split("/")[-2])
    expect(page.locator(".turn")).to_contain_text(mine.label)
    desk.call()
    expect(page.locator(".turn.at-called")).to_be_visible()
    assert len(refused) > 1

    # Nothing reaches us any more: the page says how old it may be, and takes it back when something does.
    page.route("**/today", lambda route: route.abort())
    expect(page.locator("#stale")).to_be_hidden()
    page.clock.fast_forward("02:00")
    expect(page.locator("#stale")).to_be_visible()
    page.unroute("**/today")
    page.clock.fast_forward("02:00")
    expect(page.locator("#stale")).to_be_hidden()


def test_without_scripts_the_page_loads_itself_again(site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    page = phone(scripts=False)
    ticket = book(page, site)
    desk = Desk(site, monkeypatch)
    desk.at(time(7, 31))
    mine = desk.check_in(ticket.split("/")[-2])

    def sooner(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('content="30"', 'content="1"'))

    page.route("**/today", sooner)
    page.goto(f"{ticket}/today")
    expect(page.locator(".turn")).to_contain_text(mine.label)
    expect(page.locator(".turn.at-waiting")).to_be_visible()
    desk.call()
    expect(page.locator(".turn.at-called")).to_be_visible()
