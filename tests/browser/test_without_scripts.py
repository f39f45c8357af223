"""Every walk, once more without JavaScript: each step is a link or a form, and each page the one it should be."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.test_accessible import WALKS, rendered
from tests.browser.walks import Walk

__all__ = ["rendered"]

pytestmark = pytest.mark.browser

_LIVE = {"slip", "on_the_day", "desk_queue"}
"""Walks that wait for what scripts do (a saved copy, a push). Their way without them has tests of its own: test_slip,
test_on_the_day, test_desk_morning."""


@pytest.mark.parametrize("walk", [one for one in WALKS if one.name not in _LIVE], ids=lambda walk: walk.name)
def test_the_whole_way_without_scripts(
    site: Site,
    phone: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
    rendered: list[tuple[str, str]],
    walk: Walk,
) -> None:
    page = phone(scripts=False)
    seen = set()
    for template, case, *_ in walk.go(page, site, monkeypatch):
        assert rendered[-1][0] == template, case
        seen.add(template)
    assert seen == walk.templates
