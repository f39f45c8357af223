"""The JSON door: /api/v1, described by OpenAPI 3.1."""

from fastapi import FastAPI

from booking.api import appointments, directory, receipts, slots, today
from booking.api.document import describe


def install(app: FastAPI) -> None:
    """Mount the operations, the busiest first.

    The routes are handed over as they are: `include_router` keeps each router as a router of its own, which then
    searches for every request twice, at a twelfth of a booking's whole cost.
    """
    for part in (slots.router, appointments.router, directory.router, receipts.router, today.router):
        app.router.routes.extend(part.routes)
    describe(app)
