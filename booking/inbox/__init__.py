"""The demo's page that shows each SMS as a phone would. Mounted by `henkham demo` only."""

from fastapi import APIRouter

router = APIRouter(prefix="/inbox", include_in_schema=False)
