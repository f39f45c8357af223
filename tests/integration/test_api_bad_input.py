"""What cannot be: each a clear problem in the reader's language, and nothing is changed."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from booking import clock
from booking.db import Database
from tests import people, seeds
from tests.asking import BASE, BOOK, HOLD, PROBLEM, booked, new_key, opens, refused, span
from tests.seeds import World
from tests.servers import servers

pytestmark = pytest.mark.anyio
JSON = {"Content-Type": "application/json"}
TOKEN = {"Authorization": "Bearer " + "a" * 27}


def _changed(world: World, **changes: Any) -> dict[str, Any]:
    return world.booking(world.slots[0], people.patient(1)) | changes


def _person(world: World, **changes: Any) -> dict[str, Any]:
    return world.booking(world.slots[0], people.patient(1, **changes))


PERSONS: list[tuple[dict[str, Any], str]] = [
    ({"name": "Ng" * 150}, "name_refused"),
    ({"name": "N" * 101}, "name_refused"),
    ({"name": "Nguyễn\u0000Mẫu"}, "name_refused"),
    ({"name": "Nguyễn\u0007Mẫu"}, "name_refused"),
    ({"name": "Nguyễn\u202eMẫu"}, "name_refused"),
    ({"name": ""}, "name_refused"),
    ({"name": " \u200b "}, "name_refused"),
    ({"name": "1234"}, "name_refused"),
    ({"name": "<script>alert(1)</script>"}, "name_refused"),
    ({"name": "x" * 5000}, "invalid_request"),
    ({"name": None}, "invalid_request"),
    ({"name": 7}, "invalid_request"),
    ({"name": ["Nguyễn"]}, "invalid_request"),
    ({"phone": "123"}, "phone_refused"),
    ({"phone": "0903 000 00x"}, "phone_refused"),
    ({"phone": "+1 202 555 0100"}, "phone_refused"),
    ({"phone": "0903000001; 0903000002"}, "phone_refused"),
    ({"phone": "0903000001; DROP"}, "phone_refused"),
    ({"phone": "0903\u0000000001"}, "invalid_request"),
    ({"phone": ""}, "phone_refused"),
    ({"phone": 903000001}, "invalid_request"),
    ({"birth_year": None}, "birth_refused"),
    ({"birth_year": 3000}, "birth_refused"),
    ({"birth_year": 0}, "birth_refused"),
    ({"birth_year": 10**400}, "invalid_request"),
    ({"birth_year": True}, "invalid_request"),
    ({"birth_year": None, "birth_date": "1990-02-30"}, "invalid_request"),
    ({"birth_year": None, "birth_date": "30/11/1990"}, "invalid_request"),
    ({"birth_year": None, "birth_date": "0.5"}, "invalid_request"),
    ({"birth_year": None, "birth_date": 0.5}, "invalid_request"),
    ({"birth_year": 1990, "birth_date": "1991-01-01"}, "birth_refused"),
    ({"relation": "friend"}, "invalid_request"),
    ({"extra": 1}, "invalid_request"),
]


async def test_a_person_who_cannot_be_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    before = await seeds.everything(db)
    for changes, code in PERSONS:
        answer = await client.post(BOOK, json=_person(world, **changes), headers=new_key())
        assert answer.status_code == 422, (changes, answer.text)
        assert answer.json()["code"] == code, (changes, answer.text)
        refused(answer, 422, code)
    assert await seeds.everything(db) == before


BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({"facility": "NOPE"}, 422, "slot_mismatch"),
    ({"service": "nope"}, 422, "slot_mismatch"),
    ({"service": seeds.OTHER_SERVICE}, 422, "slot_mismatch"),
    ({"facility": "A\u0000"}, 422, "invalid_request"),
    ({"facility": "A" * 65}, 422, "invalid_request"),
    ({"slot": 999_999}, 404, "slot_unknown"),
    ({"slot": 0}, 422, "invalid_request"),
    ({"slot": -1}, 422, "invalid_request"),
    ({"slot": 2**63}, 422, "invalid_request"),
    ({"slot": 10**1000}, 422, "invalid_request"),
    ({"slot": 1.5}, 422, "invalid_request"),
    ({"slot": True}, 422, "invalid_request"),
    ({"slot": None}, 422, "invalid_request"),
    ({"slot": "one"}, 422, "invalid_request"),
    ({"slot": {"id": 1}}, 422, "invalid_request"),
    ({"hold": "ABCDEFGH"}, 422, "invalid_request"),
    ({"language": "fr"}, 422, "invalid_request"),
    ({"patient": None}, 422, "invalid_request"),
    ({"patient": []}, 422, "invalid_request"),
    ({"unknown": "field"}, 422, "invalid_request"),
]


async def test_a_booking_that_cannot_be_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    before = await seeds.everything(db)
    for changes, status, code in BODIES:
        content = json.dumps(_changed(world, **changes)).encode()
        answer = await client.post(BOOK, content=content, headers=new_key() | JSON)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (changes, answer.text)
        refused(answer, status, code)
    assert await seeds.everything(db) == before


async def test_past_closed_and_unreleased_slots_are_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[])
    now, second = clock.utc_now(), timedelta(seconds=1)
    past = await seeds.add_slot(db, world, capacity=2, bookable_until=now - second)
    closed = await seeds.add_slot(db, world, capacity=2, open=False)
    early = await seeds.add_slot(db, world, capacity=2, bookable_from=now + timedelta(hours=1))
    before = await seeds.everything(db)
    for slot, status, code in [
        (past, 422, "slot_past"),
        (closed, 409, "slot_closed"),
        (early, 422, "slot_not_released"),
    ]:
        answer = await client.post(BOOK, json=world.booking(slot, people.patient(1)), headers=new_key())
        refused(answer, status, code)
    assert await seeds.everything(db) == before


RAW: list[tuple[bytes, dict[str, str], int, str]] = [
    (b'{"slot": 1', JSON, 400, "bad_request"),
    (b"\xff\xfe", JSON, 400, "bad_request"),
    (b'{"facility": "\xff"}', JSON, 400, "bad_request"),
    (b"[" * 60_000, JSON, 400, "bad_request"),
    (b'{"slot": ' + b"9" * 5000 + b"}", JSON, 400, "bad_request"),
    (b'{"slot": NaN}', JSON, 422, "invalid_request"),
    (b'{"slot": 1e999}', JSON, 422, "invalid_request"),
    (b'{"facility": "\\ud800", "service": "x", "slot": 1, "patient": {}}', JSON, 400, "bad_request"),
    (b'{"\\ud800": 1}', JSON, 400, "bad_request"),
    (b"null", JSON, 422, "invalid_request"),
    (b"[1]", JSON, 422, "invalid_request"),
    (b'"text"', JSON, 422, "invalid_request"),
    (b"", JSON, 400, "bad_request"),
    (b'{"slot": 1}', {"Content-Type": "text/plain"}, 415, "unsupported_media"),
    (b'{"slot": 1}', {}, 415, "unsupported_media"),
    (b"slot=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media"),
    (b" " * 65_537, JSON, 413, "too_large"),
]


async def test_a_body_that_is_none_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    before = await seeds.everything(db)
    for path in (BOOK, HOLD, f"{BOOK}/ABCDEFGH/reschedule"):
        for content, headers, status, code in RAW:
            answer = await client.post(path, content=content, headers=new_key() | TOKEN | headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code), (path, content[:40], answer.text)
            refused(answer, status, code)
    assert await seeds.everything(db) == before


async def test_a_body_without_its_length_is_cut_off_at_the_limit(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" " * 1000

    refused(await client.post(BOOK, content=endless(), headers=new_key() | JSON), 413, "too_large")


async def test_ten_megabytes_over_a_real_connection_are_told_why(db: Database, database_url: str) -> None:
    await seeds.seed(db)
    async with servers(database_url, 1) as (server,):
        answer = await server.ask("POST", BOOK, b"x" * 10_000_000, new_key())
        assert (answer.status, answer.json["code"]) == (413, "too_large")
        chunked = b"186A0\r\n" + b"x" * 100_000 + b"\r\n"
        head = f"POST {BOOK} HTTP/1.1\r\nHost: henkham.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
        caller = await server.caller("GET", "/healthz")
        caller.request = head.encode() + b"Content-Type: application/json\r\n\r\n" + chunked * 40 + b"0\r\n\r\n"
        answer = await caller.go()
        assert (answer.status, answer.json["code"]) == (413, "too_large")


HEADERS: list[tuple[dict[str, str], int, str]] = [
    ({}, 400, "key_missing"),
    ({"Idempotency-Key": ""}, 400, "key_missing"),
    ({"Idempotency-Key": "short"}, 400, "key_missing"),
    ({"Idempotency-Key": "with a space"}, 400, "key_missing"),
    ({"Idempotency-Key": "x" * 129}, 400, "key_missing"),
    ({"Idempotency-Key": "good-key-1", "Henkham-Device": "x" * 129}, 422, "invalid_request"),
    ({"Idempotency-Key": "good-key-1", "Content-Length": "ten"}, 400, "bad_request"),
]


async def test_a_header_that_cannot_be_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    before = await seeds.everything(db)
    for headers, status, code in HEADERS:
        refused(await client.post(HOLD, json=world.hold(world.slots[0]), headers=headers), status, code)
    assert await seeds.everything(db) == before


QUERIES: list[tuple[str, int, str]] = [
    ("/slots?from=0.5", 422, "invalid_request"),
    ("/slots?from=20261201", 422, "invalid_request"),
    ("/slots?from=2026-12-01T00:00:00Z", 422, "invalid_request"),
    ("/slots?from=2026-02-30", 422, "invalid_request"),
    ("/slots?from=1767225600", 422, "invalid_request"),
    ("/slots?from=", 422, "invalid_request"),
    ("/slots/days?to=tomorrow", 422, "invalid_request"),
    ("/slots?facility=a%00b", 400, "bad_request"),
    ("/slots?facility=a%01b", 422, "invalid_request"),
    ("/slots?facility=%ff%fe", 404, "facility_unknown"),
    ("/slots?facility=" + "x" * 65, 422, "invalid_request"),
    ("/slots?service=%27%20OR%201%3D1", 404, "service_unknown"),
    ("/facilities?q=" + "x" * 101, 422, "invalid_request"),
    ("/facilities?q=%00", 400, "bad_request"),
    ("/facilities?ward=%00", 400, "bad_request"),
    ("/facilities?kind=castle", 422, "invalid_request"),
    ("/facilities/NOPE", 404, "facility_unknown"),
    ("/facilities/a%00b", 400, "bad_request"),
    ("/facilities/a%00b/services", 400, "bad_request"),
    ("/appointments/a%00b", 400, "bad_request"),
    ("/appointments/%ff", 404, "appointment_unknown"),
    ("/appointments/" + "x" * 65, 422, "invalid_request"),
    ("/nothing/here", 404, "not_found"),
]


async def test_a_query_or_path_that_cannot_be_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    for path, status, code in QUERIES:
        url = httpx.URL(f"http://henkham.test{BASE}{path}")
        if "/slots" in path:
            asked = span(world) | dict(url.params) if "%f" not in path and "%00" not in path else None
            url = (
                url.copy_with(params=asked) if asked else httpx.URL(f"{url}&{httpx.QueryParams(_others(world, path))}")
            )
        answer = await client.get(url, headers=TOKEN)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
        refused(answer, status, code)


def _others(world: World, path: str) -> dict[str, str]:
    return {name: value for name, value in span(world).items() if f"{name}=" not in path}


async def test_a_percent_that_says_nothing_finds_nothing(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    for words in ("%25", "_", "\\"):  # signs that mean something in LIKE
        found = (await client.get(f"{BASE}/facilities", params={"q": words})).json()
        assert found == {"items": []}, words


async def test_problems_speak_the_readers_language(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    path = f"{BASE}/facilities/NOPE"
    said = {}
    for header in ("en", "en-GB,vi;q=0.5", "vi", "vi-VN,en;q=0.9", "fr", None):
        answer = await client.get(path, headers={"Accept-Language": header} if header else {})
        said[header] = (answer.headers["content-language"], refused(answer, 404, "facility_unknown")["title"])
    assert {language for language, _ in said.values()} == {"en", "vi"}
    assert said["en"] == said["en-GB,vi;q=0.5"] == ("en", "There is no such facility.")
    assert said["vi"] == said["vi-VN,en;q=0.9"] == said["fr"] == said[None]
    assert said["vi"][1] != said["en"][1]


async def test_what_is_wrong_is_said_beside_each_field_without_repeating_it(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    secret = "0903-secret"
    body = _person(world, birth_date="30/11/1990", relation=secret) | {"language": secret}
    answer = await client.post(BOOK, json=body, headers=new_key() | {"Accept-Language": "en"})
    problem = refused(answer, 422, "invalid_request")
    fields = {error["field"]: error["text"] for error in problem["errors"]}
    assert fields == {
        "patient.birth_date": "A date is written as 2026-11-30.",
        "patient.relation": "Choose one of the values given.",
        "language": "Choose one of the values given.",
    }
    assert secret not in answer.text
    in_vietnamese = await client.post(BOOK, json=body, headers=new_key() | {"Accept-Language": "vi"})
    assert {error["text"] for error in in_vietnamese.json()["errors"]}.isdisjoint(fields.values())


def _routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every method and path of the app's document, and the health pages: with codes that do not exist."""
    found = [(method.upper(), path) for path, of in app.openapi()["paths"].items() for method in of]
    found += [("GET", "/healthz"), ("GET", "/readyz")]
    return [(method, path.replace("{code}", "NOPENOPE")) for method, path in found]


async def test_every_route_refuses_in_the_one_shape(app: FastAPI, client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    routes = _routes(app)
    assert len(routes) >= 12
    paths = {path for _, path in routes}
    for path in paths:
        for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"):
            answer = await client.request(method, path)
            refused(answer, 405, "method_not_allowed")
            assert answer.headers["allow"]
    for method, path in routes:
        if path.startswith(BASE):
            answer = await client.request(method, path, headers=TOKEN)
            if answer.status_code != 200:
                assert answer.headers["content-type"] == PROBLEM, (method, path)
                refused(answer, answer.status_code, answer.json()["code"])
            assert answer.status_code < 500
    for path in (f"{BASE}/", f"{BASE}/nothing", f"{BASE}/facilities/x/y/z", "/api/v2/facilities"):
        refused(await client.get(path), 404, "not_found")
    head = await client.head(f"{BASE}/facilities")
    assert (head.status_code, head.headers["content-type"]) == (405, PROBLEM)


async def test_a_fault_of_ours_leaves_in_the_same_shape_and_tells_nothing(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    await seeds.seed(db)

    async def broken() -> None:
        raise RuntimeError("a secret of the inside")

    app.router.routes.insert(0, APIRoute("/api/v1/broken", broken))
    answer = await client.get("/api/v1/broken", headers={"Accept-Language": "en"})
    problem = refused(answer, 500, "unexpected")
    assert "secret" not in answer.text
    assert problem["title"] == "Something went wrong on our side."
    assert "content-security-policy" in answer.headers


async def test_answers_carry_the_security_headers(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])
    answers = [
        await client.get(f"{BASE}/facilities"),
        await client.get(f"{BOOK}/{made['code']}", headers=opens(made)),
        await client.get(f"{BASE}/nothing"),
        await client.post(BOOK, content=b" " * 70_000, headers=new_key() | JSON),
    ]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert answers[1].headers["cache-control"] == "no-store"
