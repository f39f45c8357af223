"""A judge of a page's HTML: what a browser forgives and a screen reader does not.

`faults(html)` parses strictly (html5lib) and looks at what any page must hold. Every page the in-process client fetches
goes through it (tests/conftest.py), and every page at which a walk stops (tests/browser/test_accessible.py). A page of
the same shape as one without fault has none (tests/page_shapes.py).
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from xml.etree.ElementTree import Element

import html5lib
from html5lib.constants import E as WORDS

from tests.page_shapes import shape

_NAMED = ("aria-label", "aria-labelledby", "title")
_POINTERS = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "list", "headers")
_UNNAMED_INPUTS = frozenset({"hidden", "submit"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_FAULTLESS: set[bytes] = set()
"""Shapes of pages that were looked at, as hashes."""


def faults(html: str) -> tuple[str, ...]:
    """What is wrong with a whole page; empty when nothing is."""
    made = shape(html)
    if made is None:
        return judge(html)
    mark = blake2b(made.encode()).digest()
    if mark in _FAULTLESS:
        return ()
    found = judge(html)
    if not found:
        _FAULTLESS.add(mark)
    return found


def judge(html: str) -> tuple[str, ...]:
    """The same, whatever was seen before."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root: Element = parser.parse(html)
    wrong = [f"line {line}: {WORDS[code] % facts}" for (line, _), code, facts in parser.errors]
    for rule in (_language_and_title, _ids, _order, _pointers, _fields, _names, _headings, _content_policy):
        wrong += rule(root)
    return tuple(wrong)


def _said(element: Element) -> str:
    """What a reader hears of an element: its texts and the alternatives of its pictures."""
    parts = [*element.itertext(), *(image.get("alt", "") for image in element.iter("img"))]
    return " ".join(" ".join(parts).split())


def _shown(element: Element) -> str:
    """An element in an error message."""
    given = " ".join(f'{name}="{value}"' for name, value in element.attrib.items())
    return f"<{element.tag} {given}>"


def _language_and_title(root: Element) -> Iterator[str]:
    if root.get("lang") not in ("vi", "en"):
        yield "the page does not say its language"
    title = root.find("head/title")
    if title is None or not _said(title):
        yield "the page has no title"


def _ids(root: Element) -> Iterator[str]:
    counted = Counter(element.get("id") for element in root.iter() if "id" in element.attrib)
    yield from (f"{number} elements have the id {name!r}" for name, number in counted.items() if number > 1)


def _order(root: Element) -> Iterator[str]:
    """Keys go through a page in its own order; a number of its own breaks it."""
    for element in root.iter():
        if element.get("tabindex", "0") not in ("0", "-1"):
            yield f"{_shown(element)} jumps the queue"


def _pointers(root: Element) -> Iterator[str]:
    known = {element.get("id") for element in root.iter()}
    for element in root.iter():
        wanted = [name for pointer in _POINTERS for name in (element.get(pointer) or "").split()]
        href = element.get("href") or ""
        if element.tag == "a" and href.startswith("#"):
            wanted.append(href[1:])
        yield from (f"{_shown(element)} points to {name!r}, which is not there" for name in wanted if name not in known)


def _fields(root: Element) -> Iterator[str]:
    labelled = {label.get("for") for label in root.iter("label") if _said(label)}
    inside = {id(field) for label in root.iter("label") if _said(label) for field in label.iter()}
    for tag in ("input", "select", "textarea"):
        for field in root.iter(tag):
            if field.get("type") == "hidden" and field.get("autocomplete") in ("on", "off"):
                yield f"{_shown(field)} is hidden: nothing completes it"
            if field.get("type") in _UNNAMED_INPUTS or field.get("aria-label") or field.get("aria-labelledby"):
                continue
            if id(field) not in inside and ("id" not in field.attrib or field.get("id") not in labelled):
                yield f"{_shown(field)} has no label"
    for group in root.iter("fieldset"):
        if group.find("legend") is None:
            yield f"{_shown(group)} has no legend"


def _names(root: Element) -> Iterator[str]:
    for tag in ("a", "button", "summary", "label", "legend", *_HEADINGS):
        for element in root.iter(tag):
            if not _said(element) and not any(element.get(name) for name in _NAMED):
                yield f"{_shown(element)} says nothing"
    for image in root.iter("img"):
        if "alt" not in image.attrib:
            yield f"{_shown(image)} has no alternative"


def _headings(root: Element) -> Iterator[str]:
    levels = [int(str(element.tag)[1]) for element in root.iter() if element.tag in _HEADINGS]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} headings of the first level"
    reached = 0
    for level in levels:
        # An error summary stands before the page's own heading, one level below it.
        if level > reached + 1 and not (reached == 0 and level == 2):
            yield f"a heading of level {level} after one of level {reached}"
        reached = level


def _content_policy(root: Element) -> Iterator[str]:
    """What our content security policy forbids does nothing, without a word."""
    for element in root.iter():
        if element.tag == "style" or "style" in element.attrib:
            yield f"{_shown(element)} carries style"
        if element.tag == "script" and "src" not in element.attrib:
            yield f"{_shown(element)} carries script"
        yield from (f"{_shown(element)} carries {name}" for name in element.attrib if name.startswith("on"))
