"""Use cases of the place to practise: make it, begin anew."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.availability import publishing
from booking.directory.kinds import FacilityKind, FacilityState
from booking.directory.models import Facility
from booking.text import fold, plain_sort_key
from booking.trail.models import AuditEvent
from booking.trail.service import record
from booking.training import filling, sample, wiping

ANEW: Final = "training.anew"
"""In the audit."""


async def begin_anew(session: AsyncSession, *, by: Actor, now: datetime) -> None:
    """Take away whatever was practised and fill the place with a day around now; where there is none yet, make it.

    One at a time, and never beside a run that publishes.
    """
    await publishing.alone(session)
    place = await _made(session)
    await wiping.lock(session, place)
    await wiping.wipe(
        session, place, services=[one["code"] for one in sample.SERVICES], rooms=[code for code, _ in sample.ROOMS],
        practitioners=[code for code, _ in sample.PRACTITIONERS],
    )  # fmt: skip
    await filling.fill(session, place, by=by, now=now)
    record(session, ANEW, "facility", sample.CODE, by=by, now=now)


async def is_there(session: AsyncSession) -> bool:
    """Whether the place was ever made."""
    return await session.scalar(select(col(Facility.id)).where(col(Facility.training)).limit(1)) is not None


async def begun_at(session: AsyncSession) -> datetime | None:
    """When it was last begun anew; None where it never was."""
    query = select(col(AuditEvent.at)).where(
        col(AuditEvent.object_kind) == "facility",
        col(AuditEvent.object_id) == sample.CODE,
        col(AuditEvent.action) == ANEW,
    )
    return await session.scalar(query.order_by(col(AuditEvent.id).desc()).limit(1))


async def _made(session: AsyncSession) -> int:
    """The id of the place. Its state is one in which patients can book nothing, and no page ever sets another."""
    values = {
        "code": sample.CODE, "kind": FacilityKind.HEALTH_STATION, "state": FacilityState.NOT_YET_OPEN,
        "name": sample.NAME, "name_en": sample.NAME_EN, "sms_name": "Tap duot", "address": None, "phone": None,
        "confirmed": False, "search_key": fold(sample.NAME), "sort_key": plain_sort_key(sample.NAME), "training": True,
    }  # fmt: skip
    await session.execute(upsert(Facility).values(**values).on_conflict_do_nothing(constraint="facility_code_key"))
    query = select(col(Facility.id)).where(col(Facility.code) == sample.CODE, col(Facility.training))
    return (await session.execute(query)).scalar_one() or 0
