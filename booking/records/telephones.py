"""Whose telephone a number is, as far as a desk may act for it."""

from collections.abc import Collection

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.patients.models import Account, Patient, Profile
from booking.patients.persons import phone_index
from booking.records.errors import NumberElsewhere
from booking.records.finding import within


async def check_here(session: AsyncSession, phone: str, scope: Collection[int]) -> None:
    """Whether these facilities know somebody who has this number, or nobody in the city is known by it.

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
    people = select(col(Patient.id)).where(or_(col(Patient.phone_index) == index, col(Patient.id).in_(booked_for)))
    if await session.scalar(people.limit(1)) is None:
        return
    if await session.scalar(people.where(within(scope)).limit(1)) is None:
        raise NumberElsewhere
