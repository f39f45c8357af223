"""Numbers that change hands: proving that it is still hers, beginning anew, "this is not me". Beside `service`."""

import base64
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor, ActorKind
from booking.messages import service as messages
from booking.patients import matching, sessions
from booking.patients.errors import BirthUnknown, ProfileUnknown, SessionUnknown, StaffOnly
from booking.patients.kinds import FlagKind
from booking.patients.models import Account, Patient, PatientFlag, Profile
from booking.patients.rules import Birth, Phone
from booking.patients.session_models import PatientSession
from booking.patients.signing_rules import BIRTH_TRIES, BIRTH_TRIES_IN_ALL, BIRTH_WINDOW, opens_family, span
from booking.sealed import keys
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class Opened:
    """The session that goes on: its new token, and whether the telephone is shared."""

    token: str
    shared: bool


def next_token(token: str) -> str:
    """The token that follows one: whoever is let in further gets another; the same form sent twice gets the same."""
    made = keys().index("session-next", token)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


async def name_birth(
    session: AsyncSession, token: str, typed: Birth, *, by: Actor, now: datetime
) -> Opened | BirthUnknown:
    """Open the family of a number that was silent for long, for somebody who knows a birth date in it.

    The try is counted in any case, so a miss is answered, not raised: the caller lets the transaction commit first. The
    account's row is locked, so that tries at once are counted one by one, whatever sessions they come from.

    Raises:
        SessionUnknown: the token opens no session that waits for a birth date.
    """
    done = await _again(session, token, now=now)
    if done is not None:
        return done
    row, account = await _waiting(session, token, now=now)
    made_since = (col(PatientSession.account_id) == account.id, col(PatientSession.created_at) > now - BIRTH_WINDOW)
    query = select(func.coalesce(func.sum(col(PatientSession.tries)), 0)).where(*made_since)
    tries: int = (await session.execute(query)).scalar_one()
    in_all = BIRTH_TRIES_IN_ALL - account.birth_misses
    if tries >= BIRTH_TRIES or in_all <= 0:
        return BirthUnknown(field="birth_year", left=0, in_all=max(in_all, 0))
    row.tries += 1
    fits = opens_family(typed, await _births(session, account))
    result = "done" if fits else "refused"
    record(session, "session.birth", "session", row.public_id, by=by, now=now, result=result)
    if not fits:
        account.birth_misses += 1
        left = min(BIRTH_TRIES - tries, in_all) - 1
        return BirthUnknown(field="birth_year", left=left, in_all=in_all - 1)
    made = next_token(token)
    row.checked_at, row.seen_at, row.expires_at = now, now, now + span(shared=row.shared).life
    row.token_hash = sessions.hash_of(made)
    account.seen_at, account.birth_misses = now, 0
    return Opened(made, row.shared)


async def vouch(session: AsyncSession, phone: Phone, patient_id: int, *, by: Actor, now: datetime) -> None:
    """A desk that saw papers of somebody of the family: the number is hers still, and a code opens it at once.

    Args:
        session: the caller's transaction.
        phone: the number.
        patient_id: whose papers were seen; the account of the number books for her.
        by: who asks: staff.
        now: the moment of the request.

    Raises:
        StaffOnly: the one who asks is no member of staff.
        ProfileUnknown: the number has no account, or one that has nothing to do with her.
    """
    if by.kind is not ActorKind.STAFF:
        raise StaffOnly
    index = keys().index("phone", phone.e164)
    query = select(Account).where(*_of_family(index, patient_id))
    account = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if account is None:
        raise ProfileUnknown
    account.seen_at, account.birth_misses = now, 0
    record(session, "account.vouch", "account", account.public_id, by=by, now=now)
    await session.flush()


async def has_account(session: AsyncSession, patient: Patient) -> bool:
    """Whether there is an account of a person's number that books for her."""
    if patient.id is None or patient.phone_index is None:
        return False
    query = select(col(Account.id)).where(*_of_family(patient.phone_index, patient.id))
    return (await session.execute(query)).first() is not None


def _of_family(phone_index: bytes, patient_id: int) -> list[ColumnElement[bool]]:
    books_for_her = select(col(Profile.id)).where(
        col(Profile.account_id) == col(Account.id),
        col(Profile.patient_id) == patient_id,
        col(Profile.ended_at).is_(None),
    )
    return [col(Account.phone_index) == phone_index, col(Account.ended_at).is_(None), books_for_her.exists()]


async def begin_anew(session: AsyncSession, token: str, *, by: Actor, now: datetime) -> Opened:
    """The number belongs to somebody new: the old account ends, unseen, and a fresh one begins.

    Everybody reached by this number is marked and flagged, and nothing that waits for it is sent.

    Raises:
        SessionUnknown: the token opens no session that waits for a birth date.
    """
    done = await _again(session, token, now=now)
    if done is not None:
        return done
    row, account = await _waiting(session, token, now=now)
    assert account.id is not None
    account.ended_at = now
    await sessions.end_all(session, account.id, by=by, now=now)
    await session.execute(
        update(Profile)
        .where(col(Profile.account_id) == account.id, col(Profile.ended_at).is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    query = select(Patient).where(
        col(Patient.phone_index) == account.phone_index, col(Patient.wrong_number_at).is_(None)
    )
    for patient in (await session.execute(query.order_by(col(Patient.id)).with_for_update())).scalars().all():
        _mark(session, patient, {"account": str(account.public_id)}, by=by, now=now)
    await messages.stop_number(session, account.phone_index, now=now)
    record(session, "account.end", "account", account.public_id, by=by, now=now, reason="changed_hands")
    await session.flush()  # the number is free for its next account only when this one has ended
    fresh, _ = await sessions.account_of(session, account.phone, by=by, now=now)
    assert fresh.id is not None
    made = next_token(token)
    session.add(
        PatientSession(
            public_id=ids.public_id(), token_hash=sessions.hash_of(made), account_id=fresh.id, shared=row.shared,
            created_at=now, seen_at=now, expires_at=now + span(shared=row.shared).life, checked_at=now,
        )
    )  # fmt: skip
    return Opened(made, row.shared)


async def disown(session: AsyncSession, patient_id: int, phone: str, *, visit: UUID, by: Actor, now: datetime) -> None:
    """Somebody who reads messages to `phone` says that she is not this patient: the number is hers no more.

    Nothing of the patient is told to an account of that number either. `visit` is the one she was told of.
    """
    index = keys().index("phone", phone)
    of_number = select(col(Account.id)).where(col(Account.phone_index) == index)
    await session.execute(
        update(Profile)
        .where(
            col(Profile.patient_id) == patient_id,
            col(Profile.account_id).in_(of_number),
            col(Profile.ended_at).is_(None),
        )
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    # The profile before the person, as everywhere.
    locked = select(Patient).where(col(Patient.id) == patient_id).with_for_update()
    patient = (await session.execute(locked)).scalar_one()
    _mark(session, patient, {"appointment": str(visit)}, by=by, now=now, hers=patient.phone_index == index)


async def is_disowned(session: AsyncSession, patient_id: int, visit: UUID) -> bool:
    """Whether somebody said so of this visit already."""
    query = select(col(PatientFlag.id)).where(
        col(PatientFlag.patient_id) == patient_id,
        col(PatientFlag.kind) == FlagKind.WRONG_NUMBER,
        col(PatientFlag.facts)["appointment"].astext == str(visit),
    )
    return (await session.execute(query.limit(1))).first() is not None


async def set_right(session: AsyncSession, patient: Patient, phone: Phone, *, by: Actor, now: datetime) -> bool:
    """The patient, locked by the caller, is reached by `phone` after all: texts go there again; the flag is settled.

    Whoever calls has proof: staff who saw her, or a code that came to that number after it was called wrong.

    Returns:
        Whether anything was wrong before.
    """
    if patient.phone != phone.e164:
        await matching.reach_by(session, patient, phone)
    elif patient.wrong_number_at is None:
        return False
    patient.wrong_number_at = None
    await session.execute(
        update(PatientFlag)
        .where(
            col(PatientFlag.patient_id) == patient.id,
            col(PatientFlag.kind) == FlagKind.WRONG_NUMBER,
            col(PatientFlag.settled_at).is_(None),
        )
        .values(settled_at=now)
        .execution_options(synchronize_session=False)
    )
    record(session, "patient.right_number", "patient", patient.public_id, by=by, now=now)
    await session.flush()
    return True


def _mark(
    session: AsyncSession, patient: Patient, facts: dict[str, str], *, by: Actor, now: datetime, hers: bool = True
) -> None:
    assert patient.id is not None
    if hers:
        patient.wrong_number_at = now
    session.add(PatientFlag(patient_id=patient.id, kind=FlagKind.WRONG_NUMBER, facts=facts, created_at=now))
    record(session, "patient.wrong_number", "patient", patient.public_id, by=by, now=now, **facts)


async def _again(session: AsyncSession, token: str, *, now: datetime) -> Opened | None:
    """What the same form opened a moment ago."""
    made = next_token(token)
    found = await sessions.current(session, made, now=now)
    return Opened(made, found.who.shared) if found is not None else None


async def _waiting(session: AsyncSession, token: str, *, now: datetime) -> tuple[PatientSession, Account]:
    """The session that waits for a birth date, and its account, both locked: the account first, as signing in does."""
    query = (
        select(PatientSession)
        .join(Account, col(Account.id) == col(PatientSession.account_id))
        .where(
            col(PatientSession.token_hash) == sessions.hash_of(token),
            col(PatientSession.ended_at).is_(None),
            col(PatientSession.checked_at).is_(None),
            col(PatientSession.expires_at) > now,
            col(Account.ended_at).is_(None),
        )
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise SessionUnknown
    lock = select(Account).where(col(Account.id) == found.account_id, col(Account.ended_at).is_(None))
    account = (await session.execute(lock.with_for_update())).scalar_one_or_none()
    # Read anew under the lock: another tap may have been faster.
    again = query.with_for_update(of=PatientSession).execution_options(populate_existing=True)
    row = (await session.execute(again)).scalar_one_or_none()
    if account is None or row is None:
        raise SessionUnknown
    return row, account


async def _births(session: AsyncSession, account: Account) -> list[Birth]:
    """Of everybody the account booked for before the silence.

    Somebody who came into it afterwards, however that was, proves nothing. A number in use is noted as seen once a day.
    """
    until = account.seen_at + span(shared=False).renewed_after
    query = (
        select(Patient)
        .join(Profile, col(Profile.patient_id) == col(Patient.id))
        .where(col(Profile.account_id) == account.id, col(Profile.created_at) <= until)
    )
    return [Birth(one.birth_year, one.birth_date) for one in (await session.execute(query)).scalars()]
