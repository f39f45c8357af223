"""Walks: one file an area of the pages, each going where a person goes and stopping wherever a page is to be looked at.

    SHOWS = {"cancel.html"}                                  # every template this walk stops at, and no other

    def walk(page, site, monkeypatch):                       # a phone of 360 px, scripts on, nobody signed in
        ticket = book(page, site)
        page.goto(f"{ticket}/cancel")
        yield "cancel.html", "asks"                          # the template that was rendered last, and what it shows

test_accessible.py takes every walk in both languages and looks at each stop; it refuses a stop whose template is not
the one that the server rendered, a walk that shows other templates than it says, and a template that no walk shows.
"""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site

Stop = tuple[str, str]
"""The template's file name and the case it is shown in: with data, empty, with an error."""


@dataclass(frozen=True)
class Walk:
    """One walk, named like its file."""

    name: str
    shows: frozenset[str]
    go: Callable[[Page, Site, pytest.MonkeyPatch], Iterator[Stop]]


def all_walks() -> list[Walk]:
    """Every file of this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return [Walk(name, frozenset(module.SHOWS), module.walk) for name, module in zip(names, modules, strict=True)]
