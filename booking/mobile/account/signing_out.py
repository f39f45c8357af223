"""Where an account is signed in, and signing out: here, there, everywhere else."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.mobile.booking import keeping
from booking.mobile.slip import offline
from booking.patients import codes, sessions
from booking.web import device, signed_in
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.signed_in import Known, actor

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

_LIST = "/me/sessions"
_NONE = UUID(int=0)


@router.post("/sign-out")
async def sign_out(request: Request, asked: Ask) -> Response:
    """End the session in the database too, so that a cookie somebody copied is worth nothing.

    Codes this browser asked for are good no more: whoever has it next may know one. On a shared telephone, and where
    nobody can tell any more, the browser forgets the slips it keeps.
    """
    token, mark = signed_in.token_of(request), device.mark(request)
    shared = True

    async def work() -> bool:
        async with asked.db.transaction() as session:
            if mark is not None:
                await codes.give_up(session, codes.asker_of(mark), now=asked.now)
            found = await sessions.current(session, token or "", now=asked.now)
            who = found.who if found is not None else None
            await sessions.sign_out(session, token or "", by=actor(asked, who), now=asked.now)
            return who is None or who.shared

    if token is not None or mark is not None:
        shared = await asked.db.until_known(work)
    answer = see_other(request, "/")
    signed_in.forget(request, answer)
    keeping.forget_holds(request, answer)
    if shared:
        offline.forget(answer)
    return answer


@router.get(_LIST)
async def sessions_page(request: Request, asked: Ask, who: Known) -> Response:
    """Where the account is signed in."""
    async with asked.db.transaction() as session:
        found = await sessions.sessions(session, who.account_id, now=asked.now)
    return page(request, "sessions.html", personal=True, who=who, sessions=found)


def _session_id(session_id: Annotated[str, Path()]) -> UUID:
    # What cannot be an id is looked up all the same, so that every wrong address takes the same way.
    try:
        return UUID(session_id)
    except ValueError:
        return _NONE


@router.post(_LIST + "/{session_id}/end")
async def end_one(
    request: Request, asked: Ask, who: Known, session_id: Annotated[UUID, Depends(_session_id)]
) -> Response:
    """Sign out somewhere else; where it is this very session, here."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await sessions.end_one(session, who.account_id, session_id, by=actor(asked, who), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, _LIST)


@router.post(_LIST + "/end-others")
async def end_others(request: Request, asked: Ask, who: Known) -> Response:
    """Sign out everywhere but here."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await sessions.end_others(session, who, by=actor(asked, who), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, _LIST)
