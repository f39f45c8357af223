"""A visit as a file for the phone's calendar.

It travels into calendars that families and offices share, and their makers' clouds. So it names the facility, the time
and the code, and neither the service, nor the patient, nor the link: the code alone opens nothing.
"""

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from icalendar import Alarm, Calendar, Event, vCalAddress, vGeo, vText
from starlette.responses import Response

from booking.directory.queries import FacilityView
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.reading import Visit
from booking.web.dependencies import Ask
from booking.web.pages import named, see_other

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}")

_BEFORE = timedelta(hours=1)
"""When the phone rings: late enough to wake nobody at night, early enough to set out."""

_TITLE = _("Visit: %(facility)s")
_ABOUT = _(
    "Booking code %(code)s. Show the slip or say the code at the desk. "
    "To change or cancel, open the link in the message."
)


@router.get("/visit.ics")
async def calendar_file(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The visit as it stands, to be taken into a calendar; taken in again it puts an older copy right."""
    visit = await reading.visit(asked, code, token)
    if visit.state in ("held", "lapsed"):
        return see_other(request, f"/h/{code}/{token}")
    what = await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])
    organizer = f"{asked.settings.public_base_url}/f/{what.facility.code}"
    body = event_file(visit, what.facility, organizer=organizer, language=asked.language, now=asked.now)
    headers = {"Content-Disposition": f'attachment; filename="hen-kham-{code}.ics"', "Cache-Control": "no-store"}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def event_file(visit: Visit, facility: FacilityView, *, organizer: str, language: Language, now: datetime) -> bytes:
    """An iCalendar object (RFC 5545) of one event, in UTC.

    UID stays the same for the life of the visit and SEQUENCE rises with each change of it, so that a calendar that has
    the event moves it, or strikes it out. `organizer` is the address of the facility's page; `now` is UTC.
    """
    cancelled = visit.state == "cancelled"
    start, end = (datetime.fromisoformat(visit.view["slot"][edge]) for edge in ("start", "end"))
    title = translate(language, _TITLE) % {"facility": named(facility, language)}
    made = Calendar()
    made.add("prodid", "-//Hen Kham//Vung Tau//VI")
    made.add("version", "2.0")
    made.add("method", "CANCEL" if cancelled else "PUBLISH")
    event = Event()
    event.add("uid", str(visit.public_id))
    event.add("sequence", visit.view["version"] - 1)
    event.add("dtstamp", now)
    event.add("dtstart", start.astimezone(now.tzinfo))
    event.add("dtend", end.astimezone(now.tzinfo))
    event.add("summary", title)
    event.add("description", translate(language, _ABOUT) % {"code": visit.code})
    event.add("location", ", ".join(_place(facility, language)))
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("organizer", _organizer(organizer, named(facility, language)))
    if facility.latitude is not None and facility.longitude is not None:
        event.add("geo", vGeo((facility.latitude, facility.longitude)))
    if not cancelled:
        event.add_component(_alarm(title))
    made.add_component(event)
    body: bytes = made.to_ical()
    return body


def _place(facility: FacilityView, language: Language) -> list[str]:
    parts = (named(facility, language), facility.address, facility.ward_2025 or facility.ward_2023)
    return [part for part in parts if part]


def _organizer(address: str, name: str) -> vCalAddress:
    made = vCalAddress(address)
    made.params["CN"] = vText(name)
    return made


def _alarm(title: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -_BEFORE)
    alarm.add("description", title)
    return alarm
