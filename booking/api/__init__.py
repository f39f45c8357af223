"""The JSON door: /api/v1, described by OpenAPI 3.1."""

from fastapi import FastAPI

from booking.api import appointments, directory, receipts, slots
from booking.api.document import describe


def install(app: FastAPI) -> None:
    """Mount the door, straight on the app: each router inside a router costs every request a search."""
    for part in (slots.router, appointments.router, directory.router, receipts.router):
        app.include_router(part)
    describe(app)
