"""Two records that are one person: which look like it, joining them, and taking that back.

Joining is said by a member of staff who knows the person; nothing is joined by itself. All that hangs on the merged
record follows the kept one; the merged one stays as a signpost, so that whoever books with its name, birth and
telephone books for the kept person. Taken back, exactly the rows that were moved go back; what was made since stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, func, or_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select

from booking import ids
from booking.appointments.kinds import BLOCKS_DAY
from booking.appointments.models import Appointment
from booking.appointments.waitlist.kinds import WAITS
from booking.appointments.waitlist.models import WaitlistEntry
from booking.patients.errors import MergeClash, MergeUnknown
from booking.patients.models import Patient, PatientMerge, Profile
from booking.patients.persons import phone_index
from booking.patients.rules import Birth, Phone
from booking.records import finding
from booking.records.finding import Found, Looking
from booking.trail.service import record

FOLLOWS: Final = (
    "appointment", "consent", "data_request", "patient_flag", "profile", "queue_ticket", "visit_series",
    "waitlist_entry",
)  # fmt: skip
"""Tables whose rows follow the kept person: each has `patient_id`."""

STAYS: Final[Mapping[str, str]] = {
    "patient": "a row that was merged before is a signpost already; a chain is refused",
    "patient_merge": "what was joined and when is history",
}
"""Tables that refer to a patient and are not moved, each with its reason; a test knows of no third sort."""

MOST_PAIRS: Final = 50


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that look like one person, and why: name, birth, phone."""

    one: Found
    other: Found
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two records that were joined, and who did it."""

    id: UUID
    kept: str
    merged: str
    made_at: datetime
    made_by: str
    undone_at: datetime | None


async def alike(session: AsyncSession, folded: str, birth: Birth, phone: Phone | None, looking: Looking) -> list[Found]:
    """People within the scope who look like somebody: the same name and year of birth, or name and telephone."""
    same: list[ColumnElement[bool]] = [col(Patient.birth_year) == birth.year]
    if phone is not None:
        same.append(col(Patient.phone_index) == phone_index(phone.e164, training=looking.training))
    rows = (
        select(Patient)
        .where(col(Patient.name_folded) == folded, or_(*same), _open(Patient), finding.within(looking.scope))
        .order_by(col(Patient.id))
        .limit(finding.MOST)
    )
    return await finding.seen(session, list((await session.execute(rows)).scalars()), looking)


async def pairs(session: AsyncSession, looking: Looking) -> list[Pair]:
    """Records of the scope that look like one person, at most MOST_PAIRS; each is written into the audit."""
    one, other = aliased(Patient), aliased(Patient)
    name = col(one.name_folded) == col(other.name_folded)
    year = col(one.birth_year) == col(other.birth_year)
    days = or_(
        col(one.birth_date).is_(None), col(other.birth_date).is_(None), col(one.birth_date) == col(other.birth_date)
    )
    phone = col(one.phone_index) == col(other.phone_index)
    card = col(one.citizen_id_index) == col(other.citizen_id_index)
    query = (
        select(one, other)
        .join(other, and_(col(one.id) < col(other.id), or_(and_(name, or_(and_(year, days), phone)), card)))
        .where(_open(one), _open(other), finding.within(looking.scope, one), finding.within(looking.scope, other))
        .order_by(col(one.name_sort), col(one.id), col(other.id))
        .limit(MOST_PAIRS)
    )
    rows = (await session.execute(query)).all()
    people = {row.id: row for pair in rows for row in pair}
    views = {view.patient_id: view for view in await finding.seen(session, list(people.values()), looking)}
    return [Pair(views[a.id or 0], views[b.id or 0], _why(a, b)) for a, b in rows]


def _open(patient: Any) -> ColumnElement[bool]:
    return and_(col(patient.merged_into_id).is_(None), col(patient.erased_at).is_(None))


def _why(one: Patient, other: Patient) -> tuple[str, ...]:
    same = {
        "name": one.name_folded == other.name_folded,
        "birth": one.birth_year == other.birth_year,
        "phone": one.phone_index is not None and one.phone_index == other.phone_index,
        "card": one.citizen_id_index is not None and one.citizen_id_index == other.citizen_id_index,
    }
    return tuple(name for name, true in same.items() if true)


async def join(session: AsyncSession, kept: UUID, merged: UUID, looking: Looking) -> UUID:
    """Make two records one; the join's public id. Both must lie in the scope.

    Raises:
        PatientUnknown: one of them is none of this desk's.
        MergeClash: both have a visit for one service on one day, or wait for the same; or one was joined already.
    """
    one, _ = await finding.one(session, kept, looking)
    other, _ = await finding.one(session, merged, looking)
    if one.id == other.id:  # said twice; or one record, which is no two
        return await _made_before(session, kept, merged)
    rows = await _locked(session, one, other)
    kept_row, merged_row = rows[one.id or 0], rows[other.id or 0]
    if kept_row.merged_into_id is not None or merged_row.merged_into_id is not None:
        raise MergeClash(reason="chain")
    assert kept_row.id is not None
    assert merged_row.id is not None
    await _check(session, kept_row.id, merged_row.id)
    moved: dict[str, Any] = {"ended": await _end_doubles(session, kept_row.id, merged_row.id, now=looking.now)}
    for table in FOLLOWS:
        moved[table] = await _move(session, _table(table), merged_row.id, kept_row.id)
    filled = _fill(kept_row, merged_row)
    moved["filled"] = filled
    moved["no_sms"] = kept_row.no_sms
    kept_row.no_sms = kept_row.no_sms or merged_row.no_sms
    merged_row.merged_into_id = kept_row.id
    made = PatientMerge(
        public_id=ids.public_id(), kept_id=kept_row.id, merged_id=merged_row.id, facility_id=looking.facility_id,
        moved=moved, made_at=looking.now, made_by=looking.by.id or "",
    )  # fmt: skip
    session.add(made)
    counts = {table: len(moved[table]) for table in FOLLOWS if moved[table]}
    for row, role in ((kept_row, "kept"), (merged_row, "merged")):
        record(
            session, "patient.merge", "patient", row.public_id, by=looking.by, now=looking.now, role=role,
            merge=str(made.public_id), moved=counts,
        )  # fmt: skip
    await session.flush()
    return made.public_id


async def _made_before(session: AsyncSession, kept: UUID, merged: UUID) -> UUID:
    query = (
        select(col(PatientMerge.public_id))
        .join(Patient, col(Patient.id) == col(PatientMerge.merged_id))
        .where(col(Patient.public_id) == merged, col(PatientMerge.undone_at).is_(None))
    )
    found = await session.scalar(query)
    if found is None or kept == merged:
        raise MergeClash(reason="chain")
    return found


async def part(session: AsyncSession, merge: UUID, looking: Looking) -> None:
    """Take a join back; taking it back again changes nothing.

    Raises:
        MergeUnknown: this facility made no such join.
        MergeClash: the kept record was joined with a third since, or a visit made since stands in the way.
    """
    query = select(PatientMerge).where(
        col(PatientMerge.public_id) == merge, col(PatientMerge.facility_id) == looking.facility_id
    )
    found = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if found is None:
        raise MergeUnknown
    if found.undone_at is not None:
        return
    rows = {
        row.id: row
        for row in (
            await session.execute(
                select(Patient).where(col(Patient.id).in_([found.kept_id, found.merged_id])).order_by(col(Patient.id))
                .with_for_update().execution_options(populate_existing=True)
            )
        ).scalars()
    }  # fmt: skip
    kept, merged = rows[found.kept_id], rows[found.merged_id]
    if kept.merged_into_id is not None:
        raise MergeClash(reason="chain")
    for table in FOLLOWS:
        await _give_back(session, _table(table), found.moved[table], found.kept_id, found.merged_id)
    await _begin_again(session, found.moved["ended"])
    for column in found.moved["filled"]:
        if getattr(kept, column) == getattr(merged, column):  # what was corrected since is kept
            setattr(kept, column, None)
    kept.no_sms = bool(found.moved["no_sms"])
    merged.merged_into_id = None
    found.undone_at, found.undone_by = looking.now, looking.by.id or ""
    for row in (kept, merged):
        record(
            session, "patient.part", "patient", row.public_id, by=looking.by, now=looking.now,
            merge=str(found.public_id),
        )  # fmt: skip
    await session.flush()


async def joins(session: AsyncSession, looking: Looking, *, most: int = 20) -> list[Joined]:
    """The latest joins of a facility."""
    kept, merged = aliased(Patient), aliased(Patient)
    query = (
        select(PatientMerge, col(kept.name), col(merged.name))
        .join(kept, col(kept.id) == col(PatientMerge.kept_id))
        .join(merged, col(merged.id) == col(PatientMerge.merged_id))
        .where(col(PatientMerge.facility_id) == looking.facility_id)
        .order_by(col(PatientMerge.id).desc())
        .limit(most)
    )
    return [
        Joined(row.public_id, one, other, row.made_at, row.made_by, row.undone_at)
        for row, one, other in (await session.execute(query)).all()
    ]


def _table(name: str) -> Table:
    return SQLModel.metadata.tables[name]


async def _locked(session: AsyncSession, one: Patient, other: Patient) -> dict[int, Patient]:
    """Both rows, locked by id against whoever would add to them meanwhile: a booking refers to its patient's row."""
    query = (
        select(Patient)
        .where(col(Patient.id).in_([one.id, other.id]))
        .order_by(col(Patient.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in (await session.execute(query)).scalars() if row.id is not None}


async def _check(session: AsyncSession, kept: int, merged: int) -> None:
    """One visit a person, service and day; one wait a person and service."""
    mine, hers = aliased(Appointment), aliased(Appointment)
    both = (
        select(col(mine.code), col(hers.code))
        .join(hers, and_(col(mine.service_id) == col(hers.service_id), col(mine.day) == col(hers.day)))
        .where(
            col(mine.patient_id) == kept, col(hers.patient_id) == merged, col(mine.state).in_(BLOCKS_DAY),
            col(hers.state).in_(BLOCKS_DAY),
        )
    )  # fmt: skip
    codes = sorted({code for row in (await session.execute(both)).all() for code in row})
    if codes:
        raise MergeClash(reason="visits", codes=", ".join(codes))
    waits, others = aliased(WaitlistEntry), aliased(WaitlistEntry)
    same = (
        select(func.count())
        .select_from(waits)
        .join(others, col(waits.service_code) == col(others.service_code))
        .where(
            col(waits.patient_id) == kept, col(others.patient_id) == merged, col(waits.state).in_(WAITS),
            col(others.state).in_(WAITS),
        )
    )  # fmt: skip
    if (await session.execute(same)).scalar_one():
        raise MergeClash(reason="waits")


async def _end_doubles(session: AsyncSession, kept: int, merged: int, *, now: datetime) -> list[int]:
    """End the merged person's entries in accounts that list the kept one too; which, to begin them again."""
    has = select(col(Profile.account_id)).where(col(Profile.patient_id) == kept, col(Profile.ended_at).is_(None))
    ended = await session.execute(
        update(Profile)
        .where(col(Profile.patient_id) == merged, col(Profile.ended_at).is_(None), col(Profile.account_id).in_(has))
        .values(ended_at=now)
        .returning(col(Profile.id))
        .execution_options(synchronize_session=False)
    )
    return [one for one in ended.scalars() if one is not None]


async def _move(session: AsyncSession, table: Table, before: int, after: int) -> list[int]:
    moved = await session.execute(
        update(table).where(table.c.patient_id == before).values(patient_id=after).returning(table.c.id)
    )
    return sorted(moved.scalars())


async def _give_back(session: AsyncSession, table: Table, moved: list[int], kept: int, merged: int) -> None:
    """Rows that changed hands, back; one that went elsewhere since stays there."""
    await session.execute(
        update(table).where(table.c.id.in_(moved), table.c.patient_id == kept).values(patient_id=merged)
    )


async def _begin_again(session: AsyncSession, ended: list[int]) -> None:
    await session.execute(
        update(Profile)
        .where(col(Profile.id).in_(ended))
        .values(ended_at=None)
        .execution_options(synchronize_session=False)
    )


_FILLABLE: Final = (
    ("citizen_id", ("citizen_id", "citizen_id_index")),
    ("bhyt_number", ("bhyt_number", "bhyt_index")),
    ("phone", ("phone", "phone_index", "phone_last4_index")),
    ("ward", ("ward",)),
    ("sex", ("sex",)),
    ("birth_date", ("birth_date",)),
)


def _fill(kept: Patient, merged: Patient) -> list[str]:
    """What the kept record lacks and the merged one has; which columns, to empty them again."""
    filled: list[str] = []
    for first, columns in _FILLABLE:
        if getattr(kept, first) is None and getattr(merged, first) is not None:
            if first == "birth_date" and merged.birth_year != kept.birth_year:
                continue
            for column in columns:
                setattr(kept, column, getattr(merged, column))
            filled += columns
    return filled
