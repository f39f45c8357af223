"""Finding a place on a phone: with a position and without scripts; an emergency leads to 115."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.places import OTHER, SERVICE, STATION

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

_WORDS = """INSERT INTO search_word (kind, phrase, target, active) VALUES
    ('emergency', 'co giật', '', true), ('service', 'sốt', 'kham-tong-quat', true)"""
_PLACES = f"""UPDATE facility SET latitude = 10.35, longitude = CASE code WHEN '{STATION}' THEN 107.07 ELSE 107.09 END,
    state = 'open'"""
HERE = {"latitude": 10.3501234, "longitude": 107.0891234}


def test_the_nearest_place_by_a_position_that_is_asked_for_on_a_click_only(site: Site, phone: Phone) -> None:
    site.run(_PLACES)
    page = phone()
    sent: list[str] = []
    asked: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))
    page.add_init_script(
        "const real = navigator.geolocation.getCurrentPosition.bind(navigator.geolocation);"
        "navigator.geolocation.getCurrentPosition = (...all) => { console.log('asked'); real(...all); };"
    )
    page.on("console", lambda said: asked.append(said.text))
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": HERE["latitude"], "longitude": HERE["longitude"]})
    page.goto(site.url)
    expect(page.locator("form.near button")).to_be_visible()
    assert asked == []
    page.locator("form.near button").click()
    page.wait_for_url("**/near")
    assert asked == ["asked"]
    assert [line for line in sent if "10.35" in line] == [f"{site.url}/near latitude=10.350&longitude=107.089"]
    expect(page.locator("main .card").first).to_have_attribute("href", f"/f/{OTHER}")
    expect(page.locator("main .card .far").first).to_contain_text("0,1 km")
    page.go_back()
    expect(page.locator("input[name=latitude]")).to_have_value("")
    page.context.clear_permissions()
    page.locator("form.near button").click()
    page.wait_for_url("**/near")
    expect(page.locator(".notice")).to_contain_text("Chưa nhận được vị trí.")
    page.locator(".wards summary").first.click()
    expect(page.locator(".wards .card").first).to_be_visible()


def test_without_scripts_from_plain_words_to_the_soonest_time(site: Site, phone: Phone) -> None:
    site.run(_WORDS)
    page = phone(scripts=False)
    page.goto(site.url)
    page.fill("#q", "be bi co giat")
    page.locator("form.search button").click()
    expect(page.locator("h1")).to_have_text("Gọi 115 ngay")
    assert page.locator('main a[href^="/f/"], main a[href^="/s/"]').count() == 0
    box = page.locator(".button.call").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 640, "the call is in sight without scrolling"
    page.locator('main a[href="/"]').click()
    page.locator("form.near button").click()
    expect(page.locator("h1")).to_have_text("Gần tôi nhất")
    page.goto(site.url)
    page.fill("#q", "sốt")
    page.locator("form.search button").click()
    page.locator(f'a[href="/s/{SERVICE}"]').click()
    page.locator(".earliest").click()
    expect(page).to_have_url(f"{site.url}/f/{STATION}/{SERVICE}/{site.world.near}")
    expect(page.locator(".option").first).to_be_visible()
    page.goto(site.url)
    page.locator(".wards summary").first.click()
    expect(page.locator(".wards .card").first).to_be_visible()
