"""Signing in and out. The password itself is checked between two transactions, because that takes its time.

attempt = await begin(session, …)        counts the try, before anything is known: parallel guesses count each
ok = await to_thread(passwords.fits, …)  in no transaction
opened = await complete(session, …)      the session's token, or None: which part was wrong is told to nobody
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.access import passwords
from booking.access.errors import AuthenticatorRefused, SignInDelayed, StaffUnknown
from booking.access.kinds import StaffState
from booking.access.models import SignInDelay, Staff, StaffSession
from booking.access.queries import Desk
from booking.access.rules import LONGEST, delay_after
from booking.actor import Actor
from booking.sealed import keys
from booking.text import clean
from booking.trail.service import record

STEP_SECONDS = 30
_SEEN_EVERY = timedelta(minutes=1)
_BROWSER_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was counted. `password` is the hash to check against: somebody's, or one that nothing fits."""

    username: str
    subject: bytes
    staff_id: int | None
    password: str


async def begin(session: AsyncSession, username: str, *, now: datetime) -> Attempt:
    """Count a try for this user name, and find what its password is checked against.

    Raises:
        SignInDelayed: too many tries failed; this one is not heard and not counted.
    """
    name = clean(username).lower()[:100]
    subject = keys().index("staff_username", name)
    made = upsert(SignInDelay).values(subject=subject, failures=0, next_try_at=now)
    await session.execute(made.on_conflict_do_nothing())
    delay = (
        await session.execute(select(SignInDelay).where(col(SignInDelay.subject) == subject).with_for_update())
    ).scalar_one()
    if delay.next_try_at > now:
        raise SignInDelayed(retry_after=int((delay.next_try_at - now).total_seconds()) + 1)
    delay.failures += 1
    delay.next_try_at = now + delay_after(delay.failures)
    staff = await session.scalar(select(Staff).where(col(Staff.username) == name))
    if staff is None or staff.state is not StaffState.ACTIVE:
        return Attempt(name, subject, None, passwords.nobodys())
    return Attempt(name, subject, staff.id, staff.password)


async def complete(
    session: AsyncSession, attempt: Attempt, *, fits: bool, code: str, browser: str, by: Actor, now: datetime
) -> str | None:
    """Open a session where password and, for whoever has an authenticator, its code fit; else None.

    Args:
        session: of the door.
        attempt: what `begin` counted.
        fits: whether the password is the one of the attempt's hash.
        code: of the authenticator; empty where none was entered.
        browser: what the browser says it is.
        by: from where.
        now: the moment.

    Returns:
        The token for the cookie; it is stored nowhere.
    """
    query = select(Staff).where(col(Staff.id) == attempt.staff_id).with_for_update()
    staff = await session.scalar(query) if attempt.staff_id is not None else None
    # What was checked must still be so: a password changed or an account closed meanwhile opens nothing.
    unchanged = staff is not None and staff.password == attempt.password and staff.state is StaffState.ACTIVE
    if staff is None or not unchanged or not fits or not _code_fits(staff, code, now=now):
        record(session, "staff.sign_in", "staff", staff.public_id if staff else "unknown", by=by, now=now,
               result="refused")  # fmt: skip
        return None
    await forgive(session, attempt)
    token = ids.opaque_key(32)
    staff.seen_at = now
    assert staff.id is not None
    session.add(
        StaffSession(
            public_id=ids.public_id(), token_hash=keys().index("staff_session", token), staff_id=staff.id,
            address=by.address, browser=clean(browser)[:_BROWSER_LONGEST], created_at=now, seen_at=now,
            expires_at=now + LONGEST,
        )
    )  # fmt: skip
    record(session, "staff.sign_in", "staff", staff.public_id, by=by, now=now)
    return token


async def forgive(session: AsyncSession, attempt: Attempt) -> None:
    """Forget the failures before a success."""
    await session.execute(delete(SignInDelay).where(col(SignInDelay.subject) == attempt.subject))


def _code_fits(staff: Staff, code: str, *, now: datetime) -> bool:
    """Whether the authenticator's code fits and was not used before; one who has no authenticator needs none."""
    if staff.authenticator is None:
        return True
    step = step_of(staff.authenticator, code, now=now)
    if step is None or (staff.authenticator_step is not None and step <= staff.authenticator_step):
        return False
    staff.authenticator_step = step
    return True


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The time step a code belongs to (RFC 6238), one step early or late; None when it fits none."""
    digits = clean(code).replace(" ", "")
    current = int(now.timestamp()) // STEP_SECONDS
    found = [step for step in (current - 1, current, current + 1)
             if pyotp.utils.strings_equal(pyotp.HOTP(secret).at(step), digits)]  # fmt: skip
    return found[0] if found else None


async def keep_alive(session: AsyncSession, desk: Desk, *, now: datetime) -> None:
    """The desk was used: its idle time begins anew. Written at most once a minute."""
    await session.execute(
        update(StaffSession)
        .where(col(StaffSession.public_id) == desk.session, col(StaffSession.seen_at) < now - _SEEN_EVERY)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(Staff)
        .where(col(Staff.id) == desk.staff.staff_id, col(Staff.seen_at) < now - timedelta(hours=1))
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


async def end(session: AsyncSession, desk: Desk, which: object, *, by: Actor, now: datetime) -> None:
    """End one of one's own sessions.

    Raises:
        StaffUnknown: it is nobody's, or somebody else's.
    """
    ended = await session.scalar(
        update(StaffSession)
        .where(
            col(StaffSession.public_id) == which,
            col(StaffSession.staff_id) == desk.staff.staff_id,
            col(StaffSession.ended_at).is_(None),
        )
        .values(ended_at=now)
        .returning(col(StaffSession.id))
        .execution_options(synchronize_session=False)
    )
    if ended is None:
        raise StaffUnknown
    record(session, "staff.sign_out", "staff", desk.staff.id, by=by, now=now)


async def end_all(session: AsyncSession, staff_id: int, *, but: object | None = None, now: datetime) -> None:
    """End all sessions of somebody, or all but one."""
    keep = col(StaffSession.public_id) != but if but is not None else col(StaffSession.id).is_not(None)
    await session.execute(
        update(StaffSession)
        .where(col(StaffSession.staff_id) == staff_id, col(StaffSession.ended_at).is_(None), or_(keep))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )


async def enrol(
    session: AsyncSession, attempt: Attempt, desk: Desk, secret: str, code: str, *, present: str, by: Actor,
    now: datetime,
) -> None:  # fmt: skip
    """Take an authenticator into use once it has shown a code that fits, in place of the one used until now.

    Args:
        session: of the door.
        attempt: what `begin` counted; its password was checked and fits. The try stays counted where a code is refused.
        desk: who, and the one browser that stays signed in.
        secret: of the new authenticator.
        code: what the new one shows.
        present: what the one used until now shows; empty where there is none.
        by: for the audit.
        now: the moment.

    Raises:
        AuthenticatorRefused: a code does not belong to its authenticator; `field` is code or present.
    """
    step = step_of(secret, code, now=now)
    if step is None:
        raise AuthenticatorRefused(field="code")
    staff = (
        await session.execute(select(Staff).where(col(Staff.id) == desk.staff.staff_id).with_for_update())
    ).scalar_one()
    if not _code_fits(staff, present, now=now):
        raise AuthenticatorRefused(field="present")
    await forgive(session, attempt)
    staff.authenticator, staff.authenticator_step = secret, step
    await end_all(session, desk.staff.staff_id, but=desk.session, now=now)
    record(session, "staff.authenticator", "staff", desk.staff.id, by=by, now=now)
