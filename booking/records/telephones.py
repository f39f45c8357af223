"""Whose telephone a number is, as far as a desk may act for it; and the code a desk reads out to who holds it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.directory.models import Facility
from booking.messages import again
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import READ_OUT, Notice, Recipient
from booking.patients import codes
from booking.patients.models import Account, Patient, Profile
from booking.patients.persons import phone_index
from booking.patients.rules import Phone
from booking.patients.service import read_by_staff
from booking.records.errors import NumberElsewhere
from booking.records.finding import within

_TOLD_FOR: Final = timedelta(hours=24)
"""How long it is worth telling somebody that a code was read out: whatever holds it up, there is a morning in it."""

_LOST: Final = (MessageState.FAILED, MessageState.UNDELIVERED)


async def read_out(
    session: AsyncSession, phone: Phone, *, facility: Facility, scope: Collection[int], by: Actor, now: datetime
) -> str:
    """A code for whoever waits for one to this number; six digits, to be read out.

    It opens the records of everybody the number books for, so it is listed as a reading of each of them, and the number
    itself is told by SMS: a code that nobody at the telephone asked for does not stay unnoticed.

    Args:
        session: the caller's transaction; what was made is undone with it.
        phone: whose code.
        facility: whose desk.
        scope: rows of the facilities the member of staff works for.
        by: the member of staff.
        now: the moment of the request, UTC.

    Raises:
        StaffOnly, CodeNotAsked, TriedTooOften: see `patients.codes.read_out`.
        NumberElsewhere: see `check_here`.
    """
    digits = await codes.read_out(session, phone, by=by, now=now)
    # Afterwards, so that only whoever waits for a code learns it.
    for patient in await check_here(session, phone.e164, scope):
        read_by_staff(session, patient, by=by, now=now, facility=facility.code, reason="code")
    facts = {"facility": facility.sms_name, "starts_at": now.isoformat()}
    notice = Notice(
        ids.public_id(), MessageKind.CODE_READ_OUT, 1, facility.id, facts, now, now + _TOLD_FOR, subject_kind=READ_OUT
    )
    await messages.write(session, [notice], Recipient(phone.e164, "vi"), now=now)
    return digits


async def warn_again(
    session: AsyncSession, *, now: datetime, most: int = 100, only: Collection[int] | None = None
) -> int:
    """Write the warning anew where it did not arrive for what passes, as `trying` does it for visits; how many.

    Args:
        session: the caller's transaction.
        now: the moment of the run.
        most: texts at most.
        only: rows of texts, as `again.waiting` found them; None: whichever wait.
    """
    query = (
        select(Message)
        .where(col(Message.again_at) <= now, col(Message.subject_kind) == READ_OUT, *again.among(only))
        .order_by(col(Message.again_at), col(Message.id))
        .limit(most)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    written = 0
    for lost in (await session.scalars(query)).all():
        lost.again_at = None
        if lost.state not in _LOST or lost.useful_until <= now:
            continue
        notice = Notice(
            lost.subject_id, lost.kind, lost.version, lost.facility_id, lost.facts, now, lost.useful_until,
            subject_kind=READ_OUT, copy=lost.copy_number + 1, once_more=True,
        )  # fmt: skip
        written += await messages.write(session, [notice], Recipient(lost.phone, lost.language), now=now)
    return written


async def check_here(session: AsyncSession, phone: str, scope: Collection[int]) -> list[UUID]:
    """The people a number books for, where these facilities know one of them; none where the city knows nobody by it.

    A code opens the records of everybody an account books for, so no desk reads one out for people it never saw.

    Args:
        session: the caller's transaction.
        phone: E.164.
        scope: rows of facilities.

    Raises:
        NumberElsewhere: it is the number of people who were never at these facilities.
    """
    index = phone_index(phone)
    booked_for = (
        select(col(Profile.patient_id))
        .join(Account, col(Account.id) == col(Profile.account_id))
        .where(col(Account.phone_index) == index, col(Account.ended_at).is_(None), col(Profile.ended_at).is_(None))
    )
    known = or_(col(Patient.phone_index) == index, col(Patient.id).in_(booked_for))
    people = [*await session.scalars(select(col(Patient.public_id)).where(known).order_by(col(Patient.id)))]
    if people and await session.scalar(select(col(Patient.id)).where(known, within(scope)).limit(1)) is None:
        raise NumberElsewhere
    return people
