"""axe on a page: its rules about colours, which take most of its time, wherever they could find something new.

They decide by how a text is set and by what is painted behind it: its colour, size and weight, and the backgrounds and
transparencies of what it stands in. `_PAIRINGS` lists these for all that is seen on a page. What axe found no fault
with in one place it finds none with in another, so in `make test` it is asked about colours only where a page shows a
pairing that this process has not had judged; in `make test-all` always.
"""

from typing import Any

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.conftest import FULL

SCRIPT = Axe().axe_script
_COLOURS = ["color-contrast", "link-in-text-block"]
"""axe's rules about colours: a scheme changes custom properties of colour and nothing else."""
_OTHERS = {"rules": {rule: {"enabled": False} for rule in _COLOURS}}
_RUN = """options => axe.run({resultTypes: ["violations"], ...options}).then(({violations}) => ({violations}))"""
_PAIRINGS = """() => {
    const known = new Map(), found = new Set();
    const behind = element => {  // what is painted under its text, from the page upwards, and what was laid over it
        if (element === null) return "";
        if (known.has(element)) return known.get(element);
        const style = getComputedStyle(element);
        const painted = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode]
            .filter((value, at) => value !== ["rgba(0, 0, 0, 0)", "none", "1", "none", "normal"][at]);
        if (!["static", "relative"].includes(style.position) || style.float !== "none")
            painted.push(style.position, element.localName, element.className);
        const said = behind(element.parentElement) + (painted.length ? painted.join(" ") + " / " : "");
        known.set(element, said);
        return said;
    };
    const set = element => {
        const style = getComputedStyle(element);
        return [style.color, style.fontSize, style.fontWeight, style.fontStyle, style.textDecorationLine,
            style.textShadow, style.borderBottomWidth, style.borderBottomStyle].join(" ");
    };
    for (const element of document.querySelectorAll("body, body *")) {
        const field = ["input", "select", "textarea"].includes(element.localName);
        if (!field && ![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
        const link = element.closest("a[href]"), off = element.closest(":disabled, [aria-disabled=true]");
        const around = link ? set(link) + " in " + set(link.parentElement) : "";
        const kind = field ? element.localName : "";
        found.add([kind, off ? "off" : "", set(element), around, behind(element)].join(" | "));
    }
    return [...found];
}"""

_judged: set[str] = set()
"""Pairings in which axe found no fault."""


def pairings(page: Page) -> set[str]:
    """How texts are set and what lies behind them, of all that is seen."""
    return set(page.evaluate(_PAIRINGS))


def run(page: Page, options: dict[str, Any]) -> AxeResults:
    """What axe finds by some rules."""
    return AxeResults(page.evaluate(_RUN, options))


def uncoloured(page: Page) -> AxeResults:
    """What axe finds by its rules about anything but colours."""
    return run(page, _OTHERS)


def coloured(page: Page) -> AxeResults:
    """What axe finds by its rules about colours, in the scheme the page is in."""
    shown = pairings(page)
    if shown <= _judged and not FULL:
        return AxeResults({"violations": []})
    found = run(page, {"runOnly": _COLOURS})
    if found.violations_count == 0:
        _judged.update(shown)
    return found


def light(page: Page) -> AxeResults:
    """What axe finds by all its rules."""
    return AxeResults(
        {"violations": [*uncoloured(page).response["violations"], *coloured(page).response["violations"]]}
    )


def dark(page: Page) -> AxeResults:
    """What axe finds in the dark scheme by its rules about colours."""
    page.emulate_media(color_scheme="dark")
    found = coloured(page)
    page.emulate_media(color_scheme="light")
    return found
