"""Everything held about a person, as she may read it and take it away. What is shown of a table stands in `shape`."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.appointments.calling.models import VisitCall
from booking.appointments.closing.models import ClosingVisit
from booking.appointments.models import Appointment, SeriesDate, VisitSeries
from booking.appointments.waitlist.models import Offer, WaitlistEntry, WaitlistTarget
from booking.clock import ZONE
from booking.directory.models import Facility, Service
from booking.exchange.models import Conflict
from booking.invitations import matching as slips
from booking.invitations.models import Invitation, InvitationCall
from booking.invitations.telling import SUBJECT
from booking.messages.models import Message, MessageReceipt, NumberStanding
from booking.messages.service import APPOINTMENT
from booking.patients.models import Account, Consent, Patient, Profile
from booking.patients.session_models import PatientSession, VerificationCode
from booking.queue.models import QueueTicket
from booking.records.scope import Scope, visits_seen
from booking.records.shape import SECTIONS
from booking.requests.models import DataRequest
from booking.trail.models import AuditEvent

Row = dict[str, Any]


async def held(session: AsyncSession, scope: Scope, *, today: date) -> dict[str, Any]:
    """Everything held about a person that this account may see: part of the file → its rows.

    Names of the parts and of what stands in them are plain words; values are plain JSON, moments in local time.
    """
    reader = _Reader(session, await _places(session), str(scope.account.public_id))
    visits = await _ids(session, Appointment, visits_seen(scope.account), _of_person(scope))
    entries = await _ids(session, WaitlistEntry, *_mine_or_whole(scope, WaitlistEntry))
    found = [one.id for one in await slips.of_patient(session, scope.patient, today=today)] if scope.whole else []
    her_slips = or_(col(Invitation.id).in_(found), col(Invitation.appointment_id).in_(visits))
    messages = await _ids(session, Message, _told_of(visits, her_slips))
    objects = _objects(scope, [*visits.values()], [*entries.values()])
    own_profiles = [col(Profile.patient_id) == scope.patient_id]
    if not scope.whole:
        own_profiles.append(col(Profile.account_id) == scope.account_id)
    series = [col(VisitSeries.patient_id) == scope.patient_id, literal(scope.whole)]
    return {
        **_entered(scope, await reader.part(Patient, _rows_of(scope))),
        **await reader.part(Profile, *own_profiles),
        **await reader.part(Consent, *_mine_or_whole(scope, Consent)),
        **await reader.part(Appointment, col(Appointment.id).in_(visits)),
        **await reader.part(VisitSeries, *series),
        **await reader.part(SeriesDate, col(SeriesDate.series_id).in_(select(col(VisitSeries.id)).where(*series))),
        **await reader.part(Conflict, col(Conflict.appointment_id).in_(visits)),
        **await reader.part(ClosingVisit, col(ClosingVisit.appointment_id).in_(visits)),
        **await reader.part(VisitCall, col(VisitCall.appointment_id).in_(visits)),
        **await reader.part(QueueTicket, _in_line(scope, visits)),
        **await reader.part(WaitlistEntry, col(WaitlistEntry.id).in_(entries)),
        **await reader.part(WaitlistTarget, col(WaitlistTarget.entry_id).in_(entries)),
        **await reader.part(Offer, col(Offer.entry_id).in_(entries)),
        **await reader.part(Invitation, her_slips),
        **await reader.part(
            InvitationCall, col(InvitationCall.invitation_id).in_(select(col(Invitation.id)).where(her_slips))
        ),
        **await reader.part(Message, col(Message.id).in_(messages)),
        **await reader.part(MessageReceipt, col(MessageReceipt.message_id).in_(messages)),
        **await reader.part(Account, col(Account.id) == scope.account_id),
        **await reader.part(NumberStanding, col(NumberStanding.phone_index) == scope.account.phone_index),
        **await reader.part(PatientSession, col(PatientSession.account_id) == scope.account_id),
        **await reader.part(VerificationCode, col(VerificationCode.phone_index) == scope.account.phone_index),
        **await reader.part(DataRequest, *_mine_or_whole(scope, DataRequest)),
        **await reader.part(AuditEvent, objects),
    }


def _told_of(visits: dict[int, UUID], her_slips: Any) -> Any:
    """Texts about her visits, and about slips that concern her."""
    of_visits = and_(col(Message.subject_kind) == APPOINTMENT, col(Message.subject_id).in_(visits.values()))
    slips_told = select(col(Invitation.public_id)).where(her_slips)
    return or_(of_visits, and_(col(Message.subject_kind) == SUBJECT, col(Message.subject_id).in_(slips_told)))


def _entered(scope: Scope, part: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The person's row; of one who looks after herself only what makes her a line in this account's list."""
    line = {"reference", "name", "date_of_birth", "year_of_birth"}
    if scope.whole:
        return part
    return {
        name: [{key: row[key] if key in line else None for key in row} for row in rows] for name, rows in part.items()
    }


def _rows_of(scope: Scope) -> Any:
    """The person's row, and those that a desk found to be hers too."""
    herself = col(Patient.id) == scope.patient_id
    return or_(herself, col(Patient.merged_into_id) == scope.patient_id) if scope.whole else herself


def _of_person(scope: Scope) -> Any:
    return col(Appointment.patient_id) == scope.patient_id


def _mine_or_whole(scope: Scope, model: Any) -> Sequence[Any]:
    """Rows about the person: all of them, or those this account wrote."""
    about = [col(model.patient_id) == scope.patient_id]
    return about if scope.whole else [*about, col(model.account_id) == scope.account_id]


def _in_line(scope: Scope, visits: dict[int, UUID]) -> Any:
    of_visits = col(QueueTicket.appointment_id).in_(visits)
    if not scope.whole:
        return of_visits
    walked_in = and_(col(QueueTicket.patient_id) == scope.patient_id, col(QueueTicket.appointment_id).is_(None))
    return or_(of_visits, walked_in)


def _objects(scope: Scope, visits: Sequence[UUID], entries: Sequence[UUID]) -> Any:
    """The condition on the audit: what was done to her and to what is hers."""
    kinds: list[tuple[str, Sequence[UUID]]] = [
        ("profile", [scope.profile.public_id]),
        ("appointment", visits),
        ("waitlist_entry", entries),
        ("account", [scope.account.public_id]),
    ]
    if scope.whole:
        kinds.append(("patient", [scope.patient.public_id]))
    return or_(
        *(
            and_(col(AuditEvent.object_kind) == kind, col(AuditEvent.object_id).in_([str(one) for one in ids]))
            for kind, ids in kinds
        )
    )


async def _ids(session: AsyncSession, model: Any, *conditions: Any) -> dict[int, UUID]:
    """Row id → public id."""
    rows = await session.execute(select(col(model.id), col(model.public_id)).where(*conditions))
    return {row[0]: row[1] for row in rows}


async def _places(session: AsyncSession) -> dict[tuple[str, Any], str]:
    """(column, id) → name, for facilities and services."""
    facilities = await session.execute(select(col(Facility.id), col(Facility.name)))
    services = await session.execute(select(col(Service.id), col(Service.name)))
    return {("facility_id", key): name for key, name in facilities} | {
        ("service_id", key): name for key, name in services
    }


class _Reader:
    """Reads rows of a table as its section shows them."""

    def __init__(self, session: AsyncSession, places: dict[tuple[str, Any], str], account: str) -> None:
        self.session, self.places, self.account = session, places, account

    async def part(self, model: type[SQLModel], *conditions: Any) -> dict[str, list[Row]]:
        table: Table = model.__table__  # type: ignore[attr-defined]
        section = SECTIONS[table.name]
        columns = [table.c[name] for name in section.shown]
        key = table.c.get("id")
        rows = await self.session.execute(select(*columns).where(*conditions).order_by(key))
        return {section.name: [self._shown(table.name, row._mapping) for row in rows]}  # noqa: SLF001  its name

    def _shown(self, table: str, row: Any) -> Row:
        section = SECTIONS[table]
        shown = {name: self._plain(column, row[column]) for column, name in section.shown.items()}
        if table == AuditEvent.__tablename__ and row["actor_id"] != self.account:
            shown["network_address"] = None  # somebody else's
            if row["actor_kind"].value == "account":
                shown["by_whom_exactly"] = None
        return shown

    def _plain(self, column: str, value: Any) -> Any:
        if isinstance(value, int) and (column, value) in self.places:
            return self.places[column, value]
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, datetime):
            return value.astimezone(ZONE).isoformat()
        if isinstance(value, (date, UUID)):
            return str(value)
        return value
