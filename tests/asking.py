"""Asking the JSON door in one line, for tests that talk to the app without sockets."""

import itertools
from typing import Any

import httpx

from tests import people
from tests.seeds import FACILITY, SERVICE, World

BASE = "/api/v1"
BOOK = f"{BASE}/appointments"
HOLD = f"{BASE}/holds"
PROBLEM = "application/problem+json"
_numbers = itertools.count(1)


def new_key() -> dict[str, str]:
    """A header with a key nobody used yet."""
    return {"Idempotency-Key": f"test-key-{next(_numbers):06d}"}


def opens(made: dict[str, Any]) -> dict[str, str]:
    """The header that opens a hold or an appointment."""
    return {"Authorization": f"Bearer {made['token']}"}


async def book(client: httpx.AsyncClient, world: World, slot: int, number: int = 1, **person: Any) -> httpx.Response:
    """The sample patient of a number books a slot."""
    return await client.post(BOOK, json=world.booking(slot, people.patient(number, **person)), headers=new_key())


async def booked(client: httpx.AsyncClient, world: World, slot: int, number: int = 1) -> dict[str, Any]:
    """Likewise; the appointment."""
    answer = await book(client, world, slot, number)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def hold(client: httpx.AsyncClient, world: World, slot: int, device: str = "device-1") -> httpx.Response:
    """A device holds a place."""
    return await client.post(HOLD, json=world.hold(slot), headers=new_key() | {"Henkham-Device": device})


async def slots(client: httpx.AsyncClient, world: World) -> list[dict[str, Any]]:
    """The slots of the world's day."""
    answer = await client.get(f"{BASE}/slots", params=span(world))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def span(world: World, **more: str) -> dict[str, str]:
    """The query of the world's day."""
    day = world.day.isoformat()
    return {"facility": FACILITY, "service": SERVICE, "from": day, "to": day} | more


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, once it is one: RFC 9457, our members, in the shape of all of them."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code, found
    assert found["status"] == status
    assert found["type"].endswith(f"/errors/{code}")
    assert found["title"]
    assert found["detail"]
    assert found["request_id"] == answer.headers["x-request-id"]
    return found
