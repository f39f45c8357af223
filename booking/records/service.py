"""Use cases of a person's own data: agree or withdraw, erase what the law lets erase.

Erasing begins with giving up what is still to come, each visit and each wait by its own verb in a transaction of its
own (the page does it, one after the other, once `what_blocks` said that nothing else is in the way); `erase` then
finds nothing left, or refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.waitlist.kinds import WAITS
from booking.appointments.waitlist.models import WaitlistEntry
from booking.clock import local_day
from booking.invitations import telling
from booking.messages.withholding import withhold
from booking.patients import consents, matching, sessions
from booking.patients.errors import LooksAfterHerself
from booking.patients.kinds import ConsentPurpose
from booking.patients.models import Patient, Profile
from booking.queue.models import QueueTicket
from booking.records.errors import PeopleRemain, VisitsRemain
from booking.records.scope import Scope, scope_of
from booking.records.visits import coming, coming_of
from booking.sealed import keys
from booking.trail.service import record

NOBODY = "—"
"""The name of a person who was erased."""


class Blocks(StrEnum):
    """Why a person cannot be erased yet."""

    GOING_ON = "going_on"  # a visit that has begun, or where she was checked in
    OF_ANOTHER = "of_another"  # a visit or a wait that another account made


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of a person's data: `kept` because a facility has a medical record of her."""

    kept: bool


async def answer(
    session: AsyncSession,
    account_id: int,
    profile: UUID,
    answers: Mapping[ConsentPurpose, bool],
    *,
    language: str,
    channel: str,
    by: Actor,
    now: datetime,
) -> None:
    """Give or withdraw consent, purpose by purpose. Withdrawn from messages, what waits is stopped at once.

    Raises:
        ProfileUnknown: the account has no such person.
        LooksAfterHerself: the person answers in her own account.
    """
    scope = await scope_of(session, account_id, profile, today=local_day(now))
    if not scope.whole:
        raise LooksAfterHerself
    changed = await consents.give(
        session, scope.patient_id, answers, account_id=account_id, language=language, channel=channel, by=by, now=now
    )
    if ConsentPurpose.SMS in changed and not answers[ConsentPurpose.SMS]:
        visits = select(Appointment.public_id).where(col(Appointment.patient_id) == scope.patient_id)
        await withhold(session, (await session.execute(visits)).scalars().all(), now=now)
    if any(not answers.get(one, True) for one in changed):
        await telling.stop(session, await session.get_one(Patient, scope.patient_id), now=now)


async def erase(session: AsyncSession, account_id: int, profile: UUID, *, by: Actor, now: datetime) -> Erased:
    """Erase what the law lets erase of a person.

    Where she was at a facility, name, birth, sex and the numbers of her papers stay with that visit, because it is the
    facility's medical record; telephone, ward and the rest go. Where she never was, everything that names her goes. The
    list of what was sent and the audit stay, without a name. She leaves every list, and nobody finds her by a number.

    Raises:
        ProfileUnknown: the account has no such person.
        LooksAfterHerself: the person has an account of her own; only she can erase.
        VisitsRemain: a visit or a wait is still to come.
    """
    scope = await scope_of(session, account_id, profile, today=local_day(now))
    if not scope.whole:
        raise LooksAfterHerself
    # A booking refers to the patient's row and so waits here, or is seen below.
    patient = await session.get(Patient, scope.patient_id, with_for_update=True, populate_existing=True)
    assert patient is not None
    await _check_nothing_coming(session, scope, now=now)
    kept = await was_there(session, scope, now=now)
    await telling.stop(session, patient, now=now)
    merged = select(Patient).where(col(Patient.merged_into_id) == scope.patient_id).with_for_update()
    for row in (patient, *(await session.execute(merged)).scalars()):  # a signpost to her goes with her
        empty(row, kept=kept, now=now)
    await session.execute(
        update(Profile)
        .where(col(Profile.patient_id) == scope.patient_id, col(Profile.ended_at).is_(None))
        .values(ended_at=now)
        .execution_options(synchronize_session=False)
    )
    visits = select(Appointment.public_id).where(col(Appointment.patient_id) == scope.patient_id)
    await withhold(session, (await session.execute(visits)).scalars().all(), now=now)
    await _withdraw_all(session, scope, by=by, now=now)
    record(session, "patient.erase", "patient", patient.public_id, by=by, now=now, kept=kept)
    await session.flush()
    return Erased(kept)


def empty(patient: Patient, *, kept: bool, now: datetime) -> None:
    """Take out of a row what names its person; with `kept` only what is no part of a medical record."""
    if not kept:
        patient.name = patient.name_folded = patient.name_sort = NOBODY
        patient.birth_date, patient.birth_year, patient.sex = None, 0, None
        patient.citizen_id = patient.citizen_id_index = patient.bhyt_number = patient.bhyt_index = None
    patient.ward = patient.guardian_name = patient.priority_claimed = None
    nowhere = keys().index("erased", str(patient.public_id))
    patient.phone, patient.phone_index, patient.phone_last4_index = "", nowhere, nowhere
    patient.match_key = keys().index("person", f"erased|{patient.public_id}")
    patient.no_sms, patient.erased_at = True, now


async def close_account(session: AsyncSession, account_id: int, *, by: Actor, now: datetime) -> None:
    """Forget the number of an account that looks after nobody any more; it is signed out everywhere.

    Raises:
        PeopleRemain: somebody is in its list still.
        VisitsRemain: a visit it booked for somebody who was taken off the list is still to come.
    """
    account = await matching.locked_account(session, account_id)
    live = select(Profile.id).where(col(Profile.account_id) == account_id, col(Profile.ended_at).is_(None)).limit(1)
    if await session.scalar(live) is not None:
        raise PeopleRemain
    if await coming(session, account_id, now=now):
        raise VisitsRemain
    await sessions.end_all(session, account_id, by=by, now=now)
    account.phone, account.ended_at = "", now
    account.phone_index = keys().index("erased", str(account.public_id))
    record(session, "account.close", "account", account.public_id, by=by, now=now)
    await session.flush()


async def _check_nothing_coming(session: AsyncSession, scope: Scope, *, now: datetime) -> None:
    held = (AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.ARRIVED)
    visit = select(Appointment.id).where(
        col(Appointment.patient_id) == scope.patient_id,
        col(Appointment.state).in_(held),
        col(Appointment.ends_at) > now,
    )
    wait = select(WaitlistEntry.id).where(
        col(WaitlistEntry.patient_id) == scope.patient_id, col(WaitlistEntry.state).in_(WAITS)
    )
    for query in (visit, wait):
        if await session.scalar(query.limit(1)) is not None:
            raise VisitsRemain


async def what_blocks(session: AsyncSession, scope: Scope, *, now: datetime) -> list[Blocks]:
    """What keeps a person from being erased and does not end with it: asked before anything is given up.

    Her visits to come and her waits in this account are given up; a visit that goes on, and what another account
    booked or waits for, are not.
    """
    given_up = [visit.code for visit in await coming_of(session, scope, now=now)]
    live = select(Appointment.id).where(
        col(Appointment.patient_id) == scope.patient_id,
        col(Appointment.ends_at) > now,
        col(Appointment.code).not_in(given_up),
    )
    going_on = live.where(
        (col(Appointment.state) == AppointmentState.ARRIVED)
        | ((col(Appointment.state) == AppointmentState.BOOKED) & (col(Appointment.starts_at) <= now))
    )
    booked = live.where(col(Appointment.state) == AppointmentState.BOOKED, col(Appointment.starts_at) > now)
    waits = select(WaitlistEntry.id).where(
        col(WaitlistEntry.patient_id) == scope.patient_id,
        col(WaitlistEntry.account_id) != scope.account_id,
        col(WaitlistEntry.state).in_(WAITS),
    )
    asked = ((Blocks.GOING_ON, going_on), (Blocks.OF_ANOTHER, booked), (Blocks.OF_ANOTHER, waits))
    found = [why for why, query in asked if await session.scalar(query.limit(1)) is not None]
    return list(dict.fromkeys(found))


async def was_there(session: AsyncSession, scope: Scope, *, now: datetime) -> bool:
    """Whether a person was at a facility, or may have been: then the facility keeps a record of her."""
    begun = (col(Appointment.state) == AppointmentState.BOOKED) & (col(Appointment.starts_at) <= now)
    came = col(Appointment.state).in_((AppointmentState.ARRIVED, AppointmentState.FULFILLED)) | begun
    visit = select(Appointment.id).where(col(Appointment.patient_id) == scope.patient_id, came).limit(1)
    if await session.scalar(visit) is not None:
        return True
    in_line = select(QueueTicket.id).where(col(QueueTicket.patient_id) == scope.patient_id).limit(1)
    return await session.scalar(in_line) is not None


async def waits_of(session: AsyncSession, scope: Scope) -> list[UUID]:
    """The waits of a person in this account; each is left by its own verb."""
    query = select(WaitlistEntry.public_id).where(
        col(WaitlistEntry.patient_id) == scope.patient_id,
        col(WaitlistEntry.account_id) == scope.account_id,
        col(WaitlistEntry.state).in_(WAITS),
    )
    return list((await session.execute(query)).scalars())


async def _withdraw_all(session: AsyncSession, scope: Scope, *, by: Actor, now: datetime) -> None:
    given = await consents.standing(session, scope.patient_id, today=local_day(now))
    withdrawn = {purpose: False for purpose, granted in given.items() if granted}
    await consents.give(
        session, scope.patient_id, withdrawn, account_id=scope.account_id, language="vi", channel="mobile", by=by,
        now=now,
    )  # fmt: skip
