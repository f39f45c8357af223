"""Traces of the scheduler, where they are asked for: a span each run of a job, one a text, nothing of a person."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from booking import tracing
from booking.db import Database
from booking.messages.kinds import MessageState
from booking.messages.outbox import Pace
from booking.settings import Settings, load
from booking.sms.console import ConsoleGateway
from booking.sms.gateway import Fault, Outcome, Outgoing, Refused
from scheduler import timetable
from scheduler.__main__ import serve, tick
from scheduler.timetable import Job
from tests import canary
from tests.collector import Collector
from tests.conftest import environment
from tests.outbox import until, write

pytestmark = pytest.mark.anyio
HER_NUMBER = "+84" + canary.PHONE.replace(" ", "")[1:]


class Barred(ConsoleGateway):
    """Refuses every text, for a reason of the number's."""

    def send(self, outgoing: Outgoing) -> Outcome:  # type: ignore[override]
        """No."""
        del outgoing
        return Refused(30004, Fault.PHONE)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def _settings(url: str, collector: Collector) -> Settings:
    return load(environment(url, HENKHAM_OTLP_ENDPOINT=collector.url))


def _facts(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def _served(settings: Settings, gateway: ConsoleGateway, db: Database, *states: MessageState) -> None:
    """The scheduler as `henkham scheduler` runs it, until a text to her has come to its end; then SIGTERM."""
    message = await write(db, phone=HER_NUMBER)
    serving = asyncio.create_task(serve(settings, gateway, pace=Pace()))
    try:
        await until(db, message, *states)
    finally:
        signal.raise_signal(signal.SIGTERM)
        await serving


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The tracers that were made; ended with the test, so that none outlives it."""
    made: list[object] = []
    real = tracing.tracer_to

    def kept(endpoint: str, *, of: str) -> object:
        made.append(real(endpoint, of=of))
        return made[-1]

    monkeypatch.setattr(tracing, "tracer_to", kept)
    yield made
    for each in made:
        each.span_processor.shutdown()  # type: ignore[attr-defined]


async def test_each_job_and_each_text_reach_the_collector_and_nobodys_number(
    db: Database, database_url: str, collector: Collector, flushed: list[object]
) -> None:
    settings = _settings(database_url, collector)
    bodies: list[Outgoing] = []
    await _served(settings, ConsoleGateway(sink=bodies.append), db, MessageState.SENT)
    flushed.pop().span_processor.shutdown()  # type: ignore[attr-defined]
    spans = collector.all()
    runs = {span.name: span for span in spans if span.name.startswith("job ")}
    jobs = timetable.jobs(db, ConsoleGateway(), settings, asyncio.Event(), Pace())
    assert set(runs) == {f"job {job.name}" for job in jobs}
    assert {span.status.code for span in runs.values()} == {Status.STATUS_CODE_UNSET}
    assert all(span.parent_span_id == b"" for span in runs.values()), "each run is a trace of its own"
    (sent,) = [span for span in spans if span.name == "text"]
    assert _facts(sent) == {
        "henkham.lane": "visit", "henkham.provider": "console", "henkham.attempt": 1, "henkham.outcome": "accepted",
    }  # fmt: skip
    of_sending = {span.span_id for span in spans if span.name == "job send_messages"}
    assert sent.parent_span_id in of_sending
    assert any(span.parent_span_id in of_sending and span.name.endswith(" message") for span in spans), "statements too"
    assert {"henkham-scheduler"} == {
        each.value.string_value
        for told in collector.spans
        for resource in told.resource_spans
        for each in resource.resource.attributes
        if each.key == "service.name"
    }
    assert len(bodies) == 1
    hers = {"phone": HER_NUMBER, "body": bodies[0].body, "code": bodies[0].body.split("/")[-2]}
    assert canary.found(canary.needles(hers), f"{bodies[0].to} {bodies[0].body}") == set(hers), "the control"
    assert canary.found(canary.needles(hers | {"phone": canary.PHONE}), collector.raw) == set()


async def test_a_refused_text_says_why_and_a_failed_job_its_kind_of_error(
    db: Database, database_url: str, collector: Collector, flushed: list[object]
) -> None:
    await _served(_settings(database_url, collector), Barred(), db, MessageState.FAILED)
    stop = asyncio.Event()

    async def broken() -> None:
        stop.set()
        raise LookupError(HER_NUMBER)

    tracer = tracing.tracer_to(collector.url, of="a test")
    await tick([Job("broken", timedelta(seconds=1), broken)], stop, rest=0, tracer=tracer)
    for each in flushed:
        each.span_processor.force_flush()  # type: ignore[attr-defined]
    (refused,) = [span for span in collector.all() if span.name == "text"]
    assert _facts(refused) | {"henkham.lane": ""} == {
        "henkham.lane": "", "henkham.provider": "console", "henkham.attempt": 1, "henkham.outcome": "refused",
        "henkham.error_code": 30004, "henkham.fault": "phone",
    }  # fmt: skip
    (failed,) = [span for span in collector.all() if span.name == "job broken"]
    assert (failed.status.code, failed.status.message) == (Status.STATUS_CODE_ERROR, "")
    assert _facts(failed) == {"error.type": "LookupError"}
    assert not failed.events
    assert canary.found(canary.needles({"phone": canary.PHONE}), collector.raw) == set()


async def test_without_the_setting_nothing_is_made(db: Database, database_url: str, flushed: list[object]) -> None:
    await _served(load(environment(database_url)), ConsoleGateway(), db, MessageState.SENT)
    assert flushed == []
    with tracing.within("text") as told:
        told(outcome="accepted")
