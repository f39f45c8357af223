"""The JSON door: /api/v1, described by OpenAPI 3.1."""

from fastapi import APIRouter

from booking.api import appointments, directory, receipts, slots

router = APIRouter(prefix="/api/v1")
for part in (directory.router, slots.router, appointments.router, receipts.router):
    router.include_router(part)
