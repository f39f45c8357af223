"""Walks: one file an area of the pages, each going where a person goes and stopping wherever a page is to be looked at.

    SHOWS = {"cancel.html": "data", "wait.html": "data empty error"}     # every template it stops at, in which kinds

    def walk(page, site, monkeypatch):                       # a phone of 360 px, scripts on, nobody signed in
        page.goto(f"{site.url}/wait/{STATION}/{SERVICE}")
        yield "wait.html", "somebody new", EMPTY             # the template, what it shows, its kind
        press(page)                                          # presses the primary button, waits for the next page
        yield "wait.html", "nothing was ticked", ERROR
        ...
        page.goto(f"{ticket}/cancel")
        yield "cancel.html", "asks"                          # two entries: with data

test_accessible.py takes every walk and looks at each stop, in both languages; it refuses a stop whose template is not
the one that the server rendered, one that says an error where the walk does not (and the other way round), a walk that
shows other templates or kinds than it says, and a template of which no walk shows a kind that it owes (`kinds.py`).
"""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.kinds import DATA

Stop = tuple[str, ...]
"""The template's file name, the case it is shown in, and its kind; without a kind it has data."""


@dataclass(frozen=True)
class Walk:
    """One walk, named like its file."""

    name: str
    shows: frozenset[tuple[str, str]]
    """Pairs of template and kind."""
    go: Callable[[Page, Site, pytest.MonkeyPatch], Iterator[Stop]]

    @property
    def templates(self) -> frozenset[str]:
        """What it stops at."""
        return frozenset(template for template, _ in self.shows)


def all_walks() -> list[Walk]:
    """Every file of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return [Walk(name, _pairs(module.SHOWS), module.walk) for name, module in zip(names, modules, strict=True)]


def _pairs(shows: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((template, kind) for template, kinds in shows.items() for kind in kinds.split())


def kind_of(stop: Stop) -> str:
    """The kind a stop is of."""
    return stop[2] if len(stop) > 2 else DATA
