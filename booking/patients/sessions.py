"""Being signed in: opened by a code, noted as used, ended. A service file of patients, beside `service`.

Locks: the account, then its sessions, then its people.

The browser holds a token; here stands a keyed hash of it. A session of a number that was silent for long opens nothing
until somebody names a birth date of the family (`numbers`).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, LargeBinary, Select, bindparam, or_, type_coerce, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.columns import Moment
from booking.hot import Hot, Statement
from booking.patients.codes import Proof
from booking.patients.errors import SessionUnknown
from booking.patients.models import Account, Profile
from booking.patients.session_models import PatientSession
from booking.patients.signing_rules import span
from booking.sealed import keys
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in.

    Attributes:
        account_id, account: the row's id and the public id of the account.
        phone: the number that was proven, E.164.
        shared: on a telephone others use too.
        session: public id of the session.
    """

    account_id: int
    account: UUID
    phone: str = field(repr=False)
    shared: bool
    session: UUID


@dataclass(frozen=True, slots=True)
class Current:
    """What a cookie opens: `needs_birth` means nothing yet; `renew` that its use is to be noted."""

    who: SignedIn
    needs_birth: bool
    renew: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session in the list of its account."""

    id: UUID
    shared: bool
    created_at: datetime
    seen_at: datetime


def token_of(proof: Proof, key: str) -> str:
    """The token of the session a code opens.

    Made of the form's random key and a key of ours: the same form sent twice opens the same session, and whoever knows
    the form's key alone knows nothing.
    """
    made = keys().index("session-token", f"{proof.code}:{key}")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def hash_of(token: str) -> bytes:
    """What stands in the table for a token."""
    return keys().index("session", token)


async def open_session(
    session: AsyncSession,
    proof: Proof,
    *,
    token: str,
    shared: bool,
    silent_after: timedelta,
    by: Actor,
    now: datetime,
    replaces: str | None = None,
) -> Current:
    """Sign in the holder of a proven number; her account is made where there is none.

    Args:
        session: of the caller's transaction.
        proof: the number, proven by a code.
        token: of the new session; nobody had it before.
        shared: the telephone is used by others too.
        silent_after: a number unseen for so long may have a new owner.
        by: who asks.
        now: the moment of the request, UTC.
        replaces: the token of this browser's session until now, which ends.
    """
    account, made = await account_of(session, proof.phone, by=by, now=now)
    assert account.id is not None
    # One that waits for a birth date waits half an hour: such sessions cannot be saved up for more tries.
    silent = not made and await is_silent(session, account, silent_after=silent_after, now=now)
    if not silent:
        account.seen_at = now
    if replaces is not None:
        await _end(session, [col(PatientSession.token_hash) == hash_of(replaces)], by=by, now=now)
    row = PatientSession(
        public_id=ids.public_id(), token_hash=hash_of(token), account_id=account.id, shared=shared, created_at=now,
        seen_at=now, expires_at=now + span(shared=shared or silent).life, checked_at=None if silent else now,
    )  # fmt: skip
    session.add(row)
    record(session, "session.open", "session", row.public_id, by=by, now=now, account=str(account.public_id))
    who = SignedIn(account.id, account.public_id, account.phone, shared, row.public_id)
    return Current(who, needs_birth=silent, renew=False)


async def account_of(session: AsyncSession, phone: str, *, by: Actor, now: datetime) -> tuple[Account, bool]:
    """The account of a proven number, locked, and whether it was made now.

    One that ends between our two statements is no longer there to be locked; then there is room for the next.
    """
    index = keys().index("phone", phone)
    new = ids.public_id()
    made = upsert(Account).values(public_id=new, phone=phone, phone_index=index, created_at=now, seen_at=now)
    made = made.on_conflict_do_nothing(index_elements=["phone_index"], index_where=col(Account.ended_at).is_(None))
    query = select(Account).where(col(Account.phone_index) == index, col(Account.ended_at).is_(None)).with_for_update()
    account = None
    while account is None:
        is_new = (await session.execute(made.returning(col(Account.id)))).first() is not None
        account = (await session.execute(query)).scalar_one_or_none()
    if is_new:
        record(session, "account.open", "account", account.public_id, by=by, now=now)
    return account, is_new


async def is_silent(session: AsyncSession, account: Account, *, silent_after: timedelta, now: datetime) -> bool:
    """Whether a number was unseen for so long that it may have a new holder, with a family behind it to protect.

    A code alone then opens nothing of the account and changes nothing in it: a birth date of the family is asked for.
    """
    if now - account.seen_at < silent_after:
        return False
    query = select(col(Profile.id)).where(col(Profile.account_id) == account.id).limit(1)
    return (await session.execute(query)).first() is not None


def _opens() -> Select[Any]:
    """What a token opens, as one statement by key."""
    query: Select[Any] = (
        select(  # type: ignore[call-overload]
            col(PatientSession.public_id).label("session"),
            col(PatientSession.shared),
            col(PatientSession.seen_at),
            col(PatientSession.checked_at),
            col(Account.id).label("account_id"),
            col(Account.public_id).label("account"),
            type_coerce(col(Account.phone), LargeBinary).label("phone"),
        )
        .join(Account, col(Account.id) == col(PatientSession.account_id))
        .where(
            col(PatientSession.token_hash) == bindparam("token_hash", type_=LargeBinary),
            col(PatientSession.ended_at).is_(None),
            col(PatientSession.expires_at) > bindparam("now", type_=Moment),
            col(Account.ended_at).is_(None),
        )
    )
    return query


_OPENS = _opens()
_OPENS_HOT = Statement(_OPENS)


async def current(session: AsyncSession, token: str, *, now: datetime) -> Current | None:
    """What a token opens; None for one that is unknown, over or ended."""
    found = (await session.execute(_OPENS, {"token_hash": hash_of(token), "now": now})).mappings().first()
    return _current(found, now) if found is not None else None


async def current_hot(hot: Hot, token: str, *, now: datetime) -> Current | None:
    """Likewise outside any transaction: every page of somebody signed in asks it."""
    found = await hot.fetchrow(_OPENS_HOT.sql, *_OPENS_HOT.arguments({"token_hash": hash_of(token), "now": now}))
    return _current(found, now) if found is not None else None


def _current(row: Mapping[Any, Any], now: datetime) -> Current:
    phone = keys().unseal(bytes(row["phone"]))
    who = SignedIn(row["account_id"], row["account"], phone, row["shared"], row["session"])
    needs_birth = row["checked_at"] is None
    stale = now - row["seen_at"] >= span(shared=row["shared"]).renewed_after
    return Current(who, needs_birth, renew=stale and not needs_birth)


async def renew(session: AsyncSession, who: SignedIn, *, now: datetime) -> bool:
    """Note that a session is in use, which lengthens it; whether it was still there.

    Two requests at once note it once. The account is noted as seen too: its number is not silent.
    """
    times = span(shared=who.shared)
    # The account's row first, as everywhere: whoever ends an account locks it before its sessions.
    await session.execute(
        update(Account)
        .where(col(Account.id) == who.account_id, col(Account.seen_at) < now, col(Account.ended_at).is_(None))
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )
    noted = await session.execute(
        update(PatientSession)
        .where(
            col(PatientSession.public_id) == who.session,
            col(PatientSession.ended_at).is_(None),
            col(PatientSession.expires_at) > now,
            col(PatientSession.seen_at) <= now - times.renewed_after,
        )
        .values(seen_at=now, expires_at=now + times.life)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(noted, CursorResult)
    return bool(noted.rowcount)


async def sessions(session: AsyncSession, account_id: int, *, now: datetime) -> list[SessionView]:
    """Where the account is signed in, last used first."""
    query = select(PatientSession).where(*_live(account_id, now)).order_by(col(PatientSession.seen_at).desc())
    found = (await session.execute(query)).scalars()
    return [SessionView(one.public_id, one.shared, one.created_at, one.seen_at) for one in found]


def _live(account_id: int, now: datetime) -> list[ColumnElement[bool]]:
    return [
        col(PatientSession.account_id) == account_id,
        col(PatientSession.ended_at).is_(None),
        col(PatientSession.expires_at) > now,
    ]


async def sign_out(session: AsyncSession, token: str, *, by: Actor, now: datetime) -> bool:
    """End the session of a token, also one that waits for a birth date; whether it was on a shared telephone."""
    ended = await _end(session, [col(PatientSession.token_hash) == hash_of(token)], by=by, now=now)
    return any(ended)


async def end_one(session: AsyncSession, account_id: int, public_id: UUID, *, by: Actor, now: datetime) -> None:
    """End one session of an account from another one; ending it again changes nothing.

    Raises:
        SessionUnknown: the account has no such session, whoever else may.
    """
    mine = [col(PatientSession.account_id) == account_id, col(PatientSession.public_id) == public_id]
    if not await _end(session, mine, by=by, now=now):
        known = await session.execute(select(col(PatientSession.id)).where(*mine))
        if known.first() is None:
            raise SessionUnknown


async def end_others(session: AsyncSession, who: SignedIn, *, by: Actor, now: datetime) -> int:
    """End all sessions of an account but this one; how many."""
    others = [col(PatientSession.account_id) == who.account_id, col(PatientSession.public_id) != who.session]
    return len(await _end(session, others, by=by, now=now))


async def end_all(session: AsyncSession, account_id: int, *, by: Actor, now: datetime) -> int:
    """End every session of an account; how many."""
    return len(await _end(session, [col(PatientSession.account_id) == account_id], by=by, now=now))


async def _end(session: AsyncSession, which: list[ColumnElement[bool]], *, by: Actor, now: datetime) -> list[bool]:
    """For each session that ended: whether it was on a shared telephone."""
    ended = await session.execute(
        update(PatientSession)
        .where(*which, col(PatientSession.ended_at).is_(None))
        .values(ended_at=now)
        .returning(col(PatientSession.public_id), col(PatientSession.shared))
        .execution_options(synchronize_session=False)
    )
    rows = ended.all()
    for public_id, _ in rows:
        record(session, "session.end", "session", public_id, by=by, now=now)
    return [shared for _, shared in rows]


def is_over(now: datetime, *, kept: timedelta) -> ColumnElement[bool]:
    """Sessions that ended or ran out so long ago that nobody asks any more."""
    old = now - kept
    return or_(col(PatientSession.ended_at) < old, col(PatientSession.expires_at) < old)
