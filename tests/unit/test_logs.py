"""Logs: one JSON object a line, with the request's id, without personal data."""

import asyncio
import gc
import json
import logging
from typing import Any

import httpx
import pytest

from booking.logs import JsonLines, configure, request_id
from booking.main import create_app
from booking.settings import load
from tests.conftest import environment

PHONE = "0903123456"


def line(text: str = "done", *, error: BaseException | None = None, **facts: object) -> dict[str, Any]:
    """The line a call writes."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("henkham.test", logging.INFO, __file__, 1, text, None, info)
    if facts:
        record.facts = facts
    written = JsonLines().format(record)
    assert "\n" not in written
    found: dict[str, Any] = json.loads(written)
    return found


def test_a_line_says_when_what_and_where() -> None:
    found = line()
    assert set(found) == {"at", "level", "logger", "text"}
    assert found["at"].endswith("+00:00")
    assert (found["level"], found["logger"], found["text"]) == ("INFO", "henkham.test", "done")


def test_facts_on_the_list_come_through_and_no_others() -> None:
    found = line(status=201, route="/api/v1/appointments", phone=PHONE, name="Nguyễn Thị Mẫu", token="secret")
    assert (found["status"], found["route"]) == (201, "/api/v1/appointments")
    assert PHONE not in json.dumps(found)
    assert set(found) - {"at", "level", "logger", "text"} == {"status", "route"}


def test_the_request_s_id_ties_lines_together() -> None:
    token = request_id.set("request-1")
    assert line()["request_id"] == "request-1"
    request_id.reset(token)
    assert "request_id" not in line()


def test_an_error_shows_its_type_and_place_and_never_its_text() -> None:
    try:
        raise ValueError(f"Key (phone)=({PHONE}) already exists")
    except ValueError as problem:
        found = line("failed", error=problem)
    assert found["error"] == "ValueError"
    assert found["where"][-1].startswith("test_logs.py:")
    assert PHONE not in json.dumps(found)


def test_what_is_no_json_is_still_written() -> None:
    assert line(reason=object())["reason"].startswith("<object")
    assert line("Một dòng\nhai dòng")["text"] == "Một dòng\nhai dòng"


@pytest.mark.anyio
async def test_a_request_is_logged_by_its_route_and_never_by_its_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A path may hold the token of a ticket; a query may hold a name."""
    app = create_app(load(environment("postgresql://nobody@127.0.0.1:1/none")))
    caplog.set_level(logging.INFO)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        await client.get("/t/K7M2PQ4R/b0bzYp1QJx2m3n4o5p6q7r8s9t0")
        await client.get("/api/v1/facilities/SECRETCODE/nothing", params={"q": PHONE})
    written = "\n".join(
        JsonLines().format(record) for record in caplog.records if record.name.startswith(("henkham", "booking"))
    )
    assert '"status"' in written
    for secret in ("b0bzYp1QJx2m3n4o5p6q7r8s9t0", "K7M2PQ4R", "SECRETCODE", PHONE):
        assert secret not in written


def test_the_event_loop_prints_type_and_place_of_an_error_nobody_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError(f"Key (phone)=({PHONE}) already exists")

    def fail_with(_: str) -> None:
        raise ValueError(PHONE)

    async def work() -> None:
        left = asyncio.ensure_future(fail())
        await asyncio.wait({left})
        del left
        gc.collect()
        asyncio.get_running_loop().call_soon(fail_with, PHONE)
        await asyncio.sleep(0.01)

    asyncio.run(work())  # on a loop that is as it is in the product
    records = [record for record in caplog.records if record.name == "asyncio"]
    assert all(PHONE in record.getMessage() for record in records)  # control: that is what it would print
    found = [json.loads(JsonLines().format(record)) for record in records]
    assert PHONE not in json.dumps(found)
    assert [one["text"] for one in found] == [
        "Task exception was never retrieved",
        "the event loop has something to say",
    ]
    assert [one["error"] for one in found] == ["ValueError", "ValueError"]
    assert found[0]["where"][-1].startswith("test_logs.py:")


def test_libraries_that_print_addresses_are_quiet() -> None:
    loggers = [logging.getLogger(name) for name in ("", "uvicorn.access", "apscheduler", "urllib3")]
    before = [(one, one.level) for one in loggers]
    handlers = list(loggers[0].handlers)
    try:
        configure("DEBUG")
        pool = logging.getLogger("urllib3.connectionpool")
        assert not pool.isEnabledFor(logging.WARNING)
        assert pool.isEnabledFor(logging.ERROR)
    finally:
        loggers[0].handlers[:] = handlers
        for one, level in before:
            one.setLevel(level)
