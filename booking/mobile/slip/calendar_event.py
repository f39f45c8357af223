"""A visit as an event of a calendar.

It travels into calendars that families and offices share, and their makers' clouds. So it names the facility, the time
and the code, and neither the service, nor the patient, nor the link: the code alone opens nothing.
"""

from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event, vCalAddress, vGeo, vText

from booking.directory.queries import FacilityView
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.mobile.reading import Visit
from booking.web.pages import named

_BEFORE = timedelta(hours=1)
"""When the phone rings: late enough to wake nobody at night, early enough to set out."""

_TITLE = _("Visit: %(facility)s")
_ABOUT = _(
    "Booking code %(code)s. Show the slip or say the code at the desk. "
    "To change or cancel, open the link in the message."
)


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
