"""Walks once more without JavaScript: each step is a link or a form, and each page the one it should be.

In `make test` those in which forms matter most and follow on each other: booking, at home and at the desk; in
`make test-all` every walk. What is left out is not unproved in `make test`: the client of
the integration tests has no scripts either, and reads every page as it was sent.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site
from tests.browser.test_accessible import WALKS, rendered
from tests.browser.walks import Walk
from tests.conftest import FULL

__all__ = ["rendered"]

pytestmark = pytest.mark.browser

_LIVE = {"slip", "on_the_day", "desk_queue"}
"""Walks that wait for what scripts do (a saved copy, a push). Their way without them has tests of its own: test_slip,
test_on_the_day, test_desk_morning."""
_ALWAYS = {"booking", "desk_booking"}
_TAKEN = [one for one in WALKS if one.name not in _LIVE and (FULL or one.name in _ALWAYS)]


@pytest.mark.parametrize("walk", _TAKEN, ids=lambda walk: walk.name)
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
