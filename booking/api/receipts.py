"""Status callbacks of the SMS provider: signed, late, twice and out of order."""

from fastapi import APIRouter

router = APIRouter(tags=["sms"], include_in_schema=False)
