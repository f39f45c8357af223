"""axe finds nothing on any page, in both languages, light and dark; nothing is cut off; and no page was forgotten.

Vietnamese is looked at with everything: its words are the longer ones, and its colours are those of both. English has
axe's other rules and the width of a telephone: in `make test` on the way to a ticket alone, for what axe finds is in
the templates, which are those of both; in `make test-all` on every page of every walk.

A walk that stops at one template several times in one kind has it under axe at the first of them in `make test`, and at
every one in `make test-all`; its template, its HTML and whether it says an error are held against the walk each time.
"""

from collections.abc import Callable
from html import unescape
from typing import Any

import jinja2
import pytest
from playwright.sync_api import Page

from tests.browser import kinds, looking
from tests.browser.conftest import PHONE, Site
from tests.browser.kinds import ERROR
from tests.browser.walks import Walk, all_walks, kind_of
from tests.conftest import FULL
from tests.markup import faults

pytestmark = pytest.mark.browser
Phone = Callable[..., Page]

WALKS = all_walks()
_IN_ENGLISH = [walk for walk in WALKS if FULL or walk.name == "booking"]
_TAKEN = [(walk, "vi") for walk in WALKS] + [(walk, "en") for walk in _IN_ENGLISH]


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
    title = page.title()
    if not title:
        page.wait_for_function("document.title !== ''")
        title = page.title()
    return next(((name, html) for name, html in reversed(rendered) if _title(html) == title), ("another page", ""))


def _title(html: str) -> str:
    return " ".join(unescape(html.partition("<title>")[2].partition("</title>")[0]).split())


_FITS = "document.documentElement.scrollWidth <= window.innerWidth"
_WIDTHS = """() => {
    const root = document.documentElement, fits = () => root.scrollWidth <= window.innerWidth;
    const found = {"360 px": fits()};
    root.classList.add("large");
    found["large type"] = fits();
    root.classList.remove("large");
    root.style.fontSize = "36px";
    found["text at 200 %"] = fits();
    root.style.fontSize = "";
    return found;
}"""


def _widths(page: Page) -> dict[str, bool]:
    """Whether the page fits: as it is, in large type, with text at 200 %, and at 200 % zoom, where 360 px are 180."""
    found: dict[str, bool] = page.evaluate(_WIDTHS)
    page.set_viewport_size({"width": PHONE["width"] // 2, "height": PHONE["height"] // 2})
    found["200 %"] = page.evaluate(_FITS)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    return found


def _width(page: Page) -> dict[str, bool]:
    """Whether the page fits as it is."""
    return {"360 px": page.evaluate(_FITS)}


_LOOKS = {"light": looking.light, "dark": looking.dark}
_LOOKS_AGAIN = {"in another language": looking.uncoloured}


def _look(page: Page, where: str, language: str) -> None:
    """Everything that must hold on any page."""
    said = page.evaluate("[document.documentElement.lang, document.querySelectorAll('h1').length]")
    assert said == [language, 1], where
    looks, widths = (_LOOKS, _widths) if language == "vi" else (_LOOKS_AGAIN, _width)
    for name, violations in looks.items():
        found = violations(page)
        assert found.violations_count == 0, f"{where}, {name}: {found.generate_report()}"
    for size, fits in widths(page).items():
        assert fits, f"{where}: too wide at {size}"


@pytest.mark.parametrize(("walk", "language"), _TAKEN, ids=[f"{walk.name}-{language}" for walk, language in _TAKEN])
def test_axe_finds_nothing(
    site: Site,
    phone: Phone,
    monkeypatch: pytest.MonkeyPatch,
    rendered: list[tuple[str, str]],
    walk: Walk,
    language: str,
) -> None:
    page = phone(language=language)
    page.context.add_init_script(looking.SCRIPT)
    seen: set[tuple[str, str]] = set()
    for stop in walk.go(page, site, monkeypatch):
        template, case = stop[:2]
        where = f"{template}, {case}"
        name, html = _shown(page, rendered)
        assert name == template, f"{where}: this is {name}"
        assert faults(html) == (), where
        if FULL or (template, kind_of(stop)) not in seen:
            _look(page, where, language)
        assert kinds.says_error(page) == (kind_of(stop) == ERROR), f"{where}: an error is said, or is not"
        seen.add((template, kind_of(stop)))
    assert seen == walk.shows


def test_axe_does_find_what_is_wrong(site: Site, phone: Phone) -> None:
    """The control: a field without a label is found."""
    page = phone()
    page.context.add_init_script(looking.SCRIPT)
    page.goto(site.url)
    page.evaluate("document.querySelector('label[for=q]').remove()")
    assert looking.light(page).violations_count > 0
    assert looking.uncoloured(page).violations_count > 0


def test_what_is_too_wide_and_too_pale_is_found(site: Site, phone: Phone) -> None:
    """The control of widths and of both schemes: a text too pale in the dark only, a line that breaks out at 200 %.

    The page was looked at before, so its other colours are known: one that is not is looked at all the same.
    """
    page = phone()
    page.context.add_init_script(looking.SCRIPT)
    page.goto(site.url)
    assert looking.light(page).violations_count == 0
    assert looking.dark(page).violations_count == 0
    page.evaluate(
        "document.querySelector('h1').style.color = 'light-dark(#1b1f1e, #3a4341)', "
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<p class=wide>wide</p>'), "
        "document.querySelector('.wide').style.width = '300px'"
    )
    assert looking.light(page).violations_count == 0
    assert looking.dark(page).violations_count > 0
    assert looking.dark(page).violations_count > 0  # what was found once is not taken for known
    assert _widths(page) == {"360 px": True, "large type": True, "text at 200 %": True, "200 %": False}


_PALER = (
    "document.querySelector('main p, main a').style.color = '#8a8f8e'",
    "document.querySelector('main').style.opacity = '0.4'",
    "document.querySelector('main').style.backgroundColor = '#5a6665'",
)
_OTHER = (
    "document.querySelector('main a').style.color = '#2a3130'",
    "document.querySelector('main a').style.textDecoration = 'line-through'",
    "document.querySelector('main a').parentElement.style.color = '#2a3130'",
    "document.querySelector('h1').style.fontSize = '12px'",
    "document.querySelector('main').style.position = 'fixed'",
)


def test_colours_that_changed_on_a_page_looked_at_before_are_found(site: Site, phone: Phone) -> None:
    """The control of what is not asked again: of a text, of what it stands in, of what lies behind it."""
    page = phone()
    page.context.add_init_script(looking.SCRIPT)
    for change in _PALER:
        page.goto(site.url)
        assert looking.light(page).violations_count == 0
        page.evaluate(change)
        assert looking.coloured(page).violations_count > 0, change
    page.goto(site.url)
    known = looking.pairings(page)
    for change in _OTHER:
        page.goto(site.url)
        assert looking.pairings(page) == known
        page.evaluate(change)
        assert not looking.pairings(page) <= known, change
