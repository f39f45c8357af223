"""The yardstick: FastAPI and asyncpg with one statement, a Pydantic body and answer, and nothing of the contract.

No validation beyond types, no idempotency, no audit, no scope, no person: the least that could be called a booking.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import orjson
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

SCHEMA = """
CREATE TABLE bare_slot (
    id bigint PRIMARY KEY, service_id bigint NOT NULL, starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL,
    open boolean NOT NULL, capacity int NOT NULL, taken int NOT NULL
) WITH (fillfactor = 70);
CREATE TABLE bare_booking (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slot_id bigint NOT NULL, name text NOT NULL,
    phone text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE bare_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, booking_id bigint NOT NULL, body text NOT NULL
);
INSERT INTO bare_slot SELECT id, service_id, starts_at, ends_at, open, capacity, taken FROM slot;
CREATE INDEX ON bare_slot (service_id, starts_at);
"""

_BOOK = """
WITH place AS (
    UPDATE bare_slot SET taken = taken + 1 WHERE id = $1 AND open AND taken < capacity RETURNING id
), booking AS (
    INSERT INTO bare_booking (slot_id, name, phone) SELECT id, $2, $3 FROM place RETURNING id
)
INSERT INTO bare_outbox (booking_id, body) SELECT id, 'booked' FROM booking RETURNING booking_id
"""

_SLOTS = """
SELECT id, starts_at, ends_at, capacity - taken AS free FROM bare_slot
WHERE service_id = $1 AND starts_at >= $2 AND starts_at < $3 ORDER BY starts_at, id
"""


class Booking(BaseModel):
    """What the bare endpoint takes."""

    slot: int
    name: str
    phone: str


class Booked(BaseModel):
    """What it answers."""

    id: int
    slot: int


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    size = int(os.environ["HENKHAM_DATABASE_POOL"])
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=size, max_size=size) as pool:
        app.state.pool = pool
        yield


def application() -> FastAPI:
    """The bare app."""
    app = FastAPI(lifespan=_pool, openapi_url=None)

    @app.post("/bookings", status_code=201)
    async def book(booking: Booking) -> Booked:
        row = await app.state.pool.fetchval(_BOOK, booking.slot, booking.name, booking.phone)
        if row is None:
            raise HTTPException(409)
        return Booked(id=row, slot=booking.slot)

    @app.get("/slots")
    async def slots(service: int, start: datetime, end: datetime) -> Response:
        rows = await app.state.pool.fetch(_SLOTS, service, start, end)
        return Response(orjson.dumps({"items": [dict(row) for row in rows]}), media_type="application/json")

    @app.get("/static")
    async def static() -> Response:
        return Response(b'{"items": []}', media_type="application/json")

    return app
