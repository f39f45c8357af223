"""What this process counted, and what the database says, in the form Prometheus reads.

Each process counts for itself: monitoring asks every one of them at its own port, never through the proxy. A label is a
route, a status, a code of ours; never a path, which may hold a token, and never a word somebody typed.
"""

import hmac
from collections.abc import Iterable

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import Response

from booking import clock
from booking.errors import Busy
from booking.watch import queries
from booking.watch.queries import Reading

router = APIRouter(include_in_schema=False)

REGISTRY = CollectorRegistry()
REQUESTS = Counter("henkham_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "henkham_request_seconds",
    "Seconds until the whole answer was given; live pages are left out.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0),
    registry=REGISTRY,
)
REFUSALS = Counter("henkham_refusals", "Requests refused, by the code of docs/errors.md.", ["code"], registry=REGISTRY)
BOOKED = Counter("henkham_booked", "Visits booked, by the door they came through.", ["door"], registry=REGISTRY)
FULL = Counter(
    "henkham_full_seconds", "Seconds in which there were about as many requests inside as may be.", registry=REGISTRY
)

HELP = {
    "sms_messages": "Texts that are due by now, or whose outcome is unknown.",
    "sms_oldest_due_seconds": "How long the oldest due text has waited.",
    "sms_held": "1 while the provider refuses our configuration.",
    "sms_lost": "Numbers whose text was refused for good or did not arrive, in the last hour, by whose fault it was.",
    "sms_resting": "1 while the provider asked us to wait.",
    "sms_posts_today": "Texts about visits posted today.",
    "feed_age_seconds": "Since the newest file of this feed that was applied.",
    "feed_old": "1 where that is longer ago than this feed's own old_minutes.",
    "feed_held": "1 where a guard holds the newest file.",
    "feed_unreadable": "1 where the newest file could not be read.",
    "feed_wrong": "1 where the file that says this feed cannot be used as it is now.",
    "feed_fetch_failing": "1 where this feed's server gave not all that it should, the last time it was asked.",
    "feed_host_key_changed": "1 where this feed's server shows another host key than the one agreed.",
    "out_age_seconds": "Since all bookings were where this hospital's software takes them.",
    "out_behind": "1 where that is longer ago than its terms allow.",
    "out_refused": "Bookings that this hospital's software refused, and that were not told anew.",
    "conflicts_open": "Clashes between a booking and an export that nobody answered.",
    "queue_waiting": "People who wait today.",
    "requests_open": "Requests about personal data that wait for an answer.",
    "requests_overdue": "Those whose day of the law is over.",
    "sync_wanted": "1 where the database confirms a commit only when another machine has it too.",
    "sync_standbys": "Machines that confirm it just now.",
    "invariant_broken": "Rows that break a rule which must always hold.",
    "invariants_checked_seconds": "Since those rules were last looked at.",
    "rows_left_out": "Rows a job could not see to in its last run: what they hold makes it fail.",
    "job_silent_seconds": "Since a job of the scheduler last ran without failing.",
    "job_every_seconds": "How often that job runs.",
    "scheduler_silent_seconds": "Since a scheduler last said that it lives.",
    "audit_sealed_seconds": "Since the newest seal of the audit.",
}


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. `route` is the pattern, such as `/t/{code}/{token}`."""
    REQUESTS.labels(method, route, str(status)).inc()
    if not route.endswith("/live"):
        SECONDS.labels(route).observe(seconds)


def turned_away(method: str) -> None:
    """Count one that was told to come again before anybody worked for it: it has no duration that says anything."""
    REQUESTS.labels(method, "-", "503").inc()
    refused(Busy.code)


def full(seconds: float) -> None:
    """Count how long there was hardly room: a proxy that shares our limit turns people away then, and we see nobody."""
    FULL.inc(seconds)


def refused(code: str) -> None:
    """Count one refusal."""
    REFUSALS.labels(code).inc()


def booked(door: str, visits: int = 1) -> None:
    """Count visits that are booked: after the commit."""
    BOOKED.labels(door).inc(visits)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Everything, for who has HENKHAM_METRICS_TOKEN; without that setting there is no such page."""
    token = request.app.state.settings.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if token is None or not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise HTTPException(404)
    async with request.app.state.db.transaction() as session:
        readings = await queries.look(session, now=clock.utc_now())
    text = generate_latest(REGISTRY) + generate_latest(_gauges(readings))
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})


def _gauges(readings: Iterable[Reading]) -> CollectorRegistry:
    """The database's readings in a registry of their own: what is gone there is gone here."""
    registry = CollectorRegistry()
    made: dict[str, Gauge] = {}
    for each in readings:
        names = sorted(each.labels)
        if each.name not in made:
            made[each.name] = Gauge(f"henkham_{each.name}", HELP[each.name], names, registry=registry)
        gauge = made[each.name]
        (gauge.labels(*(each.labels[name] for name in names)) if names else gauge).set(each.value)
    return registry
