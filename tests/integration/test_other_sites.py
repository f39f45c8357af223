"""Every route that changes something refuses what another site caused; servers and apps are served."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from booking.api import asking
from booking.db import Database
from tests import asking as api
from tests import people, seeds
from tests.asking import refused
from tests.routes import routes

pytestmark = pytest.mark.anyio

_SAFE = {"GET", "HEAD", "OPTIONS"}
_PARTS = {
    "{facility}": "F", "{service}": "s", "{day}": "2026-11-30", "{code}": "AAAAAAAA", "{token}": "x" * 27,
}  # fmt: skip
OF_API: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://henkham.test"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
]
PASSING: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://henkham.test"},
    {"Origin": "http://henkham.test"},
]


def _unsafe(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route that may change something, whatever doors are mounted later."""
    for path, methods in routes(app):
        for method in sorted(methods - _SAFE):
            yield method, re.sub(r"{(\w+)(:\w+)?}", lambda name: _PARTS.get(name[0], "x"), path)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}])
async def test_every_route_that_changes_something_refuses_other_sites(
    app: FastAPI, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """The JSON door among them. A provider's receipt has its signature instead, which another site cannot make."""
    asked = list(_unsafe(app))
    assert len([path for _, path in asked if path.startswith("/api/v1/")]) >= 6
    assert len(asked) >= 100
    let_in = [(method, path) for method, path in asked
              if (await client.request(method, path, headers=headers)).status_code != 403]  # fmt: skip
    assert let_in == []


async def test_control_without_the_check_the_walk_names_each_route_of_the_json_door(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "check_no_other_site", lambda _: None)
    mine = [(method, path) for method, path in _unsafe(app) if path.startswith("/api/v1/") and "/sms/" not in path]
    answers = [await client.request(method, path, headers=OF_API[0]) for method, path in mine]
    assert len(answers) == 4
    assert 403 not in [answer.status_code for answer in answers]


@pytest.mark.parametrize("headers", OF_API)
async def test_a_browser_of_another_site_books_nothing(
    db: Database, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    world = await seeds.seed(db, capacities=[1])
    body = world.booking(world.slots[0], people.patient(1))
    answer = await client.post(api.BOOK, json=body, headers=api.new_key() | headers)
    refused(answer, 403, "foreign_form")
    assert await seeds.value(db, "SELECT count(*) FROM appointment") == 0


@pytest.mark.parametrize("headers", PASSING)
async def test_servers_and_apps_and_pages_of_ours_book(
    db: Database, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    world = await seeds.seed(db, capacities=[1])
    body = world.booking(world.slots[0], people.patient(1))
    answer = await client.post(api.BOOK, json=body, headers=api.new_key() | headers)
    assert answer.status_code == 201, answer.text
    answer = await client.post(f"{api.BOOK}/{answer.json()['code']}/cancel", headers=api.opens(answer.json()) | headers)
    assert answer.status_code == 200, answer.text
