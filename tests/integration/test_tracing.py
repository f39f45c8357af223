"""Traces, where somebody asks for them: named by route and table, sent to a collector, nothing of a person in them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from booking import tracing
from booking.main import create_app
from booking.settings import load
from booking.web.tracing import UNKNOWN
from tests import asking, canary, seeds
from tests.collector import Collector
from tests.conftest import environment

pytestmark = pytest.mark.anyio
HERS: dict[str, Any] = {"name": canary.NAME, "phone": canary.PHONE.replace(" ", "")}


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Spans stay here instead of being sent."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer_to", lambda _, *, of: provider.get_tracer(of))
    return exporter


@pytest.fixture
async def traced(database_url: str, kept: InMemorySpanExporter) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    app = create_app(load(environment(database_url, HENKHAM_OTLP_ENDPOINT="http://127.0.0.1:9/v1/traces")))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://henkham.test") as client:
        yield client
    await app.state.db.close()


async def test_requests_and_statements_are_named_by_route_and_table(
    traced: httpx.AsyncClient, kept: InMemorySpanExporter
) -> None:
    world = await seeds.seed(traced._transport.app.state.db)  # type: ignore[attr-defined]
    kept.clear()
    made = await asking.book(traced, world, world.slots[0], **HERS)
    assert made.status_code == 201
    await traced.get(
        f"/t/{made.json()['code']}/{made.json()['token']}",
        headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"},
    )
    await traced.get("/nowhere", params={"q": canary.PHONE})
    spans = kept.get_finished_spans()
    requests = [span for span in spans if span.name.startswith(("GET", "POST"))]
    assert [span.name for span in requests] == [
        "POST /api/v1/appointments", "GET /t/{code}/{token}", f"GET {UNKNOWN}",
    ]  # fmt: skip
    assert [span.attributes and span.attributes["http.response.status_code"] for span in requests] == [201, 200, 404]
    statements = [span for span in spans if span not in requests]
    assert any("appointment" in span.name for span in statements)
    parents = {span.context.span_id for span in requests if span.context}
    assert all(span.parent and span.parent.span_id in parents for span in statements)
    assert requests[1].context
    assert requests[1].context.trace_id != int("a" * 32, 16), "a caller's word about a trace is not believed"
    told = "\n".join(span.to_json() for span in spans)
    secrets = HERS | {"code": made.json()["code"], "token": made.json()["token"]}
    assert canary.found(canary.needles(secrets), told) == set()


async def test_spans_reach_a_collector(collector: Collector) -> None:
    tracer = tracing.tracer_to(collector.url, of="a test")
    with tracer.start_as_current_span("GET /t/{code}/{token}"):
        tracing._statement(tracer, "SELECT 1 FROM slot WHERE code = 'K7M2PQ4R'", 1)
    tracer.span_processor.force_flush()  # type: ignore[attr-defined]
    assert sorted(collector.names()) == ["GET /t/{code}/{token}", "SELECT slot"]
    assert "K7M2PQ4R" not in collector.raw
    tracer.span_processor.shutdown()  # type: ignore[attr-defined]


async def test_without_the_setting_nothing_is_traced(client: httpx.AsyncClient, kept: InMemorySpanExporter) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert kept.get_finished_spans() == ()
