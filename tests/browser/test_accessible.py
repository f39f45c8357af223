"""axe finds nothing on any page, in both languages, light and dark; nothing is cut off; and no page was forgotten."""

from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import jinja2
import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from booking.web.pages import FOLDER
from tests.browser.conftest import PHONE, Site
from tests.browser.walks import Walk, all_walks
from tests.markup import faults

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

WALKS = all_walks()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The templates the server renders and their HTML, in their order: what a walk says it stops at is held against it.

    Their HTML is judged where a walk stops, because a browser repairs what is wrong without a word.
    """
    pages: list[tuple[str, str]] = []
    render = jinja2.Template.render

    def noted(template: jinja2.Template, *values: Any, **more: Any) -> str:
        html = render(template, *values, **more)
        pages.append((template.name or "", html))
        return html

    monkeypatch.setattr(jinja2.Template, "render", noted)
    return pages


def _shown(page: Page, rendered: list[tuple[str, str]]) -> tuple[str, str]:
    """Template and HTML of what the page shows: the last of its title, for other pages may be fetched behind it.

    Between two pages a browser has no title yet: then it is asked again.
    """
    page.wait_for_load_state()
    page.wait_for_function("document.title !== ''")
    title = page.title()
    return next(((name, html) for name, html in reversed(rendered) if _title(html) == title), ("another page", ""))


def _title(html: str) -> str:
    return " ".join(unescape(html.partition("<title>")[2].partition("</title>")[0]).split())


def _widths(page: Page) -> Iterator[tuple[str, bool]]:
    """Whether the page fits: as it is, in large type, with text at 200 %, and at 200 % zoom, where 360 px are 180."""
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    yield "360 px", page.evaluate(fits)
    yield "large type", page.evaluate(f"document.documentElement.classList.add('large'), {fits}")
    page.evaluate("document.documentElement.classList.remove('large')")
    yield "text at 200 %", page.evaluate(f"document.documentElement.style.fontSize = '36px', {fits}")
    page.evaluate("document.documentElement.style.fontSize = ''")
    page.set_viewport_size({"width": PHONE["width"] // 2, "height": PHONE["height"] // 2})
    yield "200 %", page.evaluate(fits)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})


_SCRIPT = Axe().axe_script
_COLOURS = ["color-contrast", "link-in-text-block"]
"""axe's rules about colours: a scheme changes custom properties of colour and nothing else."""


def _violations(page: Page) -> dict[str, AxeResults]:
    """What axe finds: in the light scheme by all its rules, in the dark one by those about colours."""
    page.evaluate(_SCRIPT)
    run = "options => axe.run({resultTypes: ['violations'], ...options})"
    page.emulate_media(color_scheme="dark")
    dark = AxeResults(page.evaluate(run, {"runOnly": _COLOURS}))
    page.emulate_media(color_scheme="light")
    return {"dark": dark, "light": AxeResults(page.evaluate(run, {}))}


def _look(page: Page, where: str, language: str) -> None:
    """Everything that must hold on any page."""
    assert page.locator("html").get_attribute("lang") == language, where
    assert page.locator("h1").count() == 1, where
    for scheme, found in _violations(page).items():
        assert found.violations_count == 0, f"{where}, {scheme}: {found.generate_report()}"
    for size, fits in _widths(page):
        assert fits, f"{where}: too wide at {size}"


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.name)
def test_axe_finds_nothing(
    site: Site,
    phone: Phone,
    monkeypatch: pytest.MonkeyPatch,
    rendered: list[tuple[str, str]],
    walk: Walk,
    language: str,
) -> None:
    page = phone(language=language)
    seen: set[str] = set()
    for template, case in walk.go(page, site, monkeypatch):
        where = f"{template}, {case}"
        name, html = _shown(page, rendered)
        assert name == template, f"{where}: this is {name}"
        assert faults(html) == (), where
        _look(page, where, language)
        seen.add(template)
    assert seen == walk.shows


def test_every_template_is_on_a_walk() -> None:
    shown = frozenset[str]().union(*(walk.shows for walk in WALKS))
    assert shown == {path.name for path in FOLDER.glob("*.html") if "{% extends" in path.read_text("utf-8")}


def test_axe_does_find_what_is_wrong(site: Site, phone: Phone) -> None:
    """The control: a field without a label is found."""
    page = phone()
    page.goto(site.url)
    page.evaluate("document.querySelector('label[for=q]').remove()")
    assert _violations(page)["light"].violations_count > 0


def test_what_is_too_wide_and_too_pale_is_found(site: Site, phone: Phone) -> None:
    """The control of widths and of both schemes: a text too pale in the dark only, a line that breaks out at 200 %."""
    page = phone()
    page.goto(site.url)
    page.evaluate(
        "document.querySelector('h1').style.color = 'light-dark(#1b1f1e, #3a4341)', "
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<p class=wide>wide</p>'), "
        "document.querySelector('.wide').style.width = '300px'"
    )
    found = _violations(page)
    assert found["light"].violations_count == 0
    assert found["dark"].violations_count > 0
    assert dict(_widths(page)) == {"360 px": True, "large type": True, "text at 200 %": True, "200 %": False}
