"""Facilities and services over JSON."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_an_unknown_facility_is_a_problem_in_the_readers_language(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/facilities/NOPE", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "facility_unknown"
    assert answer.json()["title"] == "There is no such facility."
