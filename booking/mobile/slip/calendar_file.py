"""A visit as a file for the phone's calendar: the event itself is `calendar_event`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.web.dependencies import Ask
from booking.web.pages import see_other

router = APIRouter(include_in_schema=False, prefix="/t/{code}/{token}")


@router.get("/visit.ics")
async def calendar_file(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The visit as it stands, to be taken into a calendar; taken in again it puts an older copy right."""
    visit = await reading.visit(asked, code, token)
    if visit.state in ("held", "lapsed"):
        return see_other(request, f"/h/{code}/{token}")
    what = await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])
    # Loaded here: a process carries the library only once somebody asked for such a file.
    from booking.mobile.slip.calendar_event import event_file

    organizer = f"{asked.settings.public_base_url}/f/{what.facility.code}"
    body = event_file(visit, what.facility, organizer=organizer, language=asked.language, now=asked.now)
    headers = {"Content-Disposition": f'attachment; filename="hen-kham-{code}.ics"', "Cache-Control": "no-store"}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)
