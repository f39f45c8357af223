"""What addresses of the calendar hold. A strange sign is an unknown thing, not a fault."""

import re
from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Request

from booking.directory.errors import EntryUnknown

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"\d{1,15}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CLOSING = "/desk/{facility}/closings/new"


def read_day(raw: str) -> date:
    """A day written 2026-11-30; EntryUnknown where it is none."""
    try:
        if _DAY.fullmatch(raw):
            return date.fromisoformat(raw)
    except ValueError:
        pass
    raise EntryUnknown


def read_number(raw: str) -> int:
    """A row's number; EntryUnknown where it is none."""
    if not _NUMBER.fullmatch(raw):
        raise EntryUnknown
    return int(raw)


def _day(day: Annotated[str, Path()]) -> date:
    return read_day(day)


def _weekly(weekly: Annotated[str, Path()]) -> int:
    return read_number(weekly)


def _notice(notice: Annotated[str, Path()]) -> int:
    return read_number(notice)


def _code(code: Annotated[str, Path()]) -> str:
    if not _CODE.fullmatch(code):
        raise EntryUnknown
    return code


OnDay = Annotated[date, Depends(_day)]
WeeklyId = Annotated[int, Depends(_weekly)]
NoticeId = Annotated[int, Depends(_notice)]
EntryCode = Annotated[str, Depends(_code)]


def closing_path(request: Request, facility: str) -> str | None:
    """Where times with people inside are closed and the people told; None as long as there is no such page."""
    there = any(_leads_to(route) for route in request.app.routes)
    return _CLOSING.replace("{facility}", facility) if there else None


def _leads_to(route: object) -> bool:
    if getattr(route, "path", "") == _CLOSING:
        return True
    inner = getattr(route, "original_router", None)
    return inner is not None and any(_leads_to(found) for found in inner.routes)
