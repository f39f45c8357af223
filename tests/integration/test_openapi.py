"""The OpenAPI document says what the API does: it is followed here, and nothing else is known."""

import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking.db import Database
from tests import seeds
from tests.openapi import FILE, Reader, current, resolve, written

pytestmark = pytest.mark.anyio


class Session:
    """Asks by the document, and holds each answer against it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.reader = Reader(client_document())

    async def ask(self, operation_id: str, status: int, *, token: str | None = None, **known: Any) -> Any:
        answer = await self.client.request(**self.reader.request(operation_id, token=token, **known))
        assert answer.status_code == status, answer.text
        self.reader.check(operation_id, status, answer.headers["content-type"], answer.json())
        return answer.json()


def client_document() -> dict[str, Any]:
    """The document a client has: the committed file."""
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return document


async def _first_free_slots(session: Session, world: seeds.World) -> tuple[str, str, list[int]]:
    facility = (await session.ask("list_facilities", 200))["items"][0]["code"]
    services = (await session.ask("list_services", 200, code=facility))["items"]
    service = next(service["code"] for service in services if service["bookable"] and service["code"] == seeds.SERVICE)
    first, last = world.day.isoformat(), (world.day + timedelta(days=6)).isoformat()
    where = {"facility": facility, "service": service}
    days = (await session.ask("list_days", 200, **where, **{"from": first, "to": last}))["items"]
    day = next(day["day"] for day in days if day["free"])
    slots = (await session.ask("list_slots", 200, **where, **{"from": day, "to": day}))["items"]
    return facility, service, [slot["id"] for slot in slots if slot["status"] == "free"]


async def test_a_visit_is_booked_moved_and_cancelled_by_following_the_document_only(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    session = Session(client)
    facility, service, slots = await _first_free_slots(session, world)
    made = await session.ask("book_appointment", 201, facility=facility, service=service, slot=slots[0])
    token = made["token"]
    assert made["state"] == "booked"
    found = await session.ask("get_appointment", 200, code=made["code"], token=token)
    assert found["slot"]["id"] == slots[0]
    moved = await session.ask("reschedule_appointment", 200, code=made["code"], token=token, slot=slots[1])
    assert moved["slot"]["id"] == slots[1]
    gone = await session.ask("cancel_appointment", 200, code=made["code"], token=token)
    assert gone["state"] == "cancelled"


async def test_a_hold_is_made_and_confirmed_by_following_the_document_only(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    session = Session(client)
    facility, service, slots = await _first_free_slots(session, world)
    held = await session.ask("hold_place", 201, facility=facility, service=service, slot=slots[0])
    schema = resolve(session.reader.document, {"$ref": "#/components/schemas/BookAppointment"})
    body = next(each for each in schema["examples"] if "hold" in each) | {"hold": held["code"]}
    request = session.reader.request("book_appointment", token=held["token"], **{"Idempotency-Key": "another-key"})
    answer = await client.request(**(request | {"json": body}))
    assert answer.status_code == 201, answer.text
    session.reader.check("book_appointment", 201, answer.headers["content-type"], answer.json())


async def test_refusals_are_in_the_document(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    session = Session(client)
    await session.ask("get_facility", 404, code="NOPE")
    await session.ask("get_appointment", 404, code="NOPENOPE", token="a" * 27)
    await session.ask("book_appointment", 404, slot=999_999)
    await session.ask("book_appointment", 422, slot=0)
    await session.ask("list_slots", 422, **{"from": "soon"})
    request = session.reader.request("hold_place")
    del request["headers"]["Idempotency-Key"]
    answer = await client.request(**request)
    session.reader.check("hold_place", 400, answer.headers["content-type"], answer.json())
    answer = await client.request(**(session.reader.request("hold_place") | {"json": None, "content": b"x"}))
    session.reader.check("hold_place", 415, answer.headers["content-type"], answer.json())


async def test_control_a_document_that_forgets_the_key_cannot_be_followed(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    session = Session(client)
    _, _, operation = session.reader.operations["book_appointment"]
    operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "Idempotency-Key"]
    with pytest.raises(AssertionError, match="key_missing"):
        await session.ask("book_appointment", 201, facility=seeds.FACILITY, service=seeds.SERVICE, slot=world.slots[0])


def test_the_committed_document_is_the_app_s() -> None:
    assert FILE.read_text(encoding="utf-8") == written(current()), "run: python -m tests.openapi"


async def test_the_app_serves_it(client: httpx.AsyncClient, app: FastAPI) -> None:
    answer = await client.get("/api/v1/openapi.json")
    assert answer.json() == app.openapi() == client_document()


def test_the_document_is_complete() -> None:
    document = current()
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    reader = Reader(document)
    assert len(reader.operations) >= 10
    for name, (method, path, operation) in reader.operations.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert operation["description"], name
        assert operation["tags"], name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["schema"].get("$ref") or "anyOf" in parameter["schema"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
        if method == "POST":
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            found = resolve(document, schema)
            while "anyOf" in found:
                found = resolve(document, found["anyOf"][0])
            assert found["examples"], name
        if path.endswith(("/holds", "/appointments")):
            keys = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
            assert keys[0]["required"] is True
        if "{code}" in path and "appointments" in path:
            assert operation["security"] == [{"ticket": []}]
