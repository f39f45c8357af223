"""The link in the SMS is opened by machines too: previewers, scanners, prefetchers. Looking changes nothing."""

import asyncio
import contextlib
import pkgutil
from importlib import import_module

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from booking import mobile
from booking.appointments import attending
from booking.clock import utc_now
from booking.db import Database
from booking.web.dependencies import Ask
from tests import places, seeds, slips
from tests.places import World
from tests.slips import Slip

pytestmark = pytest.mark.anyio

AUDIT = {"audit_event"}
"""What a look may add to: who looked."""
KNOCKS: list[tuple[str, dict[str, str]]] = [
    ("GET", {"User-Agent": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"}),
    ("GET", {"User-Agent": "ZaloPC-win32-24v584", "Accept": "*/*"}),
    ("GET", {"User-Agent": "Mozilla/5.0", "Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch"}),
    ("GET", {"User-Agent": "", "X-Moz": "prefetch", "Range": "bytes=0-1023"}),
    ("HEAD", {"User-Agent": "WhatsApp/2.23.20.0 A"}),
    ("HEAD", {"User-Agent": "curl/8.0"}),
]


def paths() -> list[str]:
    """Every address of a slip or a hold that answers GET."""
    modules = [import_module(found.name) for found in pkgutil.walk_packages(mobile.__path__, "booking.mobile.")]
    routes = [route for module in modules if hasattr(module, "router") for route in module.router.routes]
    found = [route.path for route in routes if isinstance(route, APIRoute) and "GET" in (route.methods or ())]
    return sorted({path for path in found if path.startswith(("/t/", "/h/"))})


async def state(db: Database) -> dict[str, str]:
    """Every table but the audit, each as one mark."""
    tables = await seeds.rows(
        db,
        "SELECT relname, relpersistence FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    return {
        name: await seeds.value(
            db, f"SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {name} t"
        )
        for name in sorted(row["relname"] for row in tables)
        if name not in AUDIT
    }


async def knock(client: httpx.AsyncClient, path: str, slip: Slip, world: World) -> list[int]:
    """Each way of looking at an address once; what was answered. A stream that goes on is left after a moment."""
    address = path.format(code=slip.code, token=slip.token, day=world.far)
    answers = []
    for method, headers in KNOCKS:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3 if path.endswith("/live") else 20):
                answers.append((await client.request(method, address, headers=headers)).status_code)
    return answers


@pytest.fixture
async def world(db: Database) -> World:
    async with db.transaction() as session:
        return await places.make(session, utc_now())


@pytest.fixture
async def both(client: httpx.AsyncClient, world: World) -> dict[str, Slip]:
    """A visit, and a place that is held, by the start of their addresses."""
    answer = await client.post(
        "/api/v1/holds",
        json={name: value for name, value in slips.wish(world, at=1).items() if name != "patient"},
        headers={"Idempotency-Key": "k" * 20, "Henkham-Device": "a-device-of-a-test"},
    )
    assert answer.status_code == 201, answer.text
    held = Slip(answer.json()["code"], answer.json()["token"])
    return {"/t/": await slips.booked(client, world), "/h/": held}


@pytest.mark.parametrize("when", ["tomorrow", "soon"])
async def test_looking_at_a_link_changes_nothing(
    client: httpx.AsyncClient, db: Database, world: World, both: dict[str, Slip], when: str
) -> None:
    await seeds.run(db, slips.standing(when))
    before = await state(db)
    seen = {path: await knock(client, path, both[path[:3]], world) for path in paths()}
    assert {"/t/{code}/{token}", "/t/{code}/{token}/not-coming", "/t/{code}/{token}/visit.ics"} <= set(seen)
    refused = {path: answers for path, answers in seen.items() if not set(answers) <= {200, 303, 409, 422}}
    assert not refused
    assert await state(db) == before


async def test_a_look_that_changes_something_is_seen(
    app: FastAPI, client: httpx.AsyncClient, db: Database, world: World, both: dict[str, Slip]
) -> None:
    """The control: a page that says “I will come” on GET, as a link in an SMS would be tempted to."""

    async def comes_by_looking(request: Request, asked: Ask, code: str, token: str) -> None:  # noqa: ARG001
        async with asked.db.transaction() as session:
            await attending.confirm(session, code, token, version=1, by=asked.by, now=asked.now)

    app.add_api_route("/t/{code}/{token}/tempting", comes_by_looking)
    before = await state(db)
    await knock(client, "/t/{code}/{token}/tempting", both["/t/"], world)
    assert {name for name, mark in (await state(db)).items() if mark != before[name]} == {"appointment"}
