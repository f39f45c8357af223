"""Signing in: the number, then the code. The same answer and the same work whether the number is known or not.

`next` stays in the address of every step, so that the way back is not lost by an error or a change of language.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments.errors import KeyMissing
from booking.clock import ZONE
from booking.errors import BookingError, OutcomeUnknown
from booking.mobile.account.coming_back import Back, back_to
from booking.mobile.confirming import still_confirming
from booking.mobile.slip import offline
from booking.patients import codes, sessions
from booking.patients.code_limits import CodeLimits
from booking.patients.codes import Waiting
from booking.patients.errors import CodeRefused, NotMobile
from booking.patients.kinds import CodePurpose
from booking.patients.rules import Phone, read_phone
from booking.patients.signing_rules import bare, read_code
from booking.settings import Settings
from booking.trail.errors import TriedTooOften
from booking.trail.keys import KEY_PATTERN
from booking.web import device, signed_in
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import check_address, check_codes
from booking.web.origin import ForeignForm, check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

After = Annotated[str, Query(alias="next")]
"""Where to go when signed in; a path of ours."""


@router.get("/sign-in")
async def phone_page(request: Request, asked: Ask, after: After = "") -> Response:
    """Which number? Whoever is signed in already goes on."""
    back = await back_to(asked, after)
    found = await signed_in.current(request, asked)
    if found is not None:
        return see_other(request, back.step("/sign-in/birth") if found.needs_birth else back.path)
    return _show_phone(request, back)


def _show_phone(
    request: Request, back: Back, *, typed: str = "", error: BookingError | None = None, asked: Asked | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None and asked is not None else None
    beside = error is not None and error.facts.get("field") == "phone"
    answer = page(
        request, "sign_in.html", status=status_of(error) if error else 200, personal=True, back=back, typed=typed,
        error=said, beside=beside, again_at=_again_at(error, asked),
    )  # fmt: skip
    return _with_retry(answer, error)


def _again_at(error: BookingError | None, asked: Asked | None) -> datetime | None:
    """When a limit ends, so that the page can say so."""
    seconds = error.facts.get("retry_after") if error is not None else None
    return asked.now + timedelta(seconds=seconds) if isinstance(seconds, int) and asked is not None else None


def _with_retry(answer: Response, error: BookingError | None) -> Response:
    if error is not None and "retry_after" in error.facts:
        answer.headers["Retry-After"] = str(error.facts["retry_after"])
    return answer


@router.post("/sign-in")
async def send_code(request: Request, asked: Ask, after: After = "") -> Response:
    """Send a code to the number."""
    form = await request.form()
    back = await back_to(asked, after)
    typed = text_of(form, "phone")
    try:
        phone = read_phone(bare(typed))
        if not phone.mobile:
            raise NotMobile(field="phone")
        waiting = await _ask(request, asked, phone)
    except OutcomeUnknown:
        return still_confirming(request, form, action=back.step("/sign-in"), check=back.step("/sign-in/code"))
    except ForeignForm:
        raise
    except BookingError as error:
        return _show_phone(request, back, typed=typed, error=error, asked=asked)
    if waiting.refused is not None:
        return _show_code(request, asked, back, waiting, error=waiting.refused)
    return see_other(request, back.step("/sign-in/code"))


async def _ask(request: Request, asked: Asked, phone: Phone) -> Waiting:
    mine, limits = asker(request), limits_of(asked.settings)
    refused = await reached(asked)

    async def work() -> Waiting:
        async with asked.db.transaction() as session:
            return await codes.ask(
                session, phone, purpose=CodePurpose.SIGN_IN, asker=mine, language=asked.language, limits=limits,
                by=asked.by, now=asked.now, refused=refused,
            )  # fmt: skip

    return await asked.db.until_known(work)


def limits_of(settings: Settings) -> CodeLimits:
    """How many codes may be sent."""
    return CodeLimits(
        settings.limit_codes_phone_per_hour, settings.limit_codes_phone_per_day, settings.limit_codes_per_hour
    )


async def reached(asked: Asked) -> TriedTooOften | None:
    """The limit of codes of this address, where it is reached; the request is kept all the same.

    Raises:
        TriedTooOften: this address changes too much altogether; nothing is kept.
    """
    async with asked.db.hot() as hot:
        await check_address(hot, asked)
        try:
            await check_codes(hot, asked)
        except TriedTooOften as refused:
            return refused
    return None


def asker(request: Request) -> bytes:
    """What a code is bound to: this browser.

    Raises:
        ForeignForm: it keeps no cookies, so nothing can be bound to it.
    """
    mark = device.mark(request)
    if mark is None:
        raise ForeignForm
    return codes.asker_of(mark)


@router.get("/sign-in/code")
async def code_page(request: Request, asked: Ask, after: After = "", sent: Annotated[str, Query()] = "") -> Response:
    """Which code? Whoever did not ask for one is asked for the number first."""
    back = await back_to(asked, after)
    found = await signed_in.current(request, asked)
    if found is not None:
        return see_other(request, back.step("/sign-in/birth") if found.needs_birth else back.path)
    waiting = await _waiting(request, asked)
    if waiting is None:
        return see_other(request, back.step("/sign-in"))
    return _show_code(request, asked, back, waiting, sent=sent)


async def _waiting(request: Request, asked: Asked) -> Waiting | None:
    mark = device.mark(request)
    if mark is None:
        return None
    async with asked.db.transaction() as session:
        return await codes.waiting(session, purpose=CodePurpose.SIGN_IN, asker=codes.asker_of(mark), now=asked.now)


def _show_code(
    request: Request,
    asked: Asked,
    back: Back,
    waiting: Waiting | None,
    *,
    error: BookingError | None = None,
    shared: bool = False,
    sent: str = "",
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    answer = page(
        request, "sign_in_code.html", status=status_of(error) if error else 200, personal=True, back=back,
        waiting=waiting, over=waiting is None or waiting.expires_at <= asked.now, error=said, sent=sent,
        beside=isinstance(error, CodeRefused), shared=shared, key=ids.opaque_key(24), **_times(waiting, asked, error),
    )  # fmt: skip
    return _with_retry(answer, error)


def _times(waiting: Waiting | None, asked: Asked, error: BookingError | None) -> dict[str, Any]:
    """From when on another code may be asked for, to the second: without a script that is the timer."""
    later = _again_at(error, asked)
    again = later or (waiting.again_at if waiting is not None else asked.now)
    said = f"{again.astimezone(ZONE):%H:%M:%S}" if again > asked.now else ""
    return {"again_at": again, "again_said": said, "limited": later is not None}


@router.post("/sign-in/again")
async def send_again(request: Request, asked: Ask, after: After = "") -> Response:
    """Send another code to the same number; within a minute the first one is still on its way."""
    back = await back_to(asked, after)
    waiting = await _waiting(request, asked)
    if waiting is None:
        return see_other(request, back.step("/sign-in"))
    try:
        again = await _ask(request, asked, read_phone(waiting.phone))
    except OutcomeUnknown:
        form = FormData()
        return still_confirming(request, form, action=back.step("/sign-in/again"), check=back.step("/sign-in/code"))
    except TriedTooOften as error:
        return _show_code(request, asked, back, waiting, error=error)
    if again.refused is not None:
        return _show_code(request, asked, back, again, error=again.refused)
    early = asked.now < waiting.again_at
    return see_other(request, back.step("/sign-in/code", sent="early" if early else "new"))


@dataclass(frozen=True, slots=True)
class _In:
    """The session a code opened."""

    token: str
    needs_birth: bool


@router.post("/sign-in/code")
async def sign_in(request: Request, asked: Ask, after: After = "") -> Response:
    """Use the code. Wrong, expired, used, another browser's, for something else: one and the same answer."""
    form = await request.form()
    back = await back_to(asked, after)
    shared = text_of(form, "shared") == "yes"
    try:
        opened = await _open(request, asked, form, shared=shared)
    except OutcomeUnknown:
        here = back.step("/sign-in/code")
        return still_confirming(request, form, action=here, check=here)
    except CodeRefused as error:
        return _show_code(request, asked, back, await _waiting(request, asked), error=error, shared=shared)
    answer = see_other(request, back.step("/sign-in/birth") if opened.needs_birth else back.path)
    signed_in.remember(request, answer, opened.token, shared=shared)
    if shared:
        offline.keep_none(request, answer)
    return answer


async def _open(request: Request, asked: Asked, form: FormData, *, shared: bool) -> _In:
    """The new session; the same form sent twice gives the same one.

    Raises:
        CodeRefused: the code is not good. Only now, when the try is counted for good.
        KeyMissing: the form is not ours.
    """
    digits = read_code(text_of(form, "code"))
    key = text_of(form, "key")
    if not KEY_PATTERN.fullmatch(key):
        raise KeyMissing
    mine = asker(request)

    async def work() -> _In | None:
        async with asked.db.transaction() as session:
            how: dict[str, Any] = {"purpose": CodePurpose.SIGN_IN, "asker": mine, "now": asked.now}
            proof = await codes.use(session, digits, by=asked.by, **how)
            if proof is None:
                before = await codes.used_just_now(session, digits, **how)
                token = sessions.token_of(before, key) if before is not None else None
                open_now = await sessions.current(session, token, now=asked.now) if token is not None else None
                return _In(token, open_now.needs_birth) if token is not None and open_now is not None else None
            token = sessions.token_of(proof, key)
            opened = await sessions.open_session(
                session, proof, token=token, shared=shared, by=asked.by, now=asked.now,
                silent_after=timedelta(days=asked.settings.silent_days), replaces=signed_in.token_of(request),
            )  # fmt: skip
            return _In(token, opened.needs_birth)

    opened = await asked.db.until_known(work)
    if opened is None:
        raise CodeRefused(field="code")
    return opened


@router.get("/sign-in/help")
async def help_page(request: Request, asked: Ask, after: After = "") -> Response:
    """No code, no mobile, a number of another country: what to do."""
    back = await back_to(asked, after)
    return page(request, "sign_in_help.html", personal=True, back=back, asking=await _waiting(request, asked))
