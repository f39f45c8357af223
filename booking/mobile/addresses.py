"""What a page's address may hold, and the addresses of pages. A strange sign is an unknown thing, not a fault."""

import re
from datetime import date
from typing import Annotated

from fastapi import Depends, Path

from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.errors import NotFound

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CODE = re.compile(r"[A-Z0-9]{4,16}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _facility(facility: Annotated[str, Path()]) -> str:
    if not _WORD.fullmatch(facility):
        raise FacilityUnknown
    return facility


def _service(service: Annotated[str, Path()]) -> str:
    if not _WORD.fullmatch(service):
        raise ServiceUnknown
    return service


def read_day(raw: str) -> date:
    """A day of the calendar, written 2026-11-30; NotFound when it is none."""
    if not _DAY.fullmatch(raw):
        raise NotFound
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise NotFound from None


def _day(day: Annotated[str, Path()]) -> date:
    return read_day(day)


def _code(code: Annotated[str, Path()]) -> str:
    return code if _CODE.fullmatch(code) else ""


def _token(token: Annotated[str, Path()]) -> str:
    # Like the code: what cannot be one is looked up all the same, so that every wrong link takes the same way.
    return token if _TOKEN.fullmatch(token) else ""


Facility = Annotated[str, Depends(_facility)]
Service = Annotated[str, Depends(_service)]
Day = Annotated[date, Depends(_day)]
Code = Annotated[str, Depends(_code)]
Token = Annotated[str, Depends(_token)]
