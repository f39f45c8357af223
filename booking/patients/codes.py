"""Six digits by SMS: asked for, used once, read out by the desk. A service file of patients, beside `service`.

A code is good in the browser that asked (`asker`, a keyed hash of its mark) and for one purpose. Nobody is looked up
when one is asked for, so the answer and the work are the same whether we know the number or not. Requests for one
number wait for each other, so that the caps hold however many come at once.

A request that met a limit is kept without a code: the desk may read one out. Who asked last for a number is anybody, so
what is read out is good in every browser that waits for a code to it, each with tries of its own, and used once in all.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
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
from booking.patients.code_limits import CodeLimits, all_sent, reached
from booking.patients.code_requests import is_fresh, is_of, is_open, stands
from booking.patients.errors import CodeNotAsked, NotMobile, StaffOnly
from booking.patients.kinds import CodePurpose
from booking.patients.rules import Phone
from booking.patients.session_models import VerificationCode
from booking.patients.signing_rules import (
    ASK_AGAIN_AFTER,
    CODE_LIFE,
    CODE_TRIES,
    READ_OUT_PER_DAY,
    READ_OUT_TO,
    REQUEST_OPEN,
    retry_after,
)
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from booking.trail.service import record

_NUMBER = 0x436F6465  # "Code"; the second half of the lock is the number's
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for its code: where to, until when it is good, from when on another may be asked for."""

    phone: str = field(repr=False)
    expires_at: datetime
    again_at: datetime
    sent: bool
    """Whether it went by SMS; else the desk reads it out, or none was sent because of `refused`."""

    refused: TriedTooOften | None = None


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
    refused: TriedTooOften | None = None,
) -> Waiting:
    """Send a code; asked again within a minute by the same browser, the one on its way is the answer.

    Earlier codes of this browser for this purpose are no longer good. Where a limit was reached nothing is sent, and an
    earlier code stays good, but the request stands: so that is answered, not raised, and the caller lets the
    transaction commit before he refuses.

    Args:
        session: of the caller's transaction.
        phone: where to.
        purpose: what for.
        asker: of this browser.
        language: of the message.
        limits: how many may go out.
        by: who asks.
        now: the moment of the request, UTC.
        subject: what the purpose is about, where it has something.
        refused: a limit that was reached before, such as the address's.

    Raises:
        NotMobile: no SMS reaches this number.
    """
    if not phone.mobile:
        raise NotMobile(field="phone")
    index = keys().index("phone", phone.e164)
    await _alone(session, index)
    recent = await _recent(session, index, now=now)
    newest = next((one for one in recent if is_of(one, asker, purpose, subject)), None)
    if newest is not None and is_fresh(newest, now):
        return _waiting(newest)
    refused = refused or reached(recent, limits, now=now) or await all_sent(session, limits.in_all, now=now)
    if refused is not None and newest is not None and stands(newest, now):
        return replace(_waiting(newest), refused=refused)
    await _close(session, asker, purpose, now=now)
    digits = ids.one_time_code()
    made = _make(phone.e164, index, digits, asker=asker, purpose=purpose, subject=subject, now=now)
    session.add(made)
    if refused is not None:
        made.sent, made.expires_at = False, now
        record(session, "code.ask", "code", made.public_id, by=by, now=now, purpose=purpose.value, result="refused")
        return replace(_waiting(made), refused=refused)
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
        await _use_up(session, row, now=now)
    if fits or row.tries >= CODE_TRIES:
        await messages.end_code(session, row.public_id, now=now)
    result = "done" if fits else "refused"
    record(session, "code.use", "code", row.public_id, by=by, now=now, result=result, purpose=purpose.value)
    return Proof(row.public_id, row.phone) if fits else None


async def used_just_now(
    session: AsyncSession, digits: str, *, purpose: CodePurpose, asker: bytes, now: datetime
) -> Proof | None:
    """The proof this browser gave with this very code within the last minute: for the same form sent twice."""
    row = await _last(session, asker, purpose)
    if row is None or row.used_at is None or row.used_at < now - ASK_AGAIN_AFTER:
        return None
    fits = hmac.compare_digest(row.code_hash, _hash(row.public_id, purpose, row.subject, digits))
    return Proof(row.public_id, row.phone) if fits else None


async def waiting(session: AsyncSession, *, purpose: CodePurpose, asker: bytes, now: datetime) -> Waiting | None:
    """The request of this browser that still waits for its code, good or read out anew; None where there is none."""
    row = await _last(session, asker, purpose)
    return _waiting(row) if row is not None and is_open(row, now) else None


async def give_up(session: AsyncSession, asker: bytes, *, now: datetime) -> None:
    """The browser signed out: nothing it asked for is good any more, nor may the desk read it out there."""
    mine = (col(VerificationCode.asker) == asker, col(VerificationCode.created_at) > now - REQUEST_OPEN)
    await session.execute(
        update(VerificationCode)
        .where(*mine, col(VerificationCode.used_at).is_(None))
        .values(given_up_at=now)
        .execution_options(synchronize_session=False)
    )
    for purpose in CodePurpose:
        await _close(session, asker, purpose, now=now)


async def _last(session: AsyncSession, asker: bytes, purpose: CodePurpose) -> VerificationCode | None:
    """The one request of this browser that counts."""
    mine = (col(VerificationCode.asker) == asker, col(VerificationCode.purpose) == purpose)
    query = select(VerificationCode).where(*mine).order_by(col(VerificationCode.id).desc()).limit(1)
    return (await session.execute(query)).scalar_one_or_none()


async def read_out(session: AsyncSession, phone: Phone, *, by: Actor, now: datetime) -> str:
    """A fresh code for whoever waits for one to this number, to be read out by the desk; six digits.

    It is good in each browser that asked, for what was asked there, and replaces what did not come. One can use it.

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
    waits = _open_requests(recent, now=now)
    if not waits:
        raise CodeNotAsked
    spoken = sorted({one.created_at for one in recent if one.read_out})
    wait = retry_after(spoken, most=READ_OUT_PER_DAY, within=_DAY, now=now)
    if wait is not None:
        raise TriedTooOften(limit="code_read_out", most=READ_OUT_PER_DAY, retry_after=wait)
    digits = ids.one_time_code()
    made = []
    for asked in waits:
        await _close(session, asked.asker, asked.purpose, now=now)
        one = _make(phone.e164, index, digits, asker=asked.asker, purpose=asked.purpose, subject=asked.subject, now=now)
        one.read_out, one.sent = True, False
        made.append(one)
    session.add_all(made)
    facts: dict[str, Any] = {"purpose": made[0].purpose.value, "browsers": len(made)}
    record(session, "code.read_out", "code", made[0].public_id, by=by, now=now, **facts)
    return digits


def _open_requests(recent: Sequence[VerificationCode], *, now: datetime) -> list[VerificationCode]:
    """The requests that wait, newest first, the last of each browser; only so many, as each may guess a few times."""
    last: dict[tuple[bytes, CodePurpose], VerificationCode] = {}
    for one in recent:
        last.setdefault((one.asker, one.purpose), one)
    waits = [one for one in last.values() if is_open(one, now)]
    return waits[:READ_OUT_TO]


async def _use_up(session: AsyncSession, used: VerificationCode, *, now: datetime) -> None:
    """What was read out to one number is used once, in whichever browser."""
    if not used.read_out:
        return
    await session.execute(
        update(VerificationCode)
        .where(
            col(VerificationCode.phone_index) == used.phone_index,
            col(VerificationCode.read_out),
            col(VerificationCode.id) != used.id,
            col(VerificationCode.used_at).is_(None),
            col(VerificationCode.expires_at) > now,
        )
        .values(expires_at=now)
        .execution_options(synchronize_session=False)
    )


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
) -> VerificationCode:
    code = ids.public_id()
    return VerificationCode(
        public_id=code, purpose=purpose, subject=subject, phone=phone, phone_index=index, asker=asker,
        code_hash=_hash(code, purpose, subject, digits), created_at=now, expires_at=now + CODE_LIFE,
    )  # fmt: skip


def _waiting(row: VerificationCode) -> Waiting:
    return Waiting(row.phone, row.expires_at, row.created_at + ASK_AGAIN_AFTER, row.sent)
