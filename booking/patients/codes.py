"""Six digits by SMS: asked for, used once, read out by the desk. A service file of patients, beside `service`.

A code is good in the browser that asked (`asker`, a keyed hash of its mark) and for one purpose. Nobody is looked up
when one is asked for, so the answer and the work are the same whether we know the number or not. Requests for one
number wait for each other, so that the caps hold however many come at once.
"""

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor, ActorKind
from booking.i18n import Language
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import CODE, Notice, Recipient
from booking.patients.errors import CodeNotAsked, NotMobile, StaffOnly
from booking.patients.kinds import CodePurpose
from booking.patients.rules import Phone
from booking.patients.session_models import VerificationCode
from booking.patients.signing_rules import (
    ASK_AGAIN_AFTER,
    CODE_LIFE,
    CODE_TRIES,
    READ_OUT_PER_DAY,
    REQUEST_OPEN,
    retry_after,
)
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from booking.trail.service import Limit, count_within, record

log = logging.getLogger(__name__)

_NUMBER = 0x436F6465  # "Code"; the second half of the lock is the number's
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How many codes may go to one number in any hour and in any day, and to all numbers in an hour by the clock."""

    per_hour: int
    per_day: int
    in_all: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request whose code is on its way: where to, until when it is good, from when on another may be asked for."""

    phone: str = field(repr=False)
    expires_at: datetime
    again_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A number whose holder typed the code. `code` names the request."""

    code: UUID
    phone: str = field(repr=False)


def asker_of(mark: str) -> bytes:
    """What a code is bound to: a keyed hash of the browser's mark."""
    return keys().index("asker", mark)


def _hash(code: UUID, purpose: CodePurpose, subject: UUID | None, digits: str) -> bytes:
    return keys().index("code", f"{code}:{purpose.value}:{subject or ''}:{digits}")


async def ask(
    session: AsyncSession,
    phone: Phone,
    *,
    purpose: CodePurpose,
    asker: bytes,
    language: Language,
    limits: CodeLimits,
    by: Actor,
    now: datetime,
    subject: UUID | None = None,
) -> Waiting:
    """Send a code; asked again within a minute by the same browser, the one on its way is the answer.

    Earlier codes of this browser for this purpose are no longer good.

    Raises:
        NotMobile: no SMS reaches this number.
        TriedTooOften: with `retry_after` in seconds; nothing was sent.
    """
    if not phone.mobile:
        raise NotMobile(field="phone")
    index = keys().index("phone", phone.e164)
    await _alone(session, index)
    recent = await _recent(session, index, now=now)
    newest = next((one for one in recent if _is_of(one, asker, purpose, subject)), None)
    if newest is not None and _is_fresh(newest, now):
        return _waiting(newest)
    _check(recent, limits, now=now)
    await _check_total(session, limits.in_all, now=now)
    await _close(session, asker, purpose, now=now)
    digits = ids.one_time_code()
    made = _make(phone.e164, index, digits, asker=asker, purpose=purpose, subject=subject, now=now)
    session.add(made)
    facts = {"minutes": str(int(CODE_LIFE.total_seconds() // 60))}
    notice = Notice(
        made.public_id, MessageKind.OTP, 1, None, facts, now, made.expires_at, subject_kind=CODE, secret=digits
    )
    await messages.write(session, [notice], Recipient(phone.e164, language), now=now)
    record(session, "code.ask", "code", made.public_id, by=by, now=now, purpose=purpose.value)
    return _waiting(made)


async def use(
    session: AsyncSession,
    digits: str,
    *,
    purpose: CodePurpose,
    asker: bytes,
    by: Actor,
    now: datetime,
    subject: UUID | None = None,
) -> Proof | None:
    """Use the code this browser asked for last; None where it is not good, for whatever reason.

    The try is counted in any case, so the caller must let the transaction commit and refuse afterwards. Counting is one
    statement on one row: a hundred guesses at once are a hundred turns, of which five look at the code.

    Args:
        session: of the caller's transaction.
        digits: as `signing_rules.read_code` gives them.
        purpose: what the code was asked for; one for something else is not good.
        asker: of this browser.
        by: who asks.
        now: the moment of the request, UTC.
        subject: likewise, where the purpose has one.
    """
    asked = (col(VerificationCode.asker) == asker, col(VerificationCode.purpose) == purpose)
    newest = select(func.max(col(VerificationCode.id))).where(*asked).scalar_subquery()
    tried = await session.execute(
        update(VerificationCode)
        .where(
            col(VerificationCode.id) == newest,
            col(VerificationCode.subject).is_not_distinct_from(subject),
            col(VerificationCode.used_at).is_(None),
            col(VerificationCode.expires_at) > now,
            col(VerificationCode.tries) < CODE_TRIES,
        )
        .values(tries=col(VerificationCode.tries) + 1)
        .returning(VerificationCode)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    row = tried.scalar_one_or_none()
    if row is None:
        return None
    fits = hmac.compare_digest(row.code_hash, _hash(row.public_id, purpose, subject, digits))
    if fits:
        row.used_at = now
    if fits or row.tries >= CODE_TRIES:
        await messages.end_code(session, row.public_id, now=now)
    result = "done" if fits else "refused"
    record(session, "code.use", "code", row.public_id, by=by, now=now, result=result, purpose=purpose.value)
    return Proof(row.public_id, row.phone) if fits else None


async def used_just_now(
    session: AsyncSession, digits: str, *, purpose: CodePurpose, asker: bytes, now: datetime
) -> Proof | None:
    """The proof this browser gave with this very code within the last minute: for the same form sent twice."""
    query = (
        select(VerificationCode)
        .where(col(VerificationCode.asker) == asker, col(VerificationCode.purpose) == purpose)
        .order_by(col(VerificationCode.id).desc())
        .limit(1)
    )
    row = (await session.execute(query)).scalar_one_or_none()
    if row is None or row.used_at is None or row.used_at < now - ASK_AGAIN_AFTER:
        return None
    fits = hmac.compare_digest(row.code_hash, _hash(row.public_id, purpose, row.subject, digits))
    return Proof(row.public_id, row.phone) if fits else None


async def waiting(session: AsyncSession, *, purpose: CodePurpose, asker: bytes, now: datetime) -> Waiting | None:
    """The request of this browser that still waits for its code, good or read out anew; None where there is none."""
    query = (
        select(VerificationCode)
        .where(col(VerificationCode.asker) == asker, col(VerificationCode.purpose) == purpose)
        .order_by(col(VerificationCode.id).desc())
        .limit(1)
    )
    row = (await session.execute(query)).scalar_one_or_none()
    open_still = row is not None and row.used_at is None and row.created_at > now - REQUEST_OPEN
    return _waiting(row) if row is not None and open_still else None


async def read_out(session: AsyncSession, phone: Phone, *, by: Actor, now: datetime) -> str:
    """A fresh code for whoever asked last for one to this number, to be read out by the desk; six digits.

    It is good in the browser that asked and for what was asked, like the one that did not come, which it replaces.

    Raises:
        StaffOnly: the one who asks is no member of staff.
        CodeNotAsked: nobody asked within the last half hour: the person enters the number on the page first.
        TriedTooOften: READ_OUT_PER_DAY were read out for this number in the last day.
    """
    if by.kind is not ActorKind.STAFF:
        raise StaffOnly
    index = keys().index("phone", phone.e164)
    await _alone(session, index)
    recent = await _recent(session, index, now=now)
    asked = _open_request(recent, now=now)
    if asked is None:
        raise CodeNotAsked
    spoken = [one.created_at for one in recent if one.read_out]
    wait = retry_after(spoken, most=READ_OUT_PER_DAY, within=_DAY, now=now)
    if wait is not None:
        raise TriedTooOften(limit="code_read_out", most=READ_OUT_PER_DAY, retry_after=wait)
    await _close(session, asked.asker, asked.purpose, now=now)
    digits = ids.one_time_code()
    made = _make(
        phone.e164, index, digits, asker=asked.asker, purpose=asked.purpose, subject=asked.subject, now=now,
        read_out=True,
    )  # fmt: skip
    session.add(made)
    record(session, "code.read_out", "code", made.public_id, by=by, now=now, purpose=made.purpose.value)
    return digits


def _open_request(recent: Sequence[VerificationCode], *, now: datetime) -> VerificationCode | None:
    """The newest request that still waits: of a browser's codes only the last one counts."""
    last: dict[tuple[bytes, CodePurpose], VerificationCode] = {}
    for one in recent:
        last.setdefault((one.asker, one.purpose), one)
    waits = (one for one in last.values() if one.used_at is None and one.created_at > now - REQUEST_OPEN)
    return next(waits, None)


async def _alone(session: AsyncSession, phone_index: bytes) -> None:
    """Wait until nobody else asks for this number; until the transaction ends."""
    half = int.from_bytes(phone_index[:4], "big", signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(_NUMBER, half)))


async def _recent(session: AsyncSession, phone_index: bytes, *, now: datetime) -> Sequence[VerificationCode]:
    """What was asked for this number in the last day, newest first."""
    query = (
        select(VerificationCode)
        .where(col(VerificationCode.phone_index) == phone_index, col(VerificationCode.created_at) > now - _DAY)
        .order_by(col(VerificationCode.id).desc())
    )
    return (await session.execute(query)).scalars().all()


def _is_of(one: VerificationCode, asker: bytes, purpose: CodePurpose, subject: UUID | None) -> bool:
    return one.asker == asker and one.purpose is purpose and one.subject == subject


def _is_fresh(one: VerificationCode, now: datetime) -> bool:
    return one.used_at is None and now < one.expires_at and now < one.created_at + ASK_AGAIN_AFTER


def _check(recent: Sequence[VerificationCode], limits: CodeLimits, *, now: datetime) -> None:
    sent = [one.created_at for one in recent if not one.read_out]
    for most, within in ((limits.per_hour, _HOUR), (limits.per_day, _DAY)):
        wait = retry_after(sent, most=most, within=within, now=now)
        if wait is not None:
            raise TriedTooOften(limit="code", most=most, retry_after=wait)


async def _check_total(session: AsyncSession, most: int, *, now: datetime) -> None:
    """Count one more code sent; what signing in may cost has an end, whoever asks."""
    limit = Limit("code_total", most, int(_HOUR.total_seconds()))
    if await count_within(session, limit, b"", 1, now=now) > most:
        log.error("no more codes are sent this hour", extra={"facts": {"count": most}})
        raise TriedTooOften(limit=limit.name, most=most, retry_after=limit.retry_after(now))


async def _close(session: AsyncSession, asker: bytes, purpose: CodePurpose, *, now: datetime) -> None:
    """Whatever this browser asked for before is no longer good, and is not sent any more."""
    closed = await session.execute(
        update(VerificationCode)
        .where(
            col(VerificationCode.asker) == asker,
            col(VerificationCode.purpose) == purpose,
            col(VerificationCode.used_at).is_(None),
            col(VerificationCode.expires_at) > now,
        )
        .values(expires_at=now)
        .returning(col(VerificationCode.public_id))
        .execution_options(synchronize_session=False)
    )
    for code in closed.scalars().all():
        await messages.end_code(session, code, now=now)


def _make(
    phone: str,
    index: bytes,
    digits: str,
    *,
    asker: bytes,
    purpose: CodePurpose,
    subject: UUID | None,
    now: datetime,
    read_out: bool = False,
) -> VerificationCode:
    code = ids.public_id()
    return VerificationCode(
        public_id=code, purpose=purpose, subject=subject, phone=phone, phone_index=index, asker=asker,
        code_hash=_hash(code, purpose, subject, digits), created_at=now, expires_at=now + CODE_LIFE, read_out=read_out,
    )  # fmt: skip


def _waiting(row: VerificationCode) -> Waiting:
    return Waiting(row.phone, row.expires_at, row.created_at + ASK_AGAIN_AFTER)
