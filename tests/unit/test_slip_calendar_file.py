"""The calendar file, read back strictly."""

import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar, Event

from booking.clock import ZONE
from booking.directory.kinds import FacilityKind, FacilityState
from booking.directory.queries import FacilityView
from booking.i18n import Language
from booking.mobile.reading import Visit
from booking.mobile.slip.calendar_event import event_file

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
START = datetime(2026, 11, 30, 7, 30, tzinfo=ZONE)
FACILITY = FacilityView(
    code="TYT-01", kind=FacilityKind.HEALTH_STATION, state=FacilityState.OPEN, name="Trạm Y tế Mẫu; số 2, “A” \\ B",
    name_en="Sample station", address="1 đường Mẫu", phone=None, latitude=10.346, longitude=107.0843,
    ward_2023="Phường 1", ward_2025="Phường Vũng Tàu", parent=None, merged_into=None, confirmed=False,
)  # fmt: skip
VISIT = Visit(
    "K7M2PQ4R", "t" * 27, 1,
    {
        "state": "booked", "version": 1, "patient": {"name": "Nguyễn Thị Mẫu"},
        "service": {"code": "x", "name": "Khám nội tiết", "name_en": "Endocrinology"},
        "slot": {"start": START.isoformat(), "end": (START + timedelta(minutes=30)).isoformat()},
    },
    uuid.UUID(int=7),
)  # fmt: skip


def made(visit: Visit = VISIT, *, language: Language = "vi", facility: FacilityView = FACILITY, **view: Any) -> bytes:
    shown = replace(visit, view={**visit.view, **view})
    organizer = "https://henkham.example/f/TYT-01"
    return event_file(shown, facility, organizer=organizer, language=language, now=NOW)


def read(body: bytes) -> tuple[Calendar, Event]:
    """Parse with nothing forgiven."""
    calendar = Calendar.from_ical(body)
    assert isinstance(calendar, Calendar)
    for part in calendar.walk():
        assert not part.errors
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return calendar, event


def test_every_member_is_there_in_utc() -> None:
    calendar, event = read(made())
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    assert calendar["prodid"]
    assert event["uid"] == str(VISIT.public_id)
    assert (event["sequence"], event["status"], event["class"]) == (0, "CONFIRMED", "PRIVATE")
    assert event.decoded("dtstart") == START
    assert event.decoded("dtend") - event.decoded("dtstart") == timedelta(minutes=30)
    assert event.decoded("dtstamp") == NOW
    assert len(re.findall(rb"^DT(?:START|END|STAMP):\d{8}T\d{6}Z\r$", made(), re.MULTILINE)) == 3
    assert event["summary"] == f"Khám tại {FACILITY.name}"
    assert event["location"] == f"{FACILITY.name}, 1 đường Mẫu, Phường Vũng Tàu"
    assert event["geo"].to_ical() == "10.346;107.0843"
    (alarm,) = event.walk("VALARM")
    assert (alarm["action"], alarm.decoded("trigger")) == ("DISPLAY", timedelta(hours=-1))


def test_lines_are_as_the_rfc_wants_them() -> None:
    body = made()
    assert body.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    body.decode("utf-8")


def test_a_move_and_a_cancellation_reach_a_calendar_that_has_the_event() -> None:
    later = (START + timedelta(days=1)).isoformat()
    _, moved = read(made(version=2, slot={"start": later, "end": (START + timedelta(days=1, minutes=30)).isoformat()}))
    calendar, gone = read(made(version=3, state="cancelled"))
    assert {moved["uid"], gone["uid"]} == {str(VISIT.public_id)}
    assert (moved["sequence"], gone["sequence"]) == (1, 2)
    assert (calendar["method"], gone["status"]) == ("CANCEL", "CANCELLED")
    assert not gone.walk("VALARM")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_shared_calendar_learns_neither_who_nor_why_nor_the_link(language: Language) -> None:
    text = made(language=language).replace(b"\r\n ", b"").decode()
    assert VISIT.code in text
    for secret in (VISIT.token, "Nguyễn", "nội tiết", "Endocrin", "/t/"):
        assert secret not in text


def test_an_unknown_place_leaves_its_members_out() -> None:
    bare = FACILITY.model_copy(
        update={"address": None, "latitude": None, "longitude": None, "ward_2023": None, "ward_2025": None}
    )
    _, event = read(made(facility=bare, language="en"))
    assert event["location"] == "Sample station"
    assert "geo" not in event


def test_the_judge_refuses_what_is_broken() -> None:
    """The control: a time that is none, and an object that does not end."""
    with pytest.raises(AssertionError, match="Wrong datetime format"):
        read(made().replace(b"DTSTART:2026", b"DTSTART:20x6"))
    with pytest.raises((ValueError, AssertionError)):
        read(made().replace(b"END:VEVENT\r\n", b""))
