"""One's own account: password, authenticator, where one is signed in."""

import asyncio
import base64
from typing import Annotated
from uuid import UUID

import pyotp
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access import known, passwords, queries, service, sessions
from booking.access.errors import (
    AuthenticatorRefused,
    PasswordRefused,
    PresentPasswordWrong,
    SignInDelayed,
    StaffUnknown,
)
from booking.access.queries import Desk
from booking.access.rules import PASSWORD_ALONE, PASSWORD_WITH_CODE
from booking.desk.forms import raw_of
from booking.errors import BookingError
from booking.sealed import keys
from booking.web import at_desk
from booking.web.at_desk import AtDesk
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of
from booking.web.qr import qr_svg

router = APIRouter(prefix="/desk/account", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("")
async def account_page(request: Request, asked: Ask, desk: AtDesk) -> Response:
    """Everything about one's own account."""
    async with asked.db.transaction() as session:
        opened = await queries.sessions_of(session, desk.staff.staff_id, now=asked.now)
    return page(request, "desk_account.html", personal=True, desk=desk, sessions=opened)


@router.get("/password")
async def password_page(request: Request, desk: AtDesk) -> Response:
    """The form for a new password."""
    return _show_password(request, desk)


def _show_password(
    request: Request, desk: Desk, *, error: BookingError | None = None, asked: Asked | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None and asked is not None else None
    least = PASSWORD_WITH_CODE if desk.staff.has_authenticator else PASSWORD_ALONE
    field = "new" if isinstance(error, PasswordRefused) else "old"
    return page(
        request, "desk_password.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        least=least, error=said, field=field,
    )  # fmt: skip


@router.post("/password")
async def change_password(request: Request, asked: Ask, desk: AtDesk) -> Response:
    """Take a new password. The present one is asked for again: the desk may have been left for a minute."""
    form = await request.form()
    old, new = raw_of(form, "old"), raw_of(form, "new")
    try:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        attempt = await _check_present(asked, desk, old)
        async with asked.db.transaction() as session:
            await sessions.forgive(session, attempt)
            about = await queries.names_about(session, desk.staff)
        service.check_new_password(desk.staff, old, new, about=about)
        await asyncio.to_thread(known.check, new, breached=asked.settings.breached_passwords)
        hashed = await asyncio.to_thread(passwords.hash_password, new)
        async with asked.db.transaction() as session:
            await service.change_password(session, desk, hashed, by=at_desk.actor(asked, desk), now=asked.now)
    except (PasswordRefused, PresentPasswordWrong, SignInDelayed) as error:
        return _show_password(request, desk, error=error, asked=asked)
    return see_other(request, "/desk/account?done=password")


async def _check_present(asked: Asked, desk: Desk, password: str) -> sessions.Attempt:
    """Tries count like those of signing in: a stolen session must not guess the password. The caller forgives it."""
    async with asked.db.transaction() as session:
        attempt = await sessions.begin(session, desk.staff.username, now=asked.now)
    if not await asyncio.to_thread(passwords.fits, attempt.password, password):
        raise PresentPasswordWrong
    return attempt


def _secret_of(desk: Desk) -> str:
    """The secret offered to this session: the same each time it is shown, and stored nowhere until it is taken."""
    return base64.b32encode(keys().index("authenticator", str(desk.session))[:20]).decode()


@router.get("/authenticator")
async def authenticator_page(request: Request, desk: AtDesk) -> Response:
    """The QR code for an authenticator."""
    return _show_authenticator(request, desk)


def _show_authenticator(
    request: Request, desk: Desk, *, error: BookingError | None = None, asked: Asked | None = None
) -> Response:
    secret = _secret_of(desk)
    address = pyotp.TOTP(secret).provisioning_uri(name=desk.staff.username, issuer_name="Hen Kham")
    said = sentence(error, asked.language) if error is not None and asked is not None else None
    field = str(error.facts.get("field", "old")) if error else ""
    return page(
        request, "desk_authenticator.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        qr=qr_svg(address), secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), error=said,
        field=field,
    )  # fmt: skip


@router.post("/authenticator")
async def enrol(request: Request, asked: Ask, desk: AtDesk) -> Response:
    """Take the authenticator into use, once it shows a code that fits.

    Whoever sits at a desk left open must not make the account his own: the password is asked for again, and a code of
    the authenticator used until now.
    """
    form = await request.form()
    try:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        attempt = await _check_present(asked, desk, raw_of(form, "old"))
        async with asked.db.transaction() as session:
            await sessions.enrol(
                session, attempt, desk, _secret_of(desk), raw_of(form, "code"), present=raw_of(form, "present"),
                by=at_desk.actor(asked, desk), now=asked.now,
            )  # fmt: skip
    except (AuthenticatorRefused, PresentPasswordWrong, SignInDelayed) as error:
        return _show_authenticator(request, desk, error=error, asked=asked)
    return see_other(request, "/desk/account?done=authenticator")


@router.post("/sessions/{which}/end")
async def end_session(request: Request, asked: Ask, desk: AtDesk, which: Annotated[str, Path()]) -> Response:
    """Sign another browser of one's own out."""
    try:
        named = UUID(which)
    except ValueError:
        raise StaffUnknown from None
    async with asked.db.transaction() as session:
        await sessions.end(session, desk, named, by=at_desk.actor(asked, desk), now=asked.now)
    return see_other(request, "/desk/account")
