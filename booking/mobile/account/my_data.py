"""My data: see it, take it away, agree or withdraw, delete; and who of the staff looked."""

from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments import attending
from booking.appointments.waitlist import service as waitlist
from booking.clock import local_day
from booking.directory import queries as directory
from booking.errors import OutcomeUnknown
from booking.mobile.account.people import ProfileId, doubts
from booking.mobile.confirming import still_confirming
from booking.mobile.slip import offline
from booking.mobile.waiting.ending import leave_all
from booking.patients import consents, matching, queries
from booking.patients.errors import ProfileUnknown
from booking.patients.kinds import ConsentPurpose
from booking.patients.sessions import SignedIn
from booking.records import queries as records
from booking.records import scope, service, visits
from booking.records.errors import VisitsRemain
from booking.trail import reading
from booking.web import person_forms, signed_in
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import status_of
from booking.web.signed_in import Known, actor

router = APIRouter(include_in_schema=False, prefix="/me/data", dependencies=[Depends(check_origin), Depends(counted)])


@router.get("")
async def data_page(request: Request, asked: Ask, who: Known) -> Response:
    """What is held, why and how long; each person's own page."""
    async with asked.db.transaction() as session:
        people = await queries.profiles(session, who.account_id, today=local_day(asked.now))
        coming = await visits.coming(session, who.account_id, now=asked.now)
    return page(request, "my_data.html", personal=True, who=who, people=people, coming=coming)


@router.post("/close")
async def close(request: Request, asked: Ask, who: Known) -> Response:
    """Forget the number of an account that looks after nobody, and sign out everywhere."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.close_account(session, who.account_id, by=actor(asked, who), now=asked.now)

    try:
        await asked.db.until_known(work)
    except ProfileUnknown:  # closed a moment ago, by the other tap
        pass
    except OutcomeUnknown:
        return still_confirming(request, await request.form(), action=request.url.path, check="/")
    answer = see_other(request, "/")
    signed_in.forget(request, answer)
    offline.forget(answer)
    return answer


@router.get("/{profile}")
async def person_data_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Everything about one person."""
    return await _show(request, asked, who, profile)


async def _show(request: Request, asked: Asked, who: SignedIn, profile: ProfileId) -> Response:
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=today)
        found = await records.held(session, seen, today=today)
        answered = await consents.answered(session, seen.patient_id, today=today) if seen.whole else {}
        reads = await reading.reads_of(session, seen.patient.public_id) if seen.whole else []
        places = {place.code: place for place in await directory.facilities(session)} if reads else {}
    to_child = consents.said_to(consents.consenter(seen.view.birth, today), asked.language)
    return page(
        request, "my_data_person.html", personal=True, person=seen.view,
        whole=seen.whole, held=found["person"][0], counts={name: len(rows) for name, rows in found.items()},
        visits=found["visits"], reads=reads, places=places, said=to_child,
        doubts=doubts(seen.view.doubts, asked),
        questions=person_forms.questions(ConsentPurpose, asked.language, answered) if seen.whole else [],
    )  # fmt: skip


@router.get("/{profile}/download")
async def download(asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Everything about one person as a file that people and programs can read."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=today)
        found = await records.held(session, seen, today=today)
    body = orjson.dumps({"made_at": asked.now.isoformat(), **found}, option=orjson.OPT_INDENT_2)
    headers = {
        "Content-Disposition": f'attachment; filename="hen-kham-{today}.json"',
        "Cache-Control": "no-store",
    }
    return Response(body, 200, headers, "application/json")


@router.post("/{profile}/consent")
async def answer(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Agree to one purpose, or withdraw."""
    form = await request.form()
    purpose, granted = text_of(form, "purpose"), text_of(form, "answer") == "yes"
    if purpose not in set(ConsentPurpose):
        return see_other(request, f"/me/data/{profile}")

    async def work() -> None:
        by = actor(asked, who)
        if purpose == ConsentPurpose.BOOKING and not granted:
            await leave_all(asked, await _waits_of_anybody(asked, who, profile), by=by)
        async with asked.db.transaction() as session:
            await service.answer(
                session, who.account_id, profile, {ConsentPurpose(purpose): granted}, language=asked.language,
                channel="mobile", by=by, now=asked.now,
            )  # fmt: skip

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=f"/me/data/{profile}")
    return see_other(request, f"/me/data/{profile}#consent")


async def _waits_of_anybody(asked: Asked, who: SignedIn, profile: ProfileId) -> list[tuple[int, UUID]]:
    """The answer holds for the person, whoever waits for her; none where she answers for herself elsewhere."""
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=local_day(asked.now))
        return await waitlist.waits_of(session, patient_id=seen.patient_id) if seen.whole else []


@router.get("/{profile}/delete")
async def delete_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """One clear question: what goes, what stays and why; or why it cannot be done yet."""
    return await _ask(request, asked, who, profile)


async def _ask(request: Request, asked: Asked, who: SignedIn, profile: ProfileId, *, status: int = 200) -> Response:
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=local_day(asked.now))
        coming = await visits.coming_of(session, seen, now=asked.now)
        visited = await service.was_there(session, seen, now=asked.now)
        blocked = await service.what_blocks(session, seen, now=asked.now) if seen.whole else []
    return page(
        request, "my_data_delete.html", status=status, personal=True, person=seen.view, whole=seen.whole,
        coming=coming, kept=visited, blocked=blocked,
    )  # fmt: skip


@router.post("/{profile}/delete")
async def delete(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Give up what is still to come, then erase. A repeat goes on where the last one stopped."""
    form = await request.form()
    try:
        await asked.db.until_known(lambda: _erase(asked, who, profile))
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check="/me/data")
    except VisitsRemain as refused:
        return await _ask(request, asked, who, profile, status=status_of(refused))
    return see_other(request, "/me/data")


async def _erase(asked: Asked, who: SignedIn, profile: ProfileId) -> None:
    """Each visit and each wait in a transaction of its own, as its locks want it; erasing is the last.

    What would refuse it is asked first: nobody loses a visit and keeps the data.
    """
    by, today = actor(asked, who), local_day(asked.now)
    async with asked.db.transaction() as session:
        try:
            seen = await scope.scope_of(session, who.account_id, profile, today=today)
        except ProfileUnknown:
            if await matching.was_listed(session, who.account_id, profile):
                return  # a second tap, or the answer to the first was lost
            raise
        if seen.whole and await service.what_blocks(session, seen, now=asked.now):
            raise VisitsRemain
        coming = await visits.coming_of(session, seen, now=asked.now) if seen.whole else []
        waits = await service.waits_of(session, seen) if seen.whole else []
    for visit in coming:
        async with asked.db.transaction() as session:
            await attending.decline(session, visit.code, visit.token, by=by, now=asked.now)
    for wait in waits:
        async with asked.db.transaction() as session:
            await waitlist.leave(session, who.account_id, wait, by=by, now=asked.now)
    async with asked.db.transaction() as session:
        await service.erase(session, who.account_id, profile, by=by, now=asked.now)
