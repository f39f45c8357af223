"""Signing in on a telephone, with scripts and without: a wrong code, an expired one, another one, the right one."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.journey import code_sent

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_wrong_and_expired_codes_and_the_way_in(site: Site, phone: Phone, *, scripts: bool) -> None:
    page = phone(scripts=scripts)
    page.goto(f"{site.url}/me/sessions")
    expect(page).to_have_url(f"{site.url}/sign-in?next=%2Fme%2Fsessions")
    page.fill("#phone", "0903 123 456")
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_visible()
    digits = code_sent(site)
    wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
    page.fill("#code", wrong)
    page.keyboard.press("Enter")
    expect(page.locator("#code-error")).to_contain_text("Mã này không dùng được.")
    expect(page.locator("#summary")).to_be_focused()
    if scripts:
        expect(page.locator(".again .left")).not_to_be_empty()
    else:
        expect(page.locator(".again")).to_contain_text("Lấy mã mới được từ")
    expect(page.locator("#code")).to_have_value("")
    site.run("UPDATE verification_code SET expires_at = now(), created_at = created_at - interval '61 seconds'")
    page.fill("#code", digits)
    page.keyboard.press("Enter")
    expect(page.locator("#code-error")).to_contain_text("Mã này không dùng được.")
    page.get_by_role("button", name="Gửi mã mới").click()
    expect(page.locator(".done")).to_contain_text("Mã mới đã được gửi")
    digits = code_sent(site)
    page.fill("#code", f"{digits[:3]} {digits[3:]}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/me/sessions")
    page.get_by_role("button", name="Đăng xuất trên điện thoại này").click()
    page.goto(f"{site.url}/me/sessions")
    expect(page.locator("#phone")).to_be_visible()
